// The screens around the pairs: welcome, pause, end.

import { button, el, heading, say } from "./dom.js";
import { fileButtons, mailLine } from "./files.js";
import { keyList } from "./pair.js";

/**
 * @typedef {import("./session.js").Session} Session
 * @typedef {object} Screen
 * @property {HTMLElement} element
 * @property {HTMLElement} heading
 * @property {string} title
 * @property {() => void} update show what has changed
 */

/** @param {number} count */
const pairs = (count) => (count === 1 ? "1 pair" : `${count} pairs`);

/**
 * @param {Session} session
 * @param {{begin: () => void, goOn: () => void, trouble: () => string}} acts
 * @returns {Screen}
 */
export function welcomeScreen(session, acts) {
  const { plan } = session;
  const title = heading(plan.title);
  const box = el("input", { type: "checkbox", id: "agree", "aria-describedby": "missing" });
  const alert = el("p", { id: "missing", class: "alert", role: "alert" });
  const status = el("p", { class: "status", role: "status" });
  const consent = plan.consent.startsWith("I agree") ? plan.consent : ["I agree", plan.consent].filter(Boolean).join(": ");
  box.addEventListener("change", () => {
    say(alert, "");
    box.removeAttribute("aria-invalid");
  });
  const begin = () => {
    if (box.checked) return acts.begin();
    say(alert, "Tick “I agree” to begin.");
    box.setAttribute("aria-invalid", "true");
    box.focus();
  };
  const { unfinished } = session;
  const element = el("div", { class: "card" },
    title,
    ...plan.welcome.split("\n").filter((line) => line.trim()).map((line) => el("p", {}, line)),
    el("p", {}, `You will see ${pairs(session.total)} of pictures. For each pair you are asked:`),
    el("ul", {}, ...plan.questions.map((question) => el("li", {}, question.text))),
    unfinished && el("div", { class: "unfinished" },
      el("p", {}, `You have begun: ${session.done} of ${session.total} done.`),
      button("Go on", acts.goOn, { class: "main" })),
    el("div", { class: "agree" }, box, el("label", { for: "agree" }, consent)),
    alert,
    el("div", { class: "row" }, button(unfinished ? "Begin as another observer" : "Begin", begin, unfinished ? {} : { class: "main" })),
    status,
  );
  return { element, heading: title, title: "", update: () => say(status, acts.trouble()) };
}

/**
 * @param {Session} session
 * @param {{goOn: () => void, trouble: () => string}} acts
 * @returns {Screen}
 */
export function pauseScreen(session, acts) {
  const title = heading("Paused");
  const kept = el("p", {});
  const status = el("p", { class: "status", role: "status" });
  const update = () => {
    const places = session.keeping.lasting ? "Your answers are kept in this browser" : "Your answers are kept in this page";
    say(kept, `${places}${session.plan.served && !session.unsafe.length ? " and on the server" : ""}.`);
    say(status, acts.trouble());
  };
  update();
  const element = el("div", { class: "card" },
    title,
    el("p", {}, `${session.done} of ${session.total} pairs are done.`),
    kept,
    session.keeping.lasting
      ? el("p", {}, "You may close this page, and return to it with the same browser.")
      : el("p", {}, "Leave this page open until the end."),
    el("div", { class: "row" }, button("Go on", acts.goOn, { class: "main" })),
    !session.plan.served && session.answers.length > 0 && fileButtons(session, update),
    el("div", { class: "keys" }, el("h2", {}, "Keys"), keyList()),
    status,
  );
  return { element, heading: title, title: `Paused · ${session.done} of ${session.total}`, update };
}

/**
 * @param {Session} session
 * @param {{round: () => void, next: () => void, trouble: () => string}} acts
 * @returns {Screen}
 */
export function endScreen(session, acts) {
  const { plan } = session;
  const title = heading("Thank you");
  const status = el("p", { class: "state", role: "status" });
  const update = () => {
    const safe = !session.unsafe.length;
    if (plan.served) say(status, acts.trouble() || (safe ? "Everything is saved on the server." : "Saving on the server …"));
    else say(status, safe ? "The answers were downloaded." : "The answers are in this browser only. Download them now.");
  };
  update();
  const element = el("div", { class: "card" },
    title,
    el("p", {}, `You have judged ${pairs(session.done)} of pictures.`),
    status,
    !plan.served && fileButtons(session, update, { class: "main" }),
    !plan.served && mailLine(session),
    el("div", { class: "row apart" }, button("Another round", acts.round), button("Next observer", acts.next)),
  );
  return { element, heading: title, title: "Thank you", update };
}
