// Strength, kept colors and matched tone (src/impasto/painting/compose.py, src/impasto/pixels/color.py).
import { choice, frame, luma, panel, says, slider, tiles, toggle } from "./kit.js";

/** @param {HTMLElement} figure */
export async function start(figure) {
  const { tile, width, height } = await tiles(figure, 3, 1);
  const photo = tile(0);
  const painted = tile(1);
  const { stage, controls } = frame(figure);
  const before = panel(width, height, "The photo", { title: "The photo" });
  const result = panel(width, height, "The photo painted at the strength that is set", { title: "The picture" });
  before.context.putImageData(photo, 0, 0);
  stage.append(before.box, result.box);

  const strength = slider(
    "Strength",
    { min: 0, max: 100, step: 1, value: 70, format: (value) => `${value} %` },
    () => show(),
  );
  const kept = choice("Colors", ["of the painting", "of the photo (luminance)"], () => show());
  const tone = toggle("Match the photo's tone", false, () => show());
  const told = says();
  controls.append(strength.node, kept.node, tone.node, told);

  function show() {
    const s = strength.value / 100;
    const count = width * height;
    const pixels = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 3; c++) {
        const p = photo.data[4 * i + c] / 255;
        pixels[3 * i + c] = p + s * (painted.data[4 * i + c] / 255 - p);
      }
    }
    if (kept.select.selectedIndex === 1) keepColors(pixels, photo);
    if (tone.input.checked) matchTone(pixels, photo);
    const out = new ImageData(width, height);
    let change = 0;
    for (let i = 0; i < count; i++) {
      for (let c = 0; c < 3; c++) {
        out.data[4 * i + c] = Math.round(255 * pixels[3 * i + c]);
        change += Math.abs(out.data[4 * i + c] - photo.data[4 * i + c]);
      }
      out.data[4 * i + 3] = 255;
    }
    result.context.putImageData(out, 0, 0);
    told.textContent = `The picture differs from the photo by ${(change / count / 3).toFixed(1)} of 255 in the mean.`;
  }
  show();
}

/**
 * The pixels' luminance with the photo's chroma, as much of it as fits.
 * @param {Float32Array} pixels
 * @param {ImageData} photo
 */
function keepColors(pixels, photo) {
  for (let i = 0; i < pixels.length / 3; i++) {
    const y = luma(pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]);
    const rgb = [0, 1, 2].map((c) => photo.data[4 * i + c] / 255);
    const before = luma(rgb[0], rgb[1], rgb[2]);
    let share = 1;
    for (const value of rgb) {
      const chroma = value - before;
      if (chroma > 0) share = Math.min(share, (1 - y) / chroma);
      if (chroma < 0) share = Math.min(share, -y / chroma);
    }
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = Math.min(1, Math.max(0, y + share * (rgb[c] - before)));
  }
}

/**
 * Mean and deviation of luminance as the photo's, by one gain and one offset, three times.
 * @param {Float32Array} pixels
 * @param {ImageData} photo
 */
function matchTone(pixels, photo) {
  const count = pixels.length / 3;
  const target = moments(count, (i) => luma(photo.data[4 * i], photo.data[4 * i + 1], photo.data[4 * i + 2]) / 255);
  for (let round = 0; round < 3; round++) {
    const own = moments(count, (i) => luma(pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]));
    const gain = Math.min(target.deviation / Math.max(own.deviation, 1e-4), 4);
    for (let i = 0; i < pixels.length; i++) {
      pixels[i] = Math.min(1, Math.max(0, (pixels[i] - own.mean) * gain + target.mean));
    }
  }
}

/**
 * @param {number} count
 * @param {(index: number) => number} value
 */
function moments(count, value) {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const v = value(i);
    sum += v;
    squares += v * v;
  }
  const mean = sum / count;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
}
