// The shares of a blend: sliders, and a triangle or square to drag in.

import { el, fill, slider } from "./dom.js";
import { withWeights } from "./look.js";
import { words } from "./words.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {readonly [number, number]} Point  0..1 across and down */

const CORNERS = /** @type {Record<number, readonly Point[]>} */ ({
  2: [[0, 0.5], [1, 0.5]],
  3: [[0.5, 0.06], [0, 0.94], [1, 0.94]],
  4: [[0, 0], [1, 0], [0, 1], [1, 1]],
});

/**
 * The shares of a place between corners: linear between two, barycentric among three, bilinear among four.
 * @param {number} count
 * @param {Point} place
 * @returns {number[]} they sum to 1
 */
export function sharesAt(count, [x, y]) {
  if (count === 2) return [1 - x, x];
  if (count === 4) return [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
  const [a, b, c] = CORNERS[3];
  const area = (b[1] - c[1]) * (a[0] - c[0]) + (c[0] - b[0]) * (a[1] - c[1]);
  const first = ((b[1] - c[1]) * (x - c[0]) + (c[0] - b[0]) * (y - c[1])) / area;
  const second = ((c[1] - a[1]) * (x - c[0]) + (a[0] - c[0]) * (y - c[1])) / area;
  const shares = [first, second, 1 - first - second].map((share) => Math.max(0, share));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
}

/**
 * The place of shares: their corners' mean.
 * @param {readonly number[]} shares
 * @returns {Point}
 */
export function placeOf(shares) {
  const sum = shares.reduce((total, share) => total + share, 0) || 1;
  const corners = CORNERS[shares.length] ?? [];
  const mean = (/** @type {0 | 1} */ axis) => corners.reduce((total, corner, index) => total + (corner[axis] * shares[index]) / sum, 0);
  return [mean(0), mean(1)];
}

export class Blend {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.element = el("section", { class: "blend", "aria-label": words.blendShares, hidden: true });
    this.styles = "";
    /** @type {ReturnType<typeof slider>[]} */
    this.sliders = [];
    this.dot = el("span", { class: "dot" });
    app.on("look", () => this.#sync());
    app.on("styles", () => (this.styles = ""));
  }

  #sync() {
    const { styles } = this.app.look;
    this.element.hidden = styles.length < 2;
    if (styles.length < 2) return;
    const names = styles.map((share) => share.style).join(" ");
    if (names !== this.styles) this.#build(names);
    const sum = styles.reduce((total, share) => total + share.weight, 0);
    styles.forEach((share, index) => this.sliders[index].set(Math.round((100 * share.weight) / sum)));
    const [x, y] = placeOf(styles.map((share) => share.weight));
    this.dot.style.left = `${100 * x}%`;
    this.dot.style.top = `${100 * y}%`;
  }

  /** @param {string} names */
  #build(names) {
    this.styles = names;
    const { styles } = this.app.look;
    const weights = (/** @type {number} */ index, /** @type {number} */ value) => {
      const now = this.app.look.styles.map((share) => share.weight);
      const sum = now.reduce((total, share) => total + share, 0);
      const others = sum - now[index];
      const rest = 100 - value;
      return now.map((share, other) =>
        other === index ? value : others > 0 ? (share / others) * rest : rest / (now.length - 1),
      );
    };
    this.sliders = styles.map((share, index) =>
      slider({
        label: this.app.titleOf(share.style),
        low: 0,
        high: 100,
        usual: Math.round(100 / styles.length),
        show: (value) => `${value} %`,
        move: (value) => this.app.move(withWeights(this.app.look, weights(index, value))),
        settle: (value) => this.app.settle(withWeights(this.app.look, weights(index, value))),
      }),
    );
    const corners = (CORNERS[styles.length] ?? []).map(([x, y], index) => {
      const label = el("span", { class: "corner", "aria-hidden": "true" }, this.app.titleOf(styles[index].style));
      label.style.left = `${100 * x}%`;
      label.style.top = `${100 * y}%`;
      return label;
    });
    const pad = el("div", { class: `pad pad-${styles.length}`, "aria-hidden": "true" }, this.dot, ...corners);
    let dragging = false;
    const drag = (/** @type {PointerEvent} */ event) => {
      const box = pad.getBoundingClientRect();
      const inside = (/** @type {number} */ value) => Math.min(1, Math.max(0, value));
      const place = /** @type {Point} */ ([inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)]);
      return withWeights(this.app.look, sharesAt(styles.length, place).map((share) => Math.round(1000 * share) / 10));
    };
    pad.addEventListener("pointerdown", (event) => {
      pad.setPointerCapture(event.pointerId);
      dragging = true;
      this.app.move(drag(event));
    });
    pad.addEventListener("pointermove", (event) => dragging && this.app.move(drag(event)));
    pad.addEventListener("lostpointercapture", () => {
      if (dragging) this.app.settle(this.app.look);
      dragging = false;
    });
    fill(this.element, el("h3", {}, words.blendShares), pad, ...this.sliders.map((one) => one.element));
  }
}
