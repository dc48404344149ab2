// Looks under names of one's own: kept in the browser, shared as files.

import { button, download, el, refill } from "./dom.js";
import { readLook, without } from "./look.js";
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
    const { styles, controls, layers: all } = this.app.look;
    const layers = all.filter((layer) => layer.found);
    const used = [...styles, ...layers].map((one) => one.style).filter((style) => style && style !== "none");
    const names = Object.fromEntries(used.map((style) => [style, this.app.titleOf(style)]));
    this.all[name] = { styles, controls, layers, names };
    this.name.value = "";
    this.#save();
  }

  #save() {
    this.app.store.set("presets", this.all);
    this.#draw();
  }

  #draw() {
    refill(
      this.list,
      ...Object.entries(this.all).map(([name, look]) =>
        el(
          "li",
          { class: "row small" },
          button(name, () => void wearPreset(this.app, look), { class: "name", "data-part": `${name} wear` }),
          button(words.share, () => download(new Blob([JSON.stringify(look, null, 1)], { type: "application/json" }), `${name}.impasto.json`), { "aria-label": words.sharePreset(name), "data-part": `${name} share` }),
          button("✕", () => { delete this.all[name]; this.#save(); }, { "aria-label": words.removePreset(name), class: "quiet", "data-part": `${name} remove` }),
        ),
      ),
    );
  }
}

/**
 * Put on a preset, from here or from a file. Paintings that are not here are left out and named, as they were called
 * where it was kept; if none of its styles is here, those that are on stay.
 * @param {App} app
 * @param {unknown} preset
 */
export async function wearPreset(app, preset) {
  const look = readLook(preset);
  const names = /** @type {any} */ (preset)?.names ?? {};
  const here = (/** @type {string} */ style) =>
    !style || style === "none" || (style.startsWith("own:") ? app.own.has(style.slice(4)) : app.styles.some((one) => one.name === style));
  const gone = [...look.styles, ...look.layers].map((one) => one.style).filter((style) => !here(style));
  const called = (/** @type {string} */ style) => (typeof names[style] === "string" ? names[style] : app.titleOf(style));
  if (gone.length) app.note(words.styleGone([...new Set(gone)].map(called).join(", ")));
  const rest = without(look, here);
  await app.wear(look.styles.some((share) => here(share.style)) ? rest : { ...rest, styles: app.look.styles });
}
