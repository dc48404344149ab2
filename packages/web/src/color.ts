// Kept colors and tone: `impasto.pixels.color` for browsers. Pictures have three channels, 0..1.

import type { Pixels } from "./pixels.js";

export const LUMA = [0.299, 0.587, 0.114] as const;
const LEAST_VARIANCE = 1e-5;
const LEVELS = 1024;

/** Changes a picture in place. */
export type Change = (picture: Pixels) => void;

export type Matrix = number[][];

export const luma = (data: Float32Array, at: number) =>
  LUMA[0] * data[at] + LUMA[1] * data[at + 1] + LUMA[2] * data[at + 2];

const clip = (value: number) => Math.min(1, Math.max(0, value));

/** The result's luminance with the photo's colors, paler where they do not fit. Changes the result. */
export function takeColorsOf(result: Pixels, photo: Pixels): void {
  for (let i = 0; i < result.data.length; i += 3) {
    const y = luma(result.data, i);
    const before = luma(photo.data, i);
    let share = 1;
    for (let k = i; k < i + 3; k++) {
      const chroma = photo.data[k] - before;
      if (chroma > 0) share = Math.min(share, (1 - y) / chroma);
      else if (chroma < 0) share = Math.min(share, -y / chroma);
    }
    share = clip(share);
    for (let k = i; k < i + 3; k++) result.data[k] = clip(y + share * (photo.data[k] - before));
  }
}

function brightness(picture: Pixels, steps: readonly [number, number][], mean: number): [number, number] {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < picture.data.length; i += 3) {
    let y = 0;
    for (let k = 0; k < 3; k++) {
      let value = picture.data[i + k];
      for (const [level, gain] of steps) value = clip((value - level) * gain + mean);
      y += LUMA[k] * value;
    }
    sum += y;
    squares += y * y;
  }
  const count = picture.data.length / 3;
  return [sum / count, Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2))];
}

/** What brings the result's brightness and contrast to the photo's. */
export function toneChange(result: Pixels, photo: Pixels): Change {
  const [mean, deviation] = brightness(photo, [], 0);
  const steps: [number, number][] = [];
  for (let step = 0; step < 3; step++) {
    const [level, spread] = brightness(result, steps, mean);
    steps.push([level, Math.min(deviation / Math.max(spread, 1e-4), 4)]);
  }
  return (picture) => {
    for (let i = 0; i < picture.data.length; i++) {
      let value = picture.data[i];
      for (const [level, gain] of steps) value = clip((value - level) * gain + mean);
      picture.data[i] = value;
    }
  };
}

/** What gives a picture the mean and the covariance of the colors of another (CORAL). */
export function covarianceChange(from: Pixels, to: Pixels): Change {
  const [before, first] = gaussian(from);
  const [after, second] = gaussian(to);
  const move = product(power(second, 0.5), power(first, -0.5));
  return (picture) => {
    const { data } = picture;
    for (let i = 0; i < data.length; i += 3) {
      const [r, g, b] = [data[i] - before[0], data[i + 1] - before[1], data[i + 2] - before[2]];
      for (let k = 0; k < 3; k++) data[i + k] = clip(move[k][0] * r + move[k][1] * g + move[k][2] * b + after[k]);
    }
  };
}

/** What gives every channel the distribution of another picture's; mean and covariance are matched first. */
export function histogramChange(from: Pixels, to: Pixels): Change {
  const first = covarianceChange(from, to);
  const ranked: Pixels = { ...from, data: from.data.slice() };
  first(ranked);
  const levels = Float64Array.from({ length: LEVELS + 1 }, (_, index) => index / LEVELS);
  const curves = [0, 1, 2].map((channel) => {
    const own = distribution(ranked, channel);
    const wanted = distribution(to, channel);
    return levels.map((level) => interpolate(interpolate(level, own.values, own.ranks), wanted.ranks, wanted.values));
  });
  return (picture) => {
    first(picture);
    for (let i = 0; i < picture.data.length; i++) picture.data[i] = interpolate(picture.data[i], levels, curves[i % 3]);
  };
}

