// Looks under names of one's own: kept by the command line or in the browser, shared as files.

import { button, download, el, refill } from "./dom.js";
import { nameFor } from "./fields.js";
import { readLook, without } from "./look.js";
import { words } from "./words.js";

/** @typedef {import("./app.js").App} App */

export class Presets {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {Record<string, unknown>} */
    this.all = app.store.get("presets", {});
    /** @type {Record<string, any>} the command line's, which whoever runs it may change here */
    this.shared = {};
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
    app.addEventListener("styles", () => void this.#share(async () => {}), { once: true });
  }

  /**
   * Do something with the command line's presets, and see which there are then.
   * @param {() => Promise<void>} act
   */
  async #share(act) {
    try {
      await act();
      this.shared = (await this.app.engine.presets?.()) ?? {};
    } catch (error) {
      this.app.fail(error);
    }
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
    const preset = { title: name, styles, controls, layers, names };
    this.name.value = "";
    if (this.app.limits.presets && !used.some((style) => style.startsWith("own:"))) {
      const [before] = Object.entries(this.shared).find(([, one]) => one.title === name) ?? [];
      const called = before ?? nameFor(name, Object.keys(this.shared), "preset");
      void this.#share(async () => this.app.engine.savePreset?.(called, preset, !before));
      return;
    }
    this.all[name] = preset;
    this.#save();
  }

  #save() {
    this.app.store.set("presets", this.all);
    this.#draw();
  }

  #draw() {
    const shared = Object.entries(this.shared).map(([name, look]) =>
      this.#row(look.title || name, look, this.app.limits.presets && (() => void this.#share(async () => this.app.engine.removePreset?.(name)))),
    );
    const own = Object.entries(this.all).map(([name, look]) => this.#row(name, look, () => { delete this.all[name]; this.#save(); }));
    refill(this.list, ...shared, ...own);
  }

  /**
   * @param {string} name
   * @param {unknown} look
   * @param {false | undefined | (() => void)} remove none where it is somebody else's
   */
  #row(name, look, remove) {
    return el(
      "li",
      { class: "row small" },
      button(name, () => void wearPreset(this.app, look), { class: "name", "data-part": `${name} wear` }),
      button(words.share, () => download(new Blob([JSON.stringify(look, null, 1)], { type: "application/json" }), `${name}.impasto.json`), { "aria-label": words.sharePreset(name), "data-part": `${name} share` }),
      remove && button("✕", remove, { "aria-label": words.removePreset(name), class: "quiet", "data-part": `${name} remove` }),
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
  const said = /** @type {any} */ (preset)?.styles?.length > 0; // one of controls alone leaves the style
  await app.wear(said && look.styles.some((share) => here(share.style)) ? rest : { ...rest, styles: app.look.styles });
}
