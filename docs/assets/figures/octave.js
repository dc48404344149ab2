// One octave of src/impasto/painting/octaves.py: planes of float32, row by row, as OpenCV computes them.

/**
 * @typedef {{width: number, height: number, data: Float32Array}} Plane
 */

/** @param {number} width @param {number} height @param {(x: number, y: number) => number} value @returns {Plane} */
export function plane(width, height, value) {
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[y * width + x] = value(x, y);
  return { width, height, data };
}

/** @param {Plane} one @param {(value: number, index: number) => number} change @returns {Plane} */
export function changed(one, change) {
  return { ...one, data: one.data.map(change) };
}

/** Beyond a border it is mirrored, the border's own pixel once. @param {number} at @param {number} side */
function mirrored(at, side) {
  if (at < 0) return -at;
  return at >= side ? 2 * side - 2 - at : at;
}

/** @param {number} at @param {number} side */
const held = (at, side) => Math.min(side - 1, Math.max(0, at));

/**
 * A convolution along one axis.
 * @param {Plane} one @param {number[]} taps @param {boolean} across @returns {Plane}
 */
function filtered({ width, height, data }, taps, across) {
  const reach = taps.length >> 1;
  return plane(width, height, (x, y) => {
    let sum = 0;
    for (let k = 0; k < taps.length; k++) {
      const column = across ? mirrored(x + k - reach, width) : x;
      const row = across ? y : mirrored(y + k - reach, height);
      sum += taps[k] * data[row * width + column];
    }
    return sum;
  });
}

/** @param {Plane} one @param {number} deviation */
export function blurred(one, deviation) {
  const reach = (Math.round(8 * deviation + 1) | 1) >> 1;
  const bell = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-((k - reach) ** 2) / (2 * deviation ** 2)));
  const sum = bell.reduce((total, value) => total + value, 0);
  const taps = bell.map((value) => value / sum);
  return filtered(filtered(one, taps, true), taps, false);
}

/** The mean of 2 x 2 pixels. @param {Plane} one */
export function halved({ width, height, data }) {
  return plane(width >> 1, height >> 1, (x, y) => {
    const i = 2 * y * width + 2 * x;
    return (data[i] + data[i + 1] + data[i + width] + data[i + width + 1]) / 4;
  });
}

/** Twice as large, cubically. @param {Plane} one */
export function doubled({ width, height, data }) {
  const cubic = [0.25, 0.75].map((t) => [weight(t + 1), weight(t), weight(1 - t), weight(2 - t)]);
  const wide = plane(2 * width, height, (x, y) => {
    const first = Math.floor((x - 1) / 2);
    return cubic[x & 1 ? 0 : 1].reduce((sum, w, k) => sum + w * data[y * width + held(first + k - 1, width)], 0);
  });
  return plane(2 * width, 2 * height, (x, y) => {
    const first = Math.floor((y - 1) / 2);
    return cubic[y & 1 ? 0 : 1].reduce((sum, w, k) => sum + w * wide.data[held(first + k - 1, height) * 2 * width + x], 0);
  });
}

/** The cubic kernel with a = -3/4, as in OpenCV. @param {number} t */
function weight(t) {
  const a = -0.75;
  return t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1 : ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
}

/** Twice as large, linearly. @param {Plane} one */
function stretched({ width, height, data }) {
  return plane(2 * width, 2 * height, (x, y) => {
    const [u, v] = [(x - 0.5) / 2, (y - 0.5) / 2];
    const [left, top] = [Math.floor(u), Math.floor(v)];
    const get = (/** @type {number} */ a, /** @type {number} */ b) => data[held(b, height) * width + held(a, width)];
    const upper = get(left, top) + (u - left) * (get(left + 1, top) - get(left, top));
    const lower = get(left, top + 1) + (u - left) * (get(left + 1, top + 1) - get(left, top + 1));
    return upper + (v - top) * (lower - upper);
  });
}

/** The angle across the lines at every pixel: the structure tensor's main direction. @param {Plane} gray */
export function across(gray) {
  const half = halved(gray);
  const smooth = [3, 10, 3];
  const x = filtered(filtered(half, [-1, 0, 1], true), smooth, false);
  const y = filtered(filtered(half, [-1, 0, 1], false), smooth, true);
  const cosine = stretched(blurred(changed(x, (v, i) => v * v - y.data[i] ** 2), 1));
  const sine = stretched(blurred(changed(x, (v, i) => 2 * v * y.data[i]), 1));
  return changed(cosine, (v, i) => 0.5 * Math.atan2(sine.data[i], v));
}

/** Between pixels, linearly. @param {Plane} one @param {number} x @param {number} y */
export function at({ width, height, data }, x, y) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const get = (/** @type {number} */ a, /** @type {number} */ b) =>
    data[mirrored(b, height) * width + mirrored(a, width)];
  const upper = get(left, top) + (x - left) * (get(left + 1, top) - get(left, top));
  const lower = get(left, top + 1) + (x - left) * (get(left + 1, top + 1) - get(left, top + 1));
  return upper + (y - top) * (lower - upper);
}

/** Three places of each pixel's line. @param {Plane} one @param {Plane} angle */
export function along(one, angle) {
  return plane(one.width, one.height, (x, y) => {
    const i = y * one.width + x;
    const [right, down] = [-2 * Math.sin(angle.data[i]), 2 * Math.cos(angle.data[i])];
    return (one.data[i] + 0.7 * (at(one, x + right, y + down) + at(one, x - right, y - down))) / 2.4;
  });
}

/** The second derivative across the lines, -1..1. @param {Plane} soft @param {Plane} angle */
export function curvature(soft, angle) {
  return plane(soft.width, soft.height, (x, y) => {
    const i = y * soft.width + x;
    const [right, down] = [1.3 * Math.cos(angle.data[i]), 1.3 * Math.sin(angle.data[i])];
    const second = at(soft, x + right, y + down) + at(soft, x - right, y - down) - 2 * soft.data[i];
    return Math.min(1, Math.max(-1, 160 * second));
  });
}

/**
 * Each pixel on its way to the darker or the brighter neighbor.
 * @param {Plane} one @param {Plane} soft @param {Plane} angle @param {Plane} curve
 */
export function shocked(one, soft, angle, curve) {
  return plane(one.width, one.height, (x, y) => {
    const i = y * one.width + x;
    const [right, down] = [1.3 * Math.cos(angle.data[i]), 1.3 * Math.sin(angle.data[i])];
    const apart = at(soft, x - right, y - down) - at(soft, x + right, y + down);
    const ahead = Math.min(1, Math.max(0, 0.5 + (curve.data[i] < 0 ? -100 : 100) * apart));
    const target = ahead * at(one, x + right, y + down) + (1 - ahead) * at(one, x - right, y - down);
    const share = 0.7 * Math.abs(curve.data[i]);
    return one.data[i] + share * (target - one.data[i]);
  });
}

/** How much is put back in the first octave. @param {Plane} gray */
export function toldBy(gray) {
  const mean = blurred(gray, 2);
  const square = blurred(changed(gray, (v) => v * v), 2);
  return changed(mean, (v, i) => {
    const contrast = Math.sqrt(Math.max(0, square.data[i] - v * v));
    return 0.5 + (0.5 * contrast) / (contrast + 0.02);
  });
}
