// Starts the page.

import { App } from "./app.js";
import { el, fill, heading } from "./dom.js";
import { planOf } from "./plan.js";

const place = /** @type {HTMLElement} */ (document.getElementById("study"));
const plan = planOf(document);

if (plan) new App(place, plan);
else fill(place, el("div", { class: "card" }, heading("A study"), el("p", {}, "This page belongs to a study: ", el("code", {}, "impasto study serve FOLDER"))));
