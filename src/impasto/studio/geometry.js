// Where a picture lies in the view: zoom and pan, without any drawing.

/**
 * @typedef {object} Size
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Frame  A picture in the view, in pixels of CSS.
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 */

export const MARGIN = 12;

export class Geometry {
  constructor() {
    /** @type {Size} of the view */
    this.view = { width: 1, height: 1 };
    /** @type {Size} of the final picture */
    this.full = { width: 1, height: 1 };
    this.dots = 1; // of the screen in a pixel of CSS
    this.zoom = 1; // 1 shows the whole picture
    this.x = 0.5; // the place of the picture that is in the middle of the view
    this.y = 0.5;
  }

  /** Pixels of CSS in a pixel of the final picture, when all of it is shown. */
  get fitted() {
    const { view, full } = this;
    return Math.min(Math.max(1, view.width - 2 * MARGIN) / full.width, Math.max(1, view.height - 2 * MARGIN) / full.height);
  }

  get scale() {
    return this.fitted * this.zoom;
  }

  /** The zoom at which a pixel of the picture is one of the screen. */
  get oneToOne() {
    return 1 / this.dots / this.fitted;
  }

  /** @returns {Frame} */
  get frame() {
    const width = this.full.width * this.scale;
    const height = this.full.height * this.scale;
    return { x: this.view.width / 2 - this.x * width, y: this.view.height / 2 - this.y * height, width, height };
  }

  /** The place in the picture, 0..1, of a place in the view. @param {number} x @param {number} y */
  at(x, y) {
    const frame = this.frame;
    return { x: (x - frame.x) / frame.width, y: (y - frame.y) / frame.height };
  }

  /**
   * Zoom; the place of the picture that is under a place of the view stays there.
   * @param {number} zoom
   * @param {number} [x]
   * @param {number} [y]
   */
  zoomTo(zoom, x = this.view.width / 2, y = this.view.height / 2) {
    const place = this.at(x, y);
    this.zoom = Math.min(Math.max(zoom, Math.min(1, this.oneToOne)), Math.max(8, this.oneToOne * 8));
    const frame = this.frame;
    this.x += (frame.x + place.x * frame.width - x) / frame.width;
    this.y += (frame.y + place.y * frame.height - y) / frame.height;
    this.#keepIn();
  }

  /** @param {number} dx @param {number} dy in pixels of CSS */
  pan(dx, dy) {
    const frame = this.frame;
    this.x -= dx / frame.width;
    this.y -= dy / frame.height;
    this.#keepIn();
  }

  /** Show no more emptiness than there must be. */
  #keepIn() {
    const { view, frame } = this;
    const half = (/** @type {number} */ seen, /** @type {number} */ whole) => Math.min(0.5, seen / 2 / whole);
    const across = half(view.width - 2 * MARGIN, frame.width);
    const down = half(view.height - 2 * MARGIN, frame.height);
    this.x = Math.min(Math.max(this.x, across), 1 - across);
    this.y = Math.min(Math.max(this.y, down), 1 - down);
  }

  /**
   * What is seen of the final picture, in its pixels: x, y, width, height.
   * @returns {[number, number, number, number]}
   */
  get seen() {
    const from = this.at(0, 0);
    const to = this.at(this.view.width, this.view.height);
    const { width, height } = this.full;
    const left = Math.max(0, Math.floor(from.x * width));
    const top = Math.max(0, Math.floor(from.y * height));
    const right = Math.min(width, Math.ceil(to.x * width));
    const bottom = Math.min(height, Math.ceil(to.y * height));
    return [left, top, Math.max(1, right - left), Math.max(1, bottom - top)];
  }
}
