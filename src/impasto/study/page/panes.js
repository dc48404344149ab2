// Two panes that always show the same place of their pictures.

import { closer, nearestStop, nextStop, panned, stopsOf, WHOLE, within, zoomed } from "./view.js";

/** @typedef {import("./view.js").Point} Point */

/** How far a pointer may stray in a tap, in CSS pixels. */
const TAP = 6;

/** Zooms and pans in step, by wheel, pinch, drag, click and by its methods. */
export class Panes {
  /**
   * @param {HTMLElement[]} panes equal in size; each gets one picture
   * @param {() => void} changed called when the view has changed
   */
  constructor(panes, changed) {
    this.panes = panes;
    this.changed = changed;
    this.view = WHOLE;
    /** @type {HTMLImageElement[]} */
    this.images = [];
    /** Pointers that are down. @type {Map<number, Point>} */
    this.pointers = new Map();
    this.strayed = 0;
    for (const pane of panes) this.listen(pane);
  }

  /** Show pictures, whole; none at all empties the panes. @param {HTMLImageElement[]} images */
  show(images) {
    this.images = images;
    this.view = WHOLE;
    this.panes.forEach((pane, index) => pane.replaceChildren(...images.slice(index, index + 1)));
    this.draw();
  }

  /** Screen pixels that a pixel of the fitted picture has on a side. */
  get fit() {
    const width = this.images[0]?.naturalWidth;
    return width ? (this.panes[0].clientWidth * devicePixelRatio) / width : 1;
  }

  get stops() {
    return stopsOf(this.fit);
  }

  /** The index of the stop that the view is at. */
  get stop() {
    return nearestStop(this.stops, this.view.times);
  }

  /** What a zoom is called. */
  get words() {
    return this.view.times <= 1 ? "Fitted" : `${Math.round(this.view.times * this.fit * 100)} %`;
  }

  /** @param {number} index of a stop */
  toStop(index) {
    this.zoom(this.stops[index] ?? 1);
  }

  /** One stop in or out. @param {1 | -1} way */
  byStop(way) {
    this.zoom(nextStop(this.stops, this.view.times, way));
  }

  /**
   * @param {number} times
   * @param {Point} [at] what stays where it is
   */
  zoom(times, at = { x: 0.5, y: 0.5 }) {
    this.view = zoomed(this.view, times, at, this.stops[this.stops.length - 1]);
    this.draw();
  }

  /** Drag the pictures. @param {Point} by fractions of the pane */
  pan(by) {
    this.view = panned(this.view, by, this.stops[this.stops.length - 1]);
    this.draw();
  }

  /** Put the pictures where the view says, on whole pixels of the screen, so that 1:1 is sharp. */
  draw() {
    this.view = within(this.view, this.stops[this.stops.length - 1]);
    const { times, x, y } = this.view;
    const whole = (/** @type {number} */ length) => Math.round(length * devicePixelRatio) / devicePixelRatio;
    this.images.forEach((image, index) => {
      const pane = this.panes[index];
      const { left, top, width, height } = pane.getBoundingClientRect();
      image.style.width = `${width * times}px`;
      image.style.height = `${height * times}px`;
      image.style.transform = `translate(${whole(left + width * (0.5 - x * times)) - left}px, ${whole(top + height * (0.5 - y * times)) - top}px)`;
      image.style.imageRendering = times > 1 && times * this.fit > 2 ? "pixelated" : "auto";
      pane.toggleAttribute("data-zoomed", times > 1);
    });
    this.changed();
  }

  /** @param {HTMLElement} pane */
  listen(pane) {
    const place = (/** @type {MouseEvent} */ event) => {
      const { left, top, width, height } = pane.getBoundingClientRect();
      return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
    };
    pane.addEventListener("wheel", (event) => {
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30);
      this.zoom(this.view.times * Math.exp(-Math.max(-120, Math.min(120, pixels)) * (event.ctrlKey ? 0.01 : 0.003)), place(event));
    }, { passive: false });
    pane.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      pane.setPointerCapture(event.pointerId);
      if (!this.pointers.size) this.strayed = 0;
      this.pointers.set(event.pointerId, place(event));
    });
    pane.addEventListener("pointermove", (event) => {
      if (this.pointers.has(event.pointerId)) this.move(event.pointerId, place(event), pane.clientWidth);
    });
    pane.addEventListener("pointerup", (event) => {
      const tapped = this.pointers.delete(event.pointerId) && !this.pointers.size && this.strayed < TAP;
      if (tapped) this.zoom(this.view.times > 1 ? 1 : closer(this.fit), place(event));
    });
    pane.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
  }

  /**
   * One pointer pans, two pinch.
   * @param {number} id
   * @param {Point} to
   * @param {number} side of the pane
   */
  move(id, to, side) {
    const from = /** @type {Point} */ (this.pointers.get(id));
    const other = [...this.pointers].find(([one]) => one !== id)?.[1];
    this.strayed += Math.hypot(to.x - from.x, to.y - from.y) * side;
    this.pointers.set(id, to);
    if (!other) {
      if (this.strayed >= TAP) this.pan({ x: to.x - from.x, y: to.y - from.y });
      return;
    }
    this.strayed = Infinity;
    const apart = (/** @type {Point} */ point) => Math.max(0.01, Math.hypot(point.x - other.x, point.y - other.y));
    const middle = (/** @type {Point} */ point) => ({ x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
    this.pan({ x: middle(to).x - middle(from).x, y: middle(to).y - middle(from).y });
    this.zoom((this.view.times * apart(to)) / apart(from), middle(to));
  }
}
