// Looks under names of one's own: kept in the browser, shared as files.

import { button, download, el, fill } from "./dom.js";
import { readLook } from "./look.js";
import { words } from "./words.js";

/** @typedef {import("./app.js").App} App */

export class Presets {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {Record<string, unknown>} */
    this.all = app.store.get("presets", {});
    this.name = el("input", { type: "text", maxLength: 60, placeholder: words.presetName, "aria-label": words.presetName });
    this.list = el("ul", { class: "presets" });
    this.element = el(
      "details",
      { class: "group" },
      el("summary", {}, words.presets),
      el("form", { class: "row", on: { submit: (/** @type {Event} */ event) => this.#keep(event) } }, this.name, el("button", { type: "submit" }, words.savePreset)),
      this.list,
      el("p", { class: "dim" }, words.presetsHelp),
    );
    this.#draw();
  }

  /** @param {Event} event */
  #keep(event) {
    event.preventDefault();
    const name = this.name.value.trim();
    if (!name) return;
    const { styles, controls, layers } = this.app.look;
    this.all[name] = { styles: styles.filter((share) => !share.style.startsWith("own:")), controls, layers: layers.filter((layer) => layer.found) };
    this.name.value = "";
    this.#save();
  }

  #save() {
    this.app.store.set("presets", this.all);
    this.#draw();
  }

  #draw() {
    fill(
      this.list,
      ...Object.entries(this.all).map(([name, look]) =>
        el(
          "li",
          { class: "row small" },
          button(name, () => this.app.settle(readLook(look)), { class: "name" }),
          button(words.share, () => download(new Blob([JSON.stringify(look, null, 1)], { type: "application/json" }), `${name}.impasto.json`), { "aria-label": words.sharePreset(name) }),
          button("✕", () => { delete this.all[name]; this.#save(); }, { "aria-label": words.removePreset(name), class: "quiet" }),
        ),
      ),
    );
  }
}
