// Where the paint lies: parts of the photo that are painted otherwise, or left.

import { button, el, refill, slider } from "./dom.js";
import { DEFAULTS, MOST_LAYERS, same, withLayer } from "./look.js";
import { newLayer } from "./brush.js";
import { maskOf } from "./mix.js";
import { words } from "./words.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./look.js").Layer} Layer
 */

export class Layers {
  /**
   * @param {App} app
   * @param {import("./brush.js").Brush} brush
   * @param {import("./view.js").View} view
   */
  constructor(app, brush, view) {
    this.app = app;
    this.brush = brush;
    this.view = view;
    /** @type {string} the layers as they are drawn */
    this.drawn = "";
    this.file = el("input", { type: "file", accept: "image/*", hidden: true, on: { change: () => void this.#picked() } });
    this.wanting = "";
    this.list = el("ol", { class: "layers" });
    this.size = slider({
      label: words.brushWidth,
      low: 0.5,
      high: 60,
      step: 0.5,
      usual: 12,
      show: (value) => `${value} %`,
      move: (value) => brush.set({ size: value / 100 }),
      settle: (value) => brush.set({ size: value / 100 }),
    });
    this.hardness = slider({
      label: words.hardness,
      help: words.hardnessHelp,
      low: 0,
      high: 100,
      step: 5,
      usual: 50,
      show: (value) => `${value} %`,
      move: (value) => brush.set({ hardness: value / 100 }),
      settle: (value) => brush.set({ hardness: value / 100 }),
    });
    this.brushes = el("div", { class: "brushes", hidden: true }, this.size.element, this.hardness.element, el("p", { class: "dim keys" }, words.brushKeys));
    this.element = el(
      "section",
      { class: "where", "aria-label": words.where },
      el("h3", {}, words.where),
      el(
        "div",
        { class: "row" },
        button(words.photoBack, () => this.add({}, true), { title: words.photoBackHelp }),
        button(words.paintIn, () => this.#paintIn(), { title: words.paintInHelp }),
        button(words.otherStyle, () => this.add({ style: "great-wave" }, true), { title: words.otherStyleHelp }),
      ),
      (this.finders = el(
        "div",
        { class: "row" },
        ...["person", "background", "faces"].map((found) =>
          button(words.found[found].keep, () => this.#find(found), { title: words.found[found].help }),
        ),
      )),
      this.list,
      this.brushes,
      this.file,
    );
    app.on("look", () => this.#sync());
    app.on("styles", () => {
      this.finders.hidden = !!app.limits.without?.includes("find");
      this.drawn = "";
      this.#sync();
    });
    brush.addEventListener("change", () => this.#sync());
  }

  /**
   * Add a part.
   * @param {Partial<Layer>} given
   * @param {boolean} [draw] whether it is to be drawn at once
   * @returns {string} its id; "" if there are too many
   */
  add(given, draw = false) {
    const { app } = this;
    if (app.look.layers.length >= MOST_LAYERS) {
      app.note(words.manyLayers(MOST_LAYERS));
      return "";
    }
    const layer = newLayer(given);
    if (draw) this.brush.choose(layer.id);
    app.settle({ ...app.look, layers: [...app.look.layers, layer] });
    if (draw) {
      this.brush.choose(layer.id);
      this.brushes.scrollIntoView({ block: "nearest" });
    }
    this.#seen(app.look.layers.length - 1);
    return layer.id;
  }

  /** Scroll a part's row to where it is seen. @param {number} index */
  #seen(index) {
    this.list.children[index]?.scrollIntoView({ block: "nearest" });
  }

  /** Add a part that finds itself, or show the one that is there. @param {string} found */
  #find(found) {
    const index = this.app.look.layers.findIndex((layer) => layer.found === found);
    if (index < 0) this.add({ found, ...(found === "faces" ? { style: "", strength: 40 } : {}) });
    else this.#seen(index);
  }

  /** The photo everywhere, to brush the effect into. */
  #paintIn() {
    const layer = this.add({}, true);
    if (!layer) return;
    this.brush.whole(layer, "fill");
    this.brush.choose(layer, true);
  }

  #sync() {
    const { layers } = this.app.look;
    this.brushes.hidden = !this.brush.active;
    this.size.set(Math.round(this.brush.size * 200) / 2);
    const shape = JSON.stringify([layers.map(({ id, style, found, mask }) => [id, style, found, !!mask]), this.brush.layer, this.brush.erase, this.app.state.photo]);
    if (shape === this.drawn) {
      for (const layer of layers) this.#values(layer);
      return;
    }
    this.drawn = shape;
    this.sliders = new Map();
    refill(this.list, ...layers.map((layer, index) => this.#row(layer, index)));
    for (const layer of layers) this.#values(layer);
  }

  /** @type {Map<string, {strength: ReturnType<typeof slider>, brush: ReturnType<typeof slider>}>} */
  sliders = new Map();

  /** @param {Layer} layer */
  #values(layer) {
    const found = this.sliders.get(layer.id);
    found?.strength.set(layer.strength ?? 100);
    found?.brush.set(layer.brush_size ?? this.app.look.controls.brush_size);
  }

  /** @param {Layer} layer @param {number} index */
  #row(layer, index) {
    const { app, brush } = this;
    const change = (/** @type {Partial<Layer>} */ to) => app.settle(withLayer(app.look, layer.id, to));
    const move = (/** @type {Partial<Layer>} */ to) => app.move(withLayer(app.look, layer.id, to));
    const part = (/** @type {string} */ name) => ({ "data-part": `${layer.id} ${name}` });
    const name = layer.found ? words.found[layer.found].label : words.part(index + 1);
    const options = [["none", words.thePhoto], ["", words.asGround], ...[...app.own.keys()].map((key) => [`own:${key}`, app.titleOf(`own:${key}`)]), ...app.styles.map((one) => [one.name, one.title])];
    const select = el(
      "select",
      { "aria-label": words.styleOf(name), ...part("style"), on: { change: () => change({ style: select.value }) } },
      ...options.map(([value, label]) => el("option", { value, selected: value === layer.style }, label)),
    );
    const strength = slider({
      label: words.controls.strength.label,
      low: 0,
      high: 100,
      usual: DEFAULTS.strength,
      show: (value) => `${value} %`,
      move: (value) => move({ strength: value }),
      settle: (value) => change({ strength: value }),
    });
    const size = slider({
      label: words.controls.brush_size.label,
      low: 0.25,
      high: 4,
      usual: DEFAULTS.brush_size,
      log: true,
      show: words.controls.brush_size.show,
      move: (value) => move({ brush_size: value }),
      settle: (value) => change({ brush_size: value }),
    });
    this.sliders.set(layer.id, { strength, brush: size });
    const drawing = brush.layer === layer.id;
    const tool = (/** @type {string} */ label, /** @type {boolean} */ erase, /** @type {string} */ help) =>
      button(label, () => brush.choose(drawing && brush.erase === erase ? "" : layer.id, erase), {
        "aria-pressed": String(drawing && brush.erase === erase),
        title: help,
        ...part(label),
      });
    const paints = layer.style !== "none";
    return el(
      "li",
      { class: drawing ? "layer drawing" : "layer", "aria-label": name },
      el("div", { class: "row" }, el("strong", {}, name), select, button("✕", () => removeLayer(app, layer.id), { "aria-label": words.removePart(name), class: "quiet" })),
      el(
        "div",
        { class: "row small" },
        tool(words.draw, false, words.drawHelp),
        tool(words.erase, true, words.eraseHelp),
        button(words.invert, () => brush.whole(layer.id, "invert"), part("invert")),
        button(words.clear, () => brush.whole(layer.id, "clear"), part("clear")),
        button(words.maskFile, () => this.#ask(layer.id), { title: words.maskFileHelp, ...part("file") }),
      ),
      paints && strength.element,
      paints && layer.style !== "" && size.element,
    );
  }

  /** @param {string} layer */
  #ask(layer) {
    this.wanting = layer;
    this.file.click();
  }

  async #picked() {
    const [file] = this.file.files ?? [];
    this.file.value = "";
    if (!file) return;
    try {
      this.brush.take(this.wanting, maskOf(await createImageBitmap(file)));
    } catch {
      this.app.say({ text: words.noMask(file.name), kind: "fault" });
    }
  }
}

/** @param {App} app @param {string} id */
function removeLayer(app, id) {
  const look = withLayer(app.look, id, null);
  if (!same(look, app.look)) app.settle(look);
}
