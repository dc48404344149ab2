// Which style losses see which difference of two distributions of features (src/impasto/nn/losses.py).
import { button, chance, clamp, colors, frame, onTheme, panel, says, slider } from "./kit.js";
import { eigen, power, product } from "./linear.js";

const POINTS = 600;
const SIZE = 300;
const NAMES = ["Gram matrix", "Moments", "Wasserstein", "Histograms"];

/** @param {HTMLElement} figure */
export function start(figure) {
  const base = whitened(normals());
  const painting = cloud(base, { mean: 1.2, spread: 0.55, correlation: 0.6, skew: 0 });
  const { stage, controls } = frame(figure);
  const view = panel(SIZE, SIZE, "Two clouds of points: features of the painting and of the picture", {
    title: "Blue: the painting. Red: the picture. Axes: two channels.",
    kind: "roomy",
  });
  const bars = panel(SIZE + 120, SIZE, "Four losses as bars", { title: "Losses, over the target's energy", kind: "roomy" });
  stage.append(view.box, bars.box);
  const hundredth = (/** @type {number} */ value) => value.toFixed(2);
  const mean = slider("Mean", { min: 0.4, max: 2.2, step: 0.02, value: 1.2, format: hundredth }, show);
  const spread = slider("Spread", { min: 0.2, max: 1, step: 0.01, value: 0.55, format: hundredth }, show);
  const tilt = slider("Correlation", { min: -0.95, max: 0.95, step: 0.01, value: -0.6, format: hundredth }, show);
  const skew = slider("Skew", { min: 0, max: 1, step: 0.02, value: 0, format: hundredth }, show);
  const reset = button("As the painting", () => {
    mean.put(1.2);
    spread.put(0.55);
    tilt.put(0.6);
    skew.put(0);
    show();
  });
  const told = says();
  controls.append(mean.node, spread.node, tilt.node, skew.node, reset, told);

  function show() {
    const values = { mean: mean.value, spread: spread.value, correlation: tilt.value, skew: skew.value };
    const picture = cloud(base, values);
    const found = compare(picture, painting);
    const { text, faint, ground, accent, other } = colors(figure);
    const { context } = view;
    context.fillStyle = ground;
    context.fillRect(0, 0, SIZE, SIZE);
    context.fillStyle = faint;
    context.fillRect(0, 0, SIZE, SIZE);
    for (const [points, color] of /** @type {[number[][], string][]} */ ([
      [painting, other],
      [picture, accent],
    ])) {
      context.fillStyle = color;
      context.globalAlpha = 0.55;
      for (const [a, b] of points) context.fillRect(70 + 78 * a - 1.5, SIZE - 70 - 78 * b - 1.5, 3, 3);
    }
    context.globalAlpha = 1;
    context.fillStyle = text;
    context.fillRect(70, 0, 1, SIZE);
    context.fillRect(0, SIZE - 70, SIZE, 1);

    const chart = bars.context;
    chart.fillStyle = ground;
    chart.fillRect(0, 0, SIZE + 120, SIZE);
    chart.font = "15px system-ui, sans-serif";
    chart.textBaseline = "middle";
    found.forEach((loss, i) => {
      const top = 16 + 72 * i;
      chart.fillStyle = faint;
      chart.fillRect(0, top + 22, SIZE + 120, 20);
      chart.fillStyle = loss > 0.004 ? accent : other;
      chart.fillRect(0, top + 22, (SIZE + 120) * clamp(Math.sqrt(loss), 0.004, 1), 20);
      chart.fillStyle = text;
      chart.fillText(`${NAMES[i]}  ${loss < 0.0005 ? "0" : loss.toFixed(3)}`, 0, top + 8);
    });
    const blind = NAMES.filter((_, i) => found[i] <= 0.004);
    told.textContent =
      blind.length === NAMES.length
        ? "Both clouds are alike to every loss."
        : blind.length
          ? `Nearly blind to this difference: ${blind.join(", ").toLowerCase()}.`
          : "Every loss sees this difference.";
  }
  onTheme(show);
  show();
}

/** Points of two independent normal distributions. */
function normals() {
  const random = chance(5);
  return Array.from({ length: POINTS }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

/** The points with mean 0 and the unit covariance, exactly. @param {number[][]} points */
function whitened(points) {
  const { mean, covariance } = gaussian(points);
  const root = power(covariance, -0.5);
  return points.map(([a, b]) => {
    const [x, y] = [a - mean[0], b - mean[1]];
    return [root[0][0] * x + root[0][1] * y, root[1][0] * x + root[1][1] * y];
  });
}

/**
 * @param {number[][]} base
 * @param {{mean: number, spread: number, correlation: number, skew: number}} how
 */
function cloud(base, { mean, spread, correlation, skew }) {
  const bent = skew ? whitened(base.map((point) => point.map((v) => Math.expm1(skew * clamp(v, -3, 2.2)) / skew))) : base;
  const root = power(
    [
      [spread ** 2, correlation * spread ** 2],
      [correlation * spread ** 2, spread ** 2],
    ],
    0.5,
  );
  return bent.map(([a, b]) => [mean + root[0][0] * a + root[0][1] * b, mean + root[1][0] * a + root[1][1] * b]);
}

/** @param {number[][]} points */
function gaussian(points) {
  const mean = [0, 1].map((c) => points.reduce((sum, point) => sum + point[c], 0) / points.length);
  const second = moments(points);
  const covariance = second.map((row, i) => row.map((value, j) => value - mean[i] * mean[j]));
  return { mean, second, covariance };
}

/** The Gram matrix over the number of places. @param {number[][]} points */
function moments(points) {
  return [0, 1].map((i) => [0, 1].map((j) => points.reduce((sum, p) => sum + p[i] * p[j], 0) / points.length));
}

/**
 * The four losses, each over the target's energy.
 * @param {number[][]} picture
 * @param {number[][]} painting
 */
export function compare(picture, painting) {
  const [x, a] = [gaussian(picture), gaussian(painting)];
  const square = (/** @type {number} */ value) => value * value;
  const over = (/** @type {number[]} */ one, /** @type {number[]} */ other) =>
    one.reduce((sum, v, i) => sum + square(v - other[i]), 0) / other.reduce((sum, v) => sum + square(v), 0);
  const flat = (/** @type {typeof x} */ g) => [...g.mean, ...g.covariance.map((row, i) => Math.sqrt(row[i]))];
  const root = power(a.covariance, 0.5);
  const cross = eigen(product(product(root, x.covariance), root)).values;
  const trace = (/** @type {typeof x} */ g) => g.covariance[0][0] + g.covariance[1][1];
  const way = x.mean.reduce((sum, v, i) => sum + square(v - a.mean[i]), 0);
  const distance = way + trace(x) + trace(a) - 2 * cross.reduce((sum, v) => sum + Math.sqrt(Math.max(0, v)), 0);
  const power_ = a.mean.reduce((sum, v) => sum + square(v), 0) + trace(a);
  const sorted = (/** @type {number[][]} */ points) =>
    [0, 1].flatMap((c) => points.map((point) => point[c]).sort((one, other) => one - other));
  return [
    over(x.second.flat(), a.second.flat()),
    over(flat(x), flat(a)),
    Math.max(0, distance) / power_,
    over(sorted(picture), sorted(painting)),
  ];
}
