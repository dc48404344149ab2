// The picture on the canvas, from the photo and what was painted: strength, layers, kept colors and tone are mixed here,
// so that they follow the finger. The formulas are those of `impasto.painting.compose`.

import { keepLuminance, matchTone } from "./colors.js";

/**
 * @typedef {object} Painted  What was painted of one layer, or of the ground (the first).
 * @property {ImageBitmap | HTMLCanvasElement | null} picture null leaves the photo
 * @property {number} strength 0..100
 * @property {HTMLCanvasElement | ImageBitmap | null} mask its opacity is what counts; null for the ground
 */

export class Mixer {
  constructor() {
    this.out = document.createElement("canvas");
    this.paint = document.createElement("canvas");
    this.one = document.createElement("canvas");
  }

  /**
   * Mix a picture.
   * @param {ImageBitmap} photo
   * @param {readonly Painted[]} parts the ground, then the layers in order
   * @param {{keep_color: string, tone: string}} controls
   * @param {boolean} [alpha] whether the photo is transparent somewhere
   * @param {number} [scale] 0.5 mixes at half the size, four times as fast
   * @returns {HTMLCanvasElement}
   */
  mix(photo, parts, controls, alpha = false, scale = 1) {
    const width = Math.max(1, Math.round(photo.width * scale));
    const height = Math.max(1, Math.round(photo.height * scale));
    const recolors = controls.keep_color === "luminance" || controls.tone === "match";
    const paint = this.#painted(parts, width, height, false);
    const out = context(this.out, width, height, recolors);
    out.globalCompositeOperation = "copy";
    out.drawImage(photo, 0, 0, width, height);
    if (alpha) {
      // Colors below transparent places are mixed as if they were opaque; the photo's own opacity comes back below.
      out.globalCompositeOperation = "destination-over";
      out.fillStyle = "#808080";
      out.fillRect(0, 0, width, height);
    }
    out.globalCompositeOperation = "source-over";
    if (recolors) {
      const before = out.getImageData(0, 0, width, height);
      out.drawImage(paint, 0, 0);
      const after = out.getImageData(0, 0, width, height);
      if (controls.keep_color === "luminance") keepLuminance(after.data, before.data);
      if (controls.tone === "match") matchTone(after.data, before.data);
      out.putImageData(after, 0, 0);
      if (parts.some((part) => part.picture === null)) this.#putBack(photo, parts, width, height, out);
    } else {
      out.drawImage(paint, 0, 0);
    }
    if (alpha) {
      out.globalCompositeOperation = "destination-in";
      out.drawImage(photo, 0, 0, width, height);
    }
    return this.out;
  }

  /**
   * Every layer's share of the paint, at its strength; where the photo shows, it is transparent.
   * @param {readonly Painted[]} parts
   * @param {number} width
   * @param {number} height
   * @param {boolean} left only where layers leave the photo, opaque there
   */
  #painted(parts, width, height, left) {
    const paint = context(this.paint, width, height);
    paint.globalCompositeOperation = "copy";
    paint.globalAlpha = 0;
    paint.fillRect(0, 0, width, height);
    for (const part of parts) {
      if (part.mask) {
        paint.globalCompositeOperation = "destination-out";
        paint.globalAlpha = 1;
        paint.drawImage(part.mask, 0, 0, width, height);
      }
      const shown = left ? part.picture === null : part.picture !== null;
      if (!shown) continue;
      const one = context(this.one, width, height);
      one.globalCompositeOperation = "copy";
      if (part.picture) one.drawImage(part.picture, 0, 0, width, height);
      else one.fillRect(0, 0, width, height);
      if (part.mask) {
        one.globalCompositeOperation = "destination-in";
        one.drawImage(part.mask, 0, 0, width, height);
      }
      paint.globalCompositeOperation = "lighter";
      paint.globalAlpha = left ? 1 : part.strength / 100;
      paint.drawImage(this.one, 0, 0);
    }
    return this.paint;
  }

  /**
   * Put the photo back where layers leave it: neither kept colors nor tone change it.
   * @param {ImageBitmap} photo
   * @param {readonly Painted[]} parts
   * @param {number} width
   * @param {number} height
   * @param {CanvasRenderingContext2D} out
   */
  #putBack(photo, parts, width, height, out) {
    this.#painted(parts, width, height, true);
    const paint = /** @type {CanvasRenderingContext2D} */ (this.paint.getContext("2d"));
    paint.globalAlpha = 1;
    paint.globalCompositeOperation = "source-in";
    paint.drawImage(photo, 0, 0, width, height);
    out.drawImage(this.paint, 0, 0);
  }
}

/**
 * A canvas's context, at a size; resizing clears it, so it is done only where the size changes.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {boolean} [read] whether its pixels are read often
 */
export function context(canvas, width, height, read = false) {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const found = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: read }));
  found.globalAlpha = 1;
  found.globalCompositeOperation = "source-over";
  return found;
}

/**
 * A gray picture as a mask: as opaque as it is bright.
 * @param {ImageBitmap} gray
 * @returns {HTMLCanvasElement}
 */
export function maskOf(gray) {
  const canvas = document.createElement("canvas");
  const to = context(canvas, gray.width, gray.height, true);
  to.drawImage(gray, 0, 0);
  const pixels = to.getImageData(0, 0, gray.width, gray.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    pixels.data[i + 3] = pixels.data[i];
    pixels.data[i] = pixels.data[i + 1] = pixels.data[i + 2] = 255;
  }
  to.putImageData(pixels, 0, 0);
  return canvas;
}

/**
 * A mask as the service takes it: a PNG, white inside and black outside.
 * @param {HTMLCanvasElement} mask
 * @returns {Promise<Blob>}
 */
export function fileOfMask(mask) {
  const canvas = document.createElement("canvas");
  const to = context(canvas, mask.width, mask.height);
  to.fillStyle = "#000";
  to.fillRect(0, 0, mask.width, mask.height);
  to.drawImage(mask, 0, 0); // masks are white where they are opaque
  return new Promise((done) => canvas.toBlob((blob) => done(/** @type {Blob} */ (blob)), "image/png"));
}
