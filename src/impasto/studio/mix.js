// The picture on the canvas, from the photo and what was painted: strength, layers, kept colors and tone are mixed here,
// so that they follow the finger. The formulas are those of `impasto.painting.compose`.

import { keepLuminance, matchTone, mixed, putBack } from "./colors.js";

/**
 * @typedef {object} Part  What was painted of one layer, or of the ground (the first).
 * @property {ImageBitmap | HTMLCanvasElement | null} picture null leaves the photo
 * @property {number} share 0..1 of the picture's strength
 * @property {HTMLCanvasElement | ImageBitmap | null} mask its opacity is what counts; null for the ground
 */

export class Mixer {
  constructor() {
    this.out = document.createElement("canvas");
    this.paint = document.createElement("canvas");
    this.one = document.createElement("canvas");
    /** @type {unknown[]} what `paint` was made of */
    this.made = [];
    /** @type {WeakMap<object, HTMLCanvasElement>} pictures without their transparency */
    this.opaque = new WeakMap();
  }

  /**
   * Mix a picture.
   * @param {ImageBitmap} photo
   * @param {readonly Part[]} parts the ground, then the layers in order
   * @param {{strength: number, keep_color: string, tone: string}} controls
   * @param {boolean} [alpha] whether the photo is transparent somewhere
   * @param {number} [scale] 0.5 mixes at half the size, four times as fast
   * @returns {HTMLCanvasElement}
   */
  mix(photo, parts, controls, alpha = false, scale = 1) {
    const width = Math.max(1, Math.round(photo.width * scale));
    const height = Math.max(1, Math.round(photo.height * scale));
    const recolors = controls.keep_color === "luminance" || controls.tone === "match";
    // Colors are mixed as if all were opaque; the photo's own opacity comes back in the end.
    const solid = (/** @type {ImageBitmap | HTMLCanvasElement} */ one) => (alpha ? this.#opaque(one) : one);
    this.#paint(parts.map((part) => ({ ...part, picture: part.picture && solid(part.picture) })), width, height);
    const out = context(this.out, width, height);
    out.globalCompositeOperation = "copy";
    out.drawImage(solid(photo), 0, 0, width, height);
    out.globalCompositeOperation = "source-over";
    if (recolors) this.#recolor(out, width, height, controls);
    else {
      out.globalAlpha = controls.strength / 100;
      out.drawImage(this.paint, 0, 0);
    }
    if (alpha) {
      out.globalAlpha = 1;
      out.globalCompositeOperation = "destination-in";
      out.drawImage(photo, 0, 0, width, height);
    }
    return this.out;
  }

  /** @param {ImageBitmap | HTMLCanvasElement} picture */
  #opaque(picture) {
    const before = this.opaque.get(picture);
    if (before) return before;
    const canvas = document.createElement("canvas");
    const to = context(canvas, picture.width, picture.height);
    to.drawImage(picture, 0, 0);
    const pixels = to.getImageData(0, 0, picture.width, picture.height);
    for (let i = 3; i < pixels.data.length; i += 4) pixels.data[i] = 255;
    to.putImageData(pixels, 0, 0);
    this.opaque.set(picture, canvas);
    return canvas;
  }

  /**
   * Strength, then colors, then tone; and then the photo where layers leave it, which neither changes.
   * @param {CanvasRenderingContext2D} out with the photo
   * @param {number} width
   * @param {number} height
   * @param {{strength: number, keep_color: string, tone: string}} controls
   */
  #recolor(out, width, height, controls) {
    const photo = out.getImageData(0, 0, width, height);
    const paint = context(this.paint, width, height).getImageData(0, 0, width, height);
    const result = new ImageData(mixed(photo.data, paint.data, controls.strength / 100), width, height);
    if (controls.keep_color === "luminance") keepLuminance(result.data, photo.data);
    if (controls.tone === "match") matchTone(result.data, photo.data);
    putBack(result.data, photo.data, paint.data);
    out.putImageData(result, 0, 0);
  }

  /**
   * Lay the layers' paint over each other, each as opaque as its share and mask; where the photo shows through, the
   * paint is transparent.
   * @param {readonly Part[]} parts
   * @param {number} width
   * @param {number} height
   */
  #paint(parts, width, height) {
    const made = [width, height, ...parts.flatMap((part) => [part.picture, part.share, part.mask])];
    if (made.length === this.made.length && made.every((one, index) => one === this.made[index])) return;
    this.made = parts.some((part) => part.mask instanceof HTMLCanvasElement) ? [] : made; // canvases are drawn into
    const paint = context(this.paint, width, height);
    paint.clearRect(0, 0, width, height);
    for (const part of parts) {
      if (part.mask) {
        paint.globalCompositeOperation = "destination-out";
        paint.globalAlpha = 1;
        paint.drawImage(part.mask, 0, 0, width, height);
      }
      if (!part.picture || !part.share) continue;
      const one = context(this.one, width, height);
      one.globalCompositeOperation = "copy";
      one.drawImage(part.picture, 0, 0, width, height);
      if (part.mask) {
        one.globalCompositeOperation = "destination-in";
        one.drawImage(part.mask, 0, 0, width, height);
      }
      paint.globalCompositeOperation = "lighter";
      paint.globalAlpha = part.share;
      paint.drawImage(this.one, 0, 0);
    }
  }
}

/**
 * A canvas's context, at a size; resizing clears it, so it is done only where the size changes.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function context(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const found = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  found.globalAlpha = 1;
  found.globalCompositeOperation = "source-over";
  return found;
}

/**
 * A picture as a mask: a shape on transparent ground counts as far as it is opaque, another picture as far as it is
 * bright. The picture is closed.
 * @param {ImageBitmap} picture
 * @param {number} side of the longer side, at most
 * @returns {HTMLCanvasElement}
 */
export function maskOf(picture, side = 2048) {
  const canvas = document.createElement("canvas");
  const share = Math.min(1, side / Math.max(picture.width, picture.height));
  const [width, height] = [Math.round(picture.width * share) || 1, Math.round(picture.height * share) || 1];
  const to = context(canvas, width, height);
  to.drawImage(picture, 0, 0, width, height);
  picture.close();
  const pixels = to.getImageData(0, 0, width, height);
  const { data } = pixels;
  let shape = false;
  for (let i = 3; i < data.length && !shape; i += 4) shape = data[i] < 255;
  for (let i = 0; i < data.length; i += 4) {
    if (!shape) data[i + 3] = Math.max(data[i], data[i + 1], data[i + 2]);
    data[i] = data[i + 1] = data[i + 2] = 255;
  }
  to.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * A mask as a file: a PNG, white where it is opaque. So its opacity is taken as it is, however faint it may be.
 * @param {HTMLCanvasElement} mask
 * @returns {Promise<Blob>}
 */
export function fileOfMask(mask) {
  return new Promise((done) => mask.toBlob((blob) => done(/** @type {Blob} */ (blob)), "image/png"));
}
