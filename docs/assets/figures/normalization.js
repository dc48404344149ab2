// Instance normalization: what it forgets of a photo, and what the style puts in its place.
import { colors, frame, luma, onTheme, panel, says, slider, tiles } from "./kit.js";

const BARS = 48;

/** @param {HTMLElement} figure */
export async function start(figure) {
  const { tile, width, height } = await tiles(figure, 4, 1);
  const photo = tile(1);
  const gray = new Float32Array(width * height);
  for (let i = 0; i < gray.length; i++) {
    gray[i] = luma(photo.data[4 * i], photo.data[4 * i + 1], photo.data[4 * i + 2]) / 255;
  }
  const { stage, controls } = frame(figure);
  const before = panel(width, height + 70, "The photo as one channel, and the distribution of its values", {
    title: "The channel x, and its values",
  });
  const after = panel(width, height + 70, "The normalized channel, and the distribution of its values", {
    title: "γ (x − μ) / σ + β",
  });
  stage.append(before.box, after.box);
  const percent = (/** @type {number} */ value) => value.toFixed(2);
  const contrast = slider("Contrast of the photo", { min: 0.1, max: 1, step: 0.01, value: 0.4, format: percent }, show);
  const level = slider("Brightness", { min: -0.3, max: 0.3, step: 0.01, value: 0.1, format: percent }, show);
  const scale = slider("Scale γ of the style", { min: 0.02, max: 0.35, step: 0.01, value: 0.2, format: percent }, show);
  const shift = slider("Shift β", { min: 0.2, max: 0.8, step: 0.01, value: 0.45, format: percent }, show);
  const told = says();
  controls.append(contrast.node, level.node, scale.node, shift.node, told);

  function show() {
    const x = gray.map((value) => 0.5 + contrast.value * (value - 0.5) + level.value);
    let mean = 0;
    let square = 0;
    for (const value of x) {
      mean += value / x.length;
      square += (value * value) / x.length;
    }
    const deviation = Math.sqrt(Math.max(1e-9, square - mean * mean));
    const z = x.map((value) => (scale.value * (value - mean)) / deviation + shift.value);
    paint(before, x);
    paint(after, z);
    told.textContent = `μ = ${mean.toFixed(2)}, σ = ${deviation.toFixed(2)} before; μ = ${shift.value.toFixed(2)}, σ = ${scale.value.toFixed(2)} after.`;
  }

  /**
   * @param {ReturnType<typeof panel>} where
   * @param {Float32Array} values
   */
  function paint(where, values) {
    const { text, faint, ground, accent } = colors(figure);
    const { context } = where;
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height + 70);
    const out = new ImageData(width, height);
    const bars = new Array(BARS).fill(0);
    values.forEach((value, i) => {
      out.data.fill(255 * value, 4 * i, 4 * i + 3);
      out.data[4 * i + 3] = 255;
      bars[Math.min(BARS - 1, Math.max(0, Math.floor(value * BARS)))]++;
    });
    context.putImageData(out, 0, 0);
    context.fillStyle = faint;
    context.fillRect(0, height + 6, width, 64);
    context.fillStyle = accent;
    const most = Math.max(...bars.slice(1, -1), 1);
    bars.forEach((count, i) => {
      const tall = Math.min(60, (58 * count) / most);
      context.fillRect((i * width) / BARS, height + 70 - tall, width / BARS - 1, tall);
    });
    context.fillStyle = text;
    context.fillRect(0, height + 69, width, 1);
  }
  onTheme(show);
  show();
}