/** Values in ascending order and the share of pixels at or below each, ties at their middle. */
function distribution(picture: Pixels, channel: number): { values: Float64Array; ranks: Float64Array } {
  const counts = new Float64Array(LEVELS + 1);
  const pixels = picture.data.length / 3;
  for (let i = channel; i < picture.data.length; i += 3) counts[Math.round(clip(picture.data[i]) * LEVELS)]++;
  const values: number[] = [];
  const ranks: number[] = [];
  let below = 0;
  counts.forEach((count, level) => {
    if (!count) return;
    values.push(level / LEVELS);
    ranks.push((below + count / 2) / pixels);
    below += count;
  });
  return { values: Float64Array.from(values), ranks: Float64Array.from(ranks) };
}

/** Where x lies among ascending places, the values there; constant beyond the ends. */
function interpolate(x: number, places: Float64Array, values: Float64Array): number {
  if (x <= places[0]) return values[0];
  let [low, high] = [0, places.length - 1];
  if (x >= places[high]) return values[high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (places[middle] <= x) low = middle;
    else high = middle;
  }
  const share = (x - places[low]) / (places[high] - places[low]);
  return values[low] + share * (values[high] - values[low]);
}

/** Means of a picture's colors, and of their products. */
export interface Moments {
  mean: number[];
  moments: Matrix;
}

export function momentsOf(picture: Pixels): Moments {
  const { data } = picture;
  const mean = [0, 0, 0];
  const moments = [0, 0, 0].map(() => [0, 0, 0]);
  for (let i = 0; i < data.length; i += 3)
    for (let k = 0; k < 3; k++) {
      mean[k] += data[i + k];
      for (let l = 0; l < 3; l++) moments[k][l] += data[i + k] * data[i + l];
    }
  const count = data.length / 3;
  return { mean: mean.map((sum) => sum / count), moments: moments.map((row) => row.map((sum) => sum / count)) };
}

/** Mean and covariance of colors. */
export function gaussianOf({ mean, moments }: Moments): [number[], Matrix] {
  return [mean, moments.map((row, k) => row.map((value, l) => value - mean[k] * mean[l] + (k === l ? LEAST_VARIANCE : 0)))];
}

const gaussian = (picture: Pixels) => gaussianOf(momentsOf(picture));

export function product(one: Matrix, other: Matrix): Matrix {
  return one.map((row) => [0, 1, 2].map((k) => row.reduce((sum, value, l) => sum + value * other[l][k], 0)));
}

/** A power of a symmetric 3 x 3 matrix. */
export function power(matrix: Matrix, exponent: number): Matrix {
  return spectral(matrix, (value) => Math.max(value, 1e-9) ** exponent);
}

/** A symmetric 3 x 3 matrix whose eigenvalues are changed, by Jacobi's rotations. */
export function spectral(matrix: Matrix, change: (value: number) => number): Matrix {
  const a = matrix.map((row) => [...row]);
  let v: Matrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  for (let sweep = 0; sweep < 30; sweep++)
    for (const [p, q] of [[0, 1], [0, 2], [1, 2]] as const) {
      if (Math.abs(a[p][q]) < 1e-15) continue;
      const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
      const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
      const c = 1 / Math.sqrt(t * t + 1);
      const s = t * c;
      for (let k = 0; k < 3; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
      for (let k = 0; k < 3; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      v = v.map((row) => {
        const turned = [...row];
        [turned[p], turned[q]] = [c * row[p] - s * row[q], s * row[p] + c * row[q]];
        return turned;
      });
    }
  const values = [0, 1, 2].map((k) => change(a[k][k]));
  return v.map((row) => [0, 1, 2].map((l) => row.reduce((sum, x, k) => sum + x * values[k] * v[l][k], 0)));
}
