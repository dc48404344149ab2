// A painting's palette as ten numbers, and the way of a picture's colors towards it: `impasto.engines.palette` for browsers.

import { gaussianOf, momentsOf, power, product, spectral, type Matrix } from "./color.js";
import type { Pixels } from "./pixels.js";

const SHARE = 0.75; // of the way
const [LEAST_GAIN, MOST_GAIN] = [0.5, 1.8]; // of a color's contrast
const HUES = [[1, -1, 0].map((value) => value / Math.SQRT2), [1, 1, -2].map((value) => value / Math.sqrt(6))]; // without brightness
const PAIRS = [[0, 0], [0, 1], [0, 2], [1, 1], [1, 2], [2, 2]] as const;

/** Means and second moments of a picture's colors: nine numbers, which mix as pictures do. */
export function measured(picture: Pixels): Float32Array {
  const { mean, moments } = momentsOf(picture);
  return Float32Array.of(...mean, ...PAIRS.map(([k, l]) => moments[k][l]));
}

/** A painting's palette, its weight 1. */
export function paletteOf(painting: Pixels): Float32Array {
  return Float32Array.of(1, ...measured(painting));
}

/**
 * Move a picture's colors to a palette.
 * @param own what `measured` gives, of this picture or of all that it is a part of
 * @param palette of a painting, or the weighted mean of several; its weight is the share of them that have one
 */
export function towards(picture: Pixels, own: Float32Array, palette: Float32Array): void {
  const [weight] = palette;
  if (!(weight > 0)) return;
  const [before, first] = gaussianIn(own, 1);
  const [after, second] = gaussianIn(palette.subarray(1), weight);
  const root = power(first, 0.5);
  const inverse = power(first, -0.5);
  const between = power(product(product(root, second), root), 0.5);
  const move = spectral(product(product(inverse, between), inverse), (gain) => Math.min(MOST_GAIN, Math.max(LEAST_GAIN, gain)));
  const share = SHARE * Math.min(weight, 1);
  const matrix = move.map((row, k) => row.map((value, l) => (k === l ? 1 - share : 0) + share * value));
  const offset = before.map((value, k) => value + share * (after[k] - value) - matrix[k].reduce((sum, one, l) => sum + one * before[l], 0));
  const { data } = picture;
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
    for (let k = 0; k < 3; k++) {
      const value = matrix[k][0] * r + matrix[k][1] * g + matrix[k][2] * b + offset[k];
      data[i + k] = Math.min(1, Math.max(0, value));
    }
  }
}

/** How much the hues of a palette vary: 0 for one ink on gray paper; infinite without a palette. */
export function hues(palette: Float32Array): number {
  const [weight] = palette;
  if (!(weight > 0)) return Infinity;
  const [, covariance] = gaussianIn(palette.subarray(1), weight);
  const [[a, b], [, c]] = HUES.map((one) => HUES.map((other) => one.reduce((sum, x, k) => sum + x * covariance[k].reduce((part, y, l) => part + y * other[l], 0), 0)));
  return Math.sqrt(Math.max(0, (a + c) / 2 - Math.hypot((a - c) / 2, b)));
}

/** Mean and covariance. */
function gaussianIn(numbers: Float32Array, weight: number): [number[], Matrix] {
  const values = Array.from(numbers, (value) => value / weight);
  const moments = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
  PAIRS.forEach(([k, l], index) => (moments[k][l] = moments[l][k] = values[3 + index]));
  return gaussianOf({ mean: values.slice(0, 3), moments });
}
