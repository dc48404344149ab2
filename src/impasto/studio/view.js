// The canvas: the picture, before and after, zoom and pan, two results side by side.

import { after, button, el, roving } from "./dom.js";
import { Geometry } from "./geometry.js";
import { SIDE } from "./painter.js";
import { words } from "./words.js";

/**
 * @typedef {import("./app.js").App} App
 * @typedef {import("./painter.js").Painter} Painter
 * @typedef {import("./brush.js").Brush} Brush
 * @typedef {ImageBitmap | HTMLCanvasElement | HTMLImageElement} Picture
 * @typedef {{pointerId: number, offsetX: number, offsetY: number}} Pointer
 */

const MOST_SEEN = 16e6; // pixels of the final picture that are painted for a view
const VEIL = "rgb(220 30 60 / 45%)";

/** Event: pair, when a comparison has ended. */
export class View extends EventTarget {
  /**
   * @param {App} app
   * @param {Painter} painter
   * @param {Brush} brush
   */
  constructor(app, painter, brush) {
    super();
    this.app = app;
    this.painter = painter;
    this.brush = brush;
    this.geometry = new Geometry();
    this.before = false;
    /** @type {number | null} where the split is, 0..1 of the view */
    this.split = null;
    /** @type {{pictures: [Picture, Picture], labels: [string, string]} | null} */
    this.pair = null;
    /** @type {{picture: ImageBitmap, photo: ImageBitmap | null, crop: readonly number[], key: string} | null} */
    this.tile = null;
    this.stopping = new AbortController();
    this.veil = false;
    /** @type {Map<number, Pointer>} */
    this.pointers = new Map();
    this.gesture = "";

    this.canvas = el("canvas", { tabindex: "0", role: "application", "aria-roledescription": words.picture, class: "picture" });
    this.holder = button(words.before, () => {}, { "aria-pressed": "false", title: words.beforeHelp, class: "hold" });
    this.splitter = button(words.split, () => this.toggleSplit(), { "aria-pressed": "false", title: words.splitHelp });
    this.zoomed = button("100 %", () => this.toggleZoom(), { title: words.zoomHelp, class: "zoom" });
    this.line = el("input", {
      type: "range",
      min: "0",
      max: "100",
      hidden: true,
      "aria-label": words.splitLine,
      on: { input: () => this.#splitAt(Number(this.line.value) / 100) },
    });
    this.ending = button(words.endCompare, () => this.compare(null), { hidden: true, class: "ending" });
    this.tools = el(
      "div",
      { class: "tools", role: "toolbar", "aria-label": words.viewTools },
      this.holder,
      this.splitter,
      this.line,
      button("−", () => this.zoomBy(1 / 1.5), { "aria-label": words.zoomOut }),
      this.zoomed,
      button("+", () => this.zoomBy(1.5), { "aria-label": words.zoomIn }),
    );
    this.element = el("section", { class: "stage", "aria-label": words.picture }, this.canvas, this.ending);
    roving(this.tools);
    this.sharpen = after(180, () => void this.#sharpen());

    painter.addEventListener("before", () => this.#fresh());
    painter.addEventListener("painted", () => this.#painted());
    brush.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.#resized()).observe(this.element);
    this.#listen();
  }

  // What is shown.

  #fresh() {
    const photo = this.app.brought?.photo;
    if (!photo) return;
    this.geometry.full = { width: photo.width, height: photo.height };
    this.geometry.zoomTo(1);
    this.#dropTile();
    this.compare(null);
  }

  #dropTile() {
    this.tile?.picture.close();
    this.tile?.photo?.close();
    this.tile = null;
  }

  #painted() {
    this.compare(null);
    this.#dropTile();
    this.canvas.setAttribute("aria-label", words.paintedPhoto(this.app.brought?.name ?? "", this.#styles()));
    this.draw();
    if (!this.app.moving) this.sharpen();
  }

  #styles() {
    return this.app.look.styles.map((share) => this.app.titleOf(share.style)).join(" + ");
  }

  #resized() {
    const { clientWidth, clientHeight } = this.element;
    const dots = window.devicePixelRatio || 1;
    this.geometry.view = { width: Math.max(1, clientWidth), height: Math.max(1, clientHeight) };
    this.geometry.dots = dots;
    this.canvas.width = Math.max(1, Math.round(clientWidth * dots));
    this.canvas.height = Math.max(1, Math.round(clientHeight * dots));
    this.geometry.zoomTo(this.geometry.zoom);
    this.draw();
    this.sharpen();
  }

  draw() {
    const to = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const { view, dots } = this.geometry;
    to.setTransform(dots, 0, 0, dots, 0, 0);
    to.clearRect(0, 0, view.width, view.height);
    to.imageSmoothingQuality = "high";
    this.zoomed.textContent = `${Math.round(100 * this.geometry.scale * dots)} %`;
    const { before, picture } = this.painter;
    if (!before) return;
    if (this.app.brought?.photo.alpha) this.#checkered(to);
    if (this.pair) {
      this.#half(to, 0, this.pair.pictures[0], this.pair.labels[0]);
      this.#half(to, 1, this.pair.pictures[1], this.pair.labels[1]);
      return;
    }
    to.imageSmoothingEnabled = this.geometry.scale * dots < 2;
    const tile = this.tile?.key === this.#tileKey() ? this.tile : null;
    const split = this.split !== null && !this.before ? this.split * view.width : 0;
    if (split) this.#layer(to, 0, split, before, tile?.photo);
    this.#layer(to, split, view.width, this.before ? before : (picture ?? before), tile?.picture);
    if (split) this.#handle(to, split);
    if (this.veil || this.brush.stroke) this.#veil(to);
    this.brush.draw(to, this.geometry);
  }

  /**
   * A picture from one column of the view to another, with its real pixels where they are there.
   * @param {CanvasRenderingContext2D} to
   * @param {number} from
   * @param {number} end
   * @param {Picture} picture
   * @param {ImageBitmap | null} [real]
   */
  #layer(to, from, end, picture, real) {
    const { view, frame, scale } = this.geometry;
    const clipped = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ width, /** @type {number} */ height) => {
      to.beginPath();
      to.rect(x, y, width, height);
      to.clip();
    };
    to.save();
    clipped(from, 0, end - from, view.height);
    to.drawImage(picture, frame.x, frame.y, frame.width, frame.height);
    if (real && this.tile) {
      const [x, y, width, height] = this.tile.crop;
      const place = /** @type {const} */ ([frame.x + x * scale, frame.y + y * scale, width * scale, height * scale]);
      if (this.app.brought?.photo.alpha) {
        clipped(...place);
        to.clearRect(...place);
        this.#checkered(to);
      }
      to.drawImage(real, ...place);
    }
    to.restore();
  }

  /** @param {CanvasRenderingContext2D} to */
  #checkered(to) {
    const { x, y, width, height } = this.geometry.frame;
    to.save();
    to.beginPath();
    to.rect(x, y, width, height);
    to.clip();
    to.fillStyle = "#fff";
    to.fillRect(x, y, width, height);
    to.fillStyle = "#ccc";
    for (let row = 0; row * 8 < height; row++)
      for (let column = row % 2; column * 8 < width; column += 2) to.fillRect(x + column * 8, y + row * 8, 8, 8);
    to.restore();
  }

  /** @param {CanvasRenderingContext2D} to @param {number} x */
  #handle(to, x) {
    const { view } = this.geometry;
    to.fillStyle = "#fff";
    to.fillRect(x - 1, 0, 2, view.height);
    to.beginPath();
    to.arc(x, view.height / 2, 14, 0, 7);
    to.fill();
    to.fillStyle = "#222";
    to.font = "600 15px system-ui";
    to.textAlign = "center";
    to.textBaseline = "middle";
    to.fillText("‹ ›", x, view.height / 2);
  }

  /**
   * One of two results, in its half of the view.
   * @param {CanvasRenderingContext2D} to
   * @param {0 | 1} side
   * @param {Picture} picture
   * @param {string} label
   */
  #half(to, side, picture, label) {
    const { view, frame } = this.geometry;
    const half = view.width / 2;
    to.save();
    to.beginPath();
    to.rect(side * half, 0, half, view.height);
    to.clip();
    const shrink = this.geometry.zoom > 1 ? 1 : Math.min(1, (half - 12) / frame.width);
    const width = frame.width * shrink;
    const height = frame.height * shrink;
    const x = half / 2 + (frame.x + frame.width / 2 - view.width / 2) * shrink - width / 2 + side * half;
    const y = view.height / 2 + (frame.y + frame.height / 2 - view.height / 2) * shrink - height / 2;
    to.drawImage(picture, x, y, width, height);
    to.font = "14px system-ui";
    const wide = to.measureText(label).width + 16;
    to.fillStyle = "#000b";
    to.fillRect(side * half + 8, 8, wide, 26);
    to.fillStyle = "#fff";
    to.textAlign = "start";
    to.textBaseline = "middle";
    to.fillText(label, side * half + 16, 21);
    to.restore();
  }

  /** The chosen layer's mask. @param {CanvasRenderingContext2D} to */
  #veil(to) {
    const mask = this.brush.mask();
    if (!mask) return;
    const { frame } = this.geometry;
    const veil = document.createElement("canvas");
    veil.width = mask.width;
    veil.height = mask.height;
    const red = /** @type {CanvasRenderingContext2D} */ (veil.getContext("2d"));
    red.drawImage(mask, 0, 0);
    red.globalCompositeOperation = "source-in";
    red.fillStyle = VEIL;
    red.fillRect(0, 0, veil.width, veil.height);
    to.drawImage(veil, frame.x, frame.y, frame.width, frame.height);
  }

  // The real pixels.

  #tileKey() {
    return `${this.app.state.photo} ${this.before} ${this.split !== null} ${this.app.hand} ${this.geometry.seen.join()} ${JSON.stringify(this.app.look)}`;
  }

  /** Have the part that is seen painted as the final picture has it, if the canvas's own picture is too coarse. */
  async #sharpen() {
    this.stopping.abort();
    const { geometry, app } = this;
    const { seen, full, dots, scale } = geometry;
    const coarse = scale * dots > (1.15 * SIDE) / Math.max(full.width, full.height);
    const real = Math.max(full.width, full.height) > SIDE;
    if (!coarse || !real || this.pair || app.moving || this.painter.busy || app.brought?.photo.kind === "clip") return;
    if (seen[2] * seen[3] > MOST_SEEN || this.tile?.key === this.#tileKey()) return;
    const key = this.#tileKey();
    this.stopping = new AbortController();
    this.element.toggleAttribute("data-sharpening", true);
    try {
      const { signal } = this.stopping;
      const both = this.split !== null && !this.before;
      const [picture, photo] = await Promise.all([
        this.painter.crop(seen, this.before, signal),
        both ? this.painter.crop(seen, true, signal) : null,
      ]);
      if (key !== this.#tileKey()) return;
      this.#dropTile();
      this.tile = { picture, photo, crop: seen, key };
      this.draw();
    } catch (error) {
      app.fail(error);
    } finally {
      this.element.toggleAttribute("data-sharpening", false);
    }
  }

  // What can be done.

  /** @param {boolean} on */
  showBefore(on) {
    if (this.before === on) return;
    this.before = on;
    this.holder.setAttribute("aria-pressed", String(on));
    this.draw();
    this.sharpen();
  }

  toggleSplit() {
    this.#splitAt(this.split === null ? 0.5 : null);
    this.sharpen();
  }

  /** @param {number | null} split */
  #splitAt(split) {
    this.split = split === null ? null : Math.min(1, Math.max(0, split));
    this.splitter.setAttribute("aria-pressed", String(split !== null));
    this.line.hidden = split === null;
    this.line.value = String(Math.round(100 * (this.split ?? 0.5)));
    this.draw();
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] */
  zoomBy(factor, x, y) {
    this.geometry.zoomTo(this.geometry.zoom * factor, x, y);
    this.draw();
    this.sharpen();
  }

  /** Between the whole picture and its real pixels. @param {number} [x] @param {number} [y] */
  toggleZoom(x, y) {
    this.geometry.zoomTo(Math.abs(this.geometry.zoom - 1) > 0.001 ? 1 : this.geometry.oneToOne, x, y);
    this.draw();
    this.sharpen();
  }

  /** Two results side by side; null ends it. @param {View["pair"]} pair */
  compare(pair) {
    const ended = this.pair && !pair;
    this.pair = pair;
    this.ending.hidden = !pair;
    this.draw();
    if (ended) this.dispatchEvent(new Event("pair"));
  }

  #listen() {
    const { canvas, brush } = this;
    this.holder.addEventListener("click", (event) => event.detail === 0 && this.showBefore(!this.before)); // by voice
    this.holder.addEventListener("pointerdown", () => this.showBefore(true));
    for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"])
      this.holder.addEventListener(end, () => this.showBefore(false));
    this.holder.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault(); // no click comes of it
      this.showBefore(true);
    });
    this.holder.addEventListener("keyup", (event) => {
      if (event.key === " " || event.key === "Enter") event.preventDefault();
      this.showBefore(false);
    });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), event.offsetX, event.offsetY);
    }, { passive: false });
    canvas.addEventListener("dblclick", (event) => {
      if (!this.brush.active) this.toggleZoom(event.offsetX, event.offsetY);
    });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    for (const end of /** @type {const} */ (["pointercancel", "lostpointercapture"]))
      canvas.addEventListener(end, (event) => {
        brush.cancel();
        this.#up(event);
      });
    canvas.addEventListener("pointerleave", () => this.brush.hover(null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button === 2) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, placeOf(event));
    const { geometry, brush } = this;
    if (this.pointers.size >= 2) {
      brush.cancel();
      this.gesture = "pinch";
    } else if (this.split !== null && Math.abs(event.offsetX - this.split * geometry.view.width) < 24) {
      this.gesture = "split";
    } else if (brush.active && event.button === 0 && !this.pair) {
      this.gesture = "brush";
      brush.begin(geometry.at(event.offsetX, event.offsetY));
    } else {
      this.gesture = "pan";
    }
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const { geometry, brush } = this;
    const last = this.pointers.get(event.pointerId);
    if (!last) {
      brush.hover(brush.active ? geometry.at(event.offsetX, event.offsetY) : null);
      return;
    }
    if (this.gesture === "pinch") {
      const other = [...this.pointers.values()].find((one) => one.pointerId !== event.pointerId);
      if (other) {
        const span = (/** @type {Pointer} */ one) => Math.hypot(one.offsetX - other.offsetX, one.offsetY - other.offsetY);
        geometry.pan((event.offsetX - last.offsetX) / 2, (event.offsetY - last.offsetY) / 2);
        this.zoomBy(span(event) / Math.max(1, span(last)), (event.offsetX + other.offsetX) / 2, (event.offsetY + other.offsetY) / 2);
      }
    } else if (this.gesture === "split") {
      this.#splitAt(event.offsetX / geometry.view.width);
    } else if (this.gesture === "brush") {
      const all = event.getCoalescedEvents?.() ?? [];
      brush.move(...(all.length ? all : [event]).map((one) => geometry.at(one.offsetX, one.offsetY)));
    } else {
      geometry.pan(event.offsetX - last.offsetX, event.offsetY - last.offsetY);
      this.draw();
      this.sharpen();
    }
    this.pointers.set(event.pointerId, placeOf(event));
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.gesture === "brush") this.brush.end();
    if (!this.pointers.size) this.gesture = "";
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { geometry, brush } = this;
    const step = event.shiftKey ? 8 : 40;
    const way = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (way && brush.active) brush.nudge((-way[0] * step) / geometry.frame.width, (-way[1] * step) / geometry.frame.height);
    else if (way && this.split !== null && way[0]) {
      this.#splitAt(this.split - way[0] * 0.02);
    } else if (way) {
      geometry.pan(way[0] * step, way[1] * step);
      this.draw();
      this.sharpen();
    } else if (event.key === " " && brush.active) brush.dab();
    else return;
    event.preventDefault();
  }
}

/** Where a pointer is now: an event tells another place once it has been handled. @param {PointerEvent} event @returns {Pointer} */
function placeOf({ pointerId, offsetX, offsetY }) {
  return { pointerId, offsetX, offsetY };
}
