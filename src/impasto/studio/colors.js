// Kept colors and tone, as `impasto.pixels.color` has them: pixels are R, G, B, A bytes as canvases give them.

const LUMA = /** @type {const} */ ([0.299, 0.587, 0.114]);

/**
 * The photo with paint over it at a strength; how opaque the paint is does not count yet.
 * @param {Uint8ClampedArray} photo
 * @param {Uint8ClampedArray} paint transparent where there is none
 * @param {number} strength 0..1
 * @returns {Uint8ClampedArray<ArrayBuffer>}
 */
export function mixed(photo, paint, strength) {
  const result = new Uint8ClampedArray(photo);
  for (let i = 0; i < result.length; i += 4) {
    if (!paint[i + 3]) continue;
    for (let k = i; k < i + 3; k++) result[k] = photo[k] + strength * (paint[k] - photo[k]);
  }
  return result;
}

/**
 * The photo where the paint is not opaque. Changes `result`.
 * @param {Uint8ClampedArray} result
 * @param {Uint8ClampedArray} photo
 * @param {Uint8ClampedArray} paint
 */
export function putBack(result, photo, paint) {
  for (let i = 0; i < result.length; i += 4) {
    const share = paint[i + 3] / 255;
    if (share === 1) continue;
    for (let k = i; k < i + 3; k++) result[k] = photo[k] + share * (result[k] - photo[k]);
  }
}

/**
 * The result's luminance with the photo's colors, made paler where they do not fit. Changes `result`.
 * @param {Uint8ClampedArray} result
 * @param {Uint8ClampedArray} photo of the same size
 */
export function keepLuminance(result, photo) {
  const [r, g, b] = LUMA;
  for (let i = 0; i < result.length; i += 4) {
    const y = r * result[i] + g * result[i + 1] + b * result[i + 2];
    const before = r * photo[i] + g * photo[i + 1] + b * photo[i + 2];
    const red = photo[i] - before;
    const green = photo[i + 1] - before;
    const blue = photo[i + 2] - before;
    let share = 1;
    if (red > 0 ? y + red > 255 : y + red < 0) share = Math.min(share, red > 0 ? (255 - y) / red : -y / red);
    if (green > 0 ? y + green > 255 : y + green < 0) share = Math.min(share, green > 0 ? (255 - y) / green : -y / green);
    if (blue > 0 ? y + blue > 255 : y + blue < 0) share = Math.min(share, blue > 0 ? (255 - y) / blue : -y / blue);
    result[i] = y + share * red;
    result[i + 1] = y + share * green;
    result[i + 2] = y + share * blue;
  }
}

/**
 * Mean and deviation of luminance after some gains and offsets.
 * @param {Uint8ClampedArray} pixels
 * @param {readonly (readonly [number, number])[]} steps level and gain of each
 * @param {number} mean that each step brings the level to
 * @returns {[number, number]}
 */
function brightness(pixels, steps, mean) {
  let sum = 0;
  let squares = 0;
  let count = 0;
  const every = 4 * Math.max(1, Math.floor(pixels.length / 4 / 100_000)); // a sample is enough
  for (let i = 0; i < pixels.length; i += every) {
    let y = 0;
    for (let channel = 0; channel < 3; channel++) {
      let value = pixels[i + channel];
      for (const [level, gain] of steps) value = Math.min(255, Math.max(0, (value - level) * gain + mean));
      y += LUMA[channel] * value;
    }
    sum += y;
    squares += y * y;
    count += 1;
  }
  const average = sum / count;
  return [average, Math.sqrt(Math.max(0, squares / count - average * average))];
}

/**
 * Bring brightness and contrast to the photo's. Changes `result`.
 * @param {Uint8ClampedArray} result
 * @param {Uint8ClampedArray} photo
 */
export function matchTone(result, photo) {
  const [mean, deviation] = brightness(photo, [], 0);
  /** @type {[number, number][]} */
  const steps = [];
  for (let step = 0; step < 3; step++) {
    const [level, spread] = brightness(result, steps, mean);
    steps.push([level, Math.min(deviation / Math.max(spread, 0.0255), 4)]);
  }
  const table = new Uint8ClampedArray(256);
  for (let value = 0; value < 256; value++) {
    let changed = value;
    for (const [level, gain] of steps) changed = Math.min(255, Math.max(0, (changed - level) * gain + mean));
    table[value] = Math.round(changed);
  }
  for (let i = 0; i < result.length; i += 4) {
    result[i] = table[result[i]];
    result[i + 1] = table[result[i + 1]];
    result[i + 2] = table[result[i + 2]];
  }
}
