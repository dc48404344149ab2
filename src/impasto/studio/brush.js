// The brush: draws the mask of the chosen layer.

import { context } from "./mix.js";
import { newKey, withLayer } from "./look.js";
import { SIDE } from "./painter.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./painter.js").Painter} Painter */
/** @typedef {{x: number, y: number}} Place  0..1 of the picture */

const STROKE = "stroke"; // the key of a mask that is being drawn

export class Brush extends EventTarget {
  /** @param {App} app @param {Painter} painter */
  constructor(app, painter) {
    super();
    this.app = app;
    this.painter = painter;
    /** The layer that is drawn; "" draws nothing. */
    this.layer = "";
    this.erase = false;
    this.size = 0.12; // of the picture's longer side
    this.hardness = 0.5;
    /** @type {Place | null} */
    this.place = null;
    this.stroke = false;
    /** @type {Place | null} */
    this.last = null;
    app.on("look", () => {
      if (this.layer && !this.app.look.layers.some((one) => one.id === this.layer)) this.choose("");
    });
  }

  get active() {
    return this.layer !== "";
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} layer @param {boolean} [erase] */
  choose(layer, erase = false) {
    this.layer = layer;
    this.erase = erase;
    if (!layer) this.place = null;
    this.#changed();
  }

  /** @param {{size?: number, hardness?: number}} change */
  set(change) {
    Object.assign(this, change);
    this.size = Math.min(0.6, Math.max(0.005, this.size));
    this.#changed();
  }

  /** The chosen layer's mask. @returns {HTMLCanvasElement | ImageBitmap | null} */
  mask() {
    const layer = this.app.look.layers.find((one) => one.id === this.layer);
    return layer ? this.painter.maskOf(layer) : null;
  }

  /** A copy of the chosen layer's mask, or an empty one. */
  #copy() {
    const { before } = this.painter;
    const scale = SIDE / Math.max(before?.width ?? SIDE, before?.height ?? SIDE, SIDE);
    const canvas = document.createElement("canvas");
    const to = context(canvas, Math.round((before?.width ?? 1) * scale), Math.round((before?.height ?? 1) * scale));
    const mask = this.mask();
    if (mask) to.drawImage(mask, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  /** @param {Place | null} place */
  hover(place) {
    this.place = place;
    this.#changed();
  }

  /** @param {Place} place */
  begin(place) {
    if (!this.painter.before) return;
    this.stroke = true;
    this.last = null;
    this.app.drawn.set(STROKE, this.#copy());
    this.move(place);
  }

  /** @param {...Place} places */
  move(...places) {
    if (!this.stroke) return;
    const canvas = /** @type {HTMLCanvasElement} */ (this.app.drawn.get(STROKE));
    for (const place of places) this.#lineTo(canvas, place);
    this.app.move(withLayer(this.app.look, this.layer, { mask: STROKE, found: "" }));
    this.#changed();
  }

  /** @param {HTMLCanvasElement} canvas @param {Place} place */
  #lineTo(canvas, place) {
    const radius = (this.size / 2) * Math.max(canvas.width, canvas.height);
    const from = this.last ?? place;
    const far = Math.hypot((place.x - from.x) * canvas.width, (place.y - from.y) * canvas.height);
    const dabs = Math.max(1, Math.ceil(far / Math.max(1, radius / 4)));
    for (let dab = 1; dab <= dabs; dab++) {
      const share = dab / dabs;
      this.#dab(canvas, from.x + share * (place.x - from.x), from.y + share * (place.y - from.y), radius);
    }
    this.last = this.place = place;
  }

  /** @param {HTMLCanvasElement} canvas @param {number} x @param {number} y @param {number} radius */
  #dab(canvas, x, y, radius) {
    const to = context(canvas, canvas.width, canvas.height);
    to.globalCompositeOperation = this.erase ? "destination-out" : "source-over";
    const [cx, cy] = [x * canvas.width, y * canvas.height];
    const soft = to.createRadialGradient(cx, cy, radius * Math.min(0.98, this.hardness), cx, cy, radius);
    soft.addColorStop(0, "#fff");
    soft.addColorStop(1, "#fff0");
    to.fillStyle = soft;
    to.fillRect(cx - radius, cy - radius, 2 * radius, 2 * radius);
  }

  end() {
    if (!this.stroke) return;
    this.stroke = false;
    const mask = this.app.keepMask(/** @type {HTMLCanvasElement} */ (this.app.drawn.get(STROKE)));
    this.app.drawn.delete(STROKE);
    this.app.settle(withLayer(this.app.look, this.layer, { mask, found: "" }));
    this.#changed();
  }

  /** Leave a stroke undone, as when a second finger comes. */
  cancel() {
    if (!this.stroke) return;
    this.stroke = false;
    this.app.drawn.delete(STROKE);
    this.app.settle(this.app.state.look);
    this.#changed();
  }

  // By keyboard.

  /** @param {number} dx @param {number} dy */
  nudge(dx, dy) {
    const { x, y } = this.place ?? { x: 0.5, y: 0.5 };
    this.hover({ x: Math.min(1, Math.max(0, x + dx)), y: Math.min(1, Math.max(0, y + dy)) });
  }

  dab() {
    const place = this.place ?? { x: 0.5, y: 0.5 };
    this.begin(place);
    this.end();
    this.hover(place);
  }

  // The whole mask at once.

  /**
   * @param {string} layer
   * @param {"clear" | "fill" | "invert"} what
   */
  whole(layer, what) {
    const before = this.layer;
    this.layer = layer;
    const canvas = this.#copy();
    const to = context(canvas, canvas.width, canvas.height);
    if (what === "clear") to.clearRect(0, 0, canvas.width, canvas.height);
    else {
      to.globalCompositeOperation = what === "fill" ? "source-over" : "xor";
      to.fillStyle = "#fff";
      to.fillRect(0, 0, canvas.width, canvas.height);
    }
    this.layer = before;
    this.app.settle(withLayer(this.app.look, layer, { mask: this.app.keepMask(canvas), found: "" }));
  }

  /**
   * A file as a mask.
   * @param {string} layer
   * @param {HTMLCanvasElement} mask
   */
  take(layer, mask) {
    this.app.settle(withLayer(this.app.look, layer, { mask: this.app.keepMask(mask), found: "" }));
  }

  /**
   * @param {CanvasRenderingContext2D} to
   * @param {import("./geometry.js").Geometry} geometry
   */
  draw(to, geometry) {
    if (!this.active || !this.place) return;
    const { frame } = geometry;
    const radius = (this.size / 2) * Math.max(frame.width, frame.height);
    for (const [color, width] of /** @type {const} */ ([["#000a", 3], ["#fff", 1.5]])) {
      to.strokeStyle = color;
      to.lineWidth = width;
      to.beginPath();
      to.arc(frame.x + this.place.x * frame.width, frame.y + this.place.y * frame.height, radius, 0, 7);
      to.stroke();
    }
  }
}

/** A layer that is new. @param {Partial<import("./look.js").Layer>} given @returns {import("./look.js").Layer} */
export function newLayer(given) {
  return { id: newKey(), style: "none", strength: null, brush_size: null, found: "", mask: "", ...given };
}
