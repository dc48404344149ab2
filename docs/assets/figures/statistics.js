// AdaIN and WCT on the simplest features, the color channels.
import { choice, clamp, colors, frame, onTheme, panel, says, slider, tiles } from "./kit.js";
import { power, product, times } from "./linear.js";

const NAMES = ["Starry Night", "Great Wave", "Composition VII"];
const BARS = 64;
const TALL = 66;

/** @param {HTMLElement} figure */
export async function start(figure) {
  const { tile, width, height } = await tiles(figure, 5, 1);
  const photo = tile(0);
  const paintings = [1, 2, 3].map(tile);
  const known = paintings.map(measure);
  const own = measure(photo);
  const { stage, controls } = frame(figure);
  const panels = [
    panel(width, height + TALL, "The photo and the distributions of its channels", { title: "Photo x" }),
    panel(width, height + TALL, "The painting and the distributions of its channels", { title: "Painting y" }),
    panel(width, height + TALL, "The photo with the painting's statistics", { title: "Photo with y's statistics" }),
  ];
  stage.append(...panels.map((one) => one.box));
  const painting = choice("Painting", NAMES, show);
  painting.select.selectedIndex = 1;
  const method = choice("Match", ["mean and deviation (AdaIN)", "mean and covariance (WCT)"], show);
  const way = slider("Way", { min: 0, max: 1, step: 0.01, value: 1, format: (v) => v.toFixed(2) }, show);
  const told = says();
  controls.append(painting.node, method.node, way.node, told);

  function show() {
    const index = painting.select.selectedIndex;
    const wanted = known[index];
    const matrix = method.select.selectedIndex
      ? product(power(wanted.covariance, 0.5), power(own.covariance, -0.5))
      : own.covariance.map((row, i) =>
          row.map((_, j) => (i === j ? Math.sqrt(wanted.covariance[i][i] / own.covariance[i][i]) : 0)),
        );
    const moved = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const x = [0, 1, 2].map((c) => photo.data[4 * i + c] / 255);
      const z = times(matrix, x.map((v, c) => v - own.mean[c]));
      for (let c = 0; c < 3; c++) {
        const value = x[c] + way.value * (z[c] + wanted.mean[c] - x[c]);
        moved.data[4 * i + c] = Math.round(255 * clamp(value, 0, 1));
      }
      moved.data[4 * i + 3] = 255;
    }
    [photo, paintings[index], moved].forEach((pixels, i) => paint(panels[i], pixels));
    const now = measure(moved);
    told.textContent =
      `Correlation of red and blue: photo ${correlation(own)}, painting ${correlation(wanted)}, result ${correlation(now)}.` +
      (method.select.selectedIndex ? "" : " AdaIN leaves it as it is in the photo.");
  }

  /**
   * @param {ReturnType<typeof panel>} where
   * @param {ImageData} pixels
   */
  function paint(where, pixels) {
    const { ground, faint } = colors(figure);
    const { context } = where;
    context.globalCompositeOperation = "source-over";
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height + TALL);
    context.putImageData(pixels, 0, 0);
    context.fillStyle = faint;
    context.fillRect(0, height + 6, width, TALL - 6);
    ["#d23b3b", "#2f9e44", "#3465c9"].forEach((color, c) => {
      const bars = new Array(BARS).fill(0);
      for (let i = c; i < pixels.data.length; i += 4) bars[pixels.data[i] >> 2]++;
      const most = 1.15 * Math.max(...bars.slice(1, -1));
      context.strokeStyle = color;
      context.lineWidth = 2;
      context.beginPath();
      bars.forEach((count, i) => {
        const y = height + TALL - 2 - Math.min(1, count / most) * (TALL - 12);
        context.lineTo(((i + 0.5) * width) / BARS, y);
      });
      context.stroke();
    });
  }
  onTheme(show);
  show();
}

/** @param {{covariance: number[][]}} found */
function correlation({ covariance }) {
  return (covariance[0][2] / Math.sqrt(covariance[0][0] * covariance[2][2])).toFixed(2);
}

/**
 * Mean and covariance of the colors, 0..1.
 * @param {ImageData} pixels
 */
function measure(pixels) {
  const count = pixels.data.length / 4;
  const mean = [0, 0, 0];
  const second = [0, 1, 2].map(() => [0, 0, 0]);
  for (let i = 0; i < count; i++) {
    for (let a = 0; a < 3; a++) {
      const x = pixels.data[4 * i + a] / 255;
      mean[a] += x / count;
      for (let b = 0; b < 3; b++) second[a][b] += (x * pixels.data[4 * i + b]) / 255 / count;
    }
  }
  const covariance = second.map((row, a) => row.map((v, b) => v - mean[a] * mean[b] + (a === b ? 1e-5 : 0)));
  return { mean, covariance };
}
