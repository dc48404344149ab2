// Back projection in one step, on a line (src/impasto/pixels/reduction.py).
import { chance, chart, colors, draw, frame, onTheme, says, slider } from "./kit.js";
import { identity, times, transposed } from "./linear.js";

const SMALL = 16;
const FACTOR = 2;
const LARGE = SMALL * FACTOR;

/** @param {HTMLElement} figure */
export function start(figure) {
  const down = reduction();
  const up = inverse(down);
  const random = chance(7);
  const small = Array.from({ length: SMALL }, (_, i) => 0.5 + 0.28 * Math.sin(i / 2.3) + 0.12 * (random() - 0.5));
  const { stage, controls } = frame(figure);
  const { box, svg } = chart(760, 250, { role: "img", "aria-label": "Small pixels and enlarged lines" }, "full");
  stage.append(box);
  const hundredth = (/** @type {number} */ value) => value.toFixed(2);
  const detail = slider("Invented detail", { min: 0, max: 0.4, step: 0.01, value: 0.15, format: hundredth }, show);
  const waves = slider("its waves", { min: 1, max: 16, step: 0.5, value: 10, format: String }, show);
  const shift = slider("Shift of the drawing", { min: -0.3, max: 0.3, step: 0.01, value: 0.12, format: hundredth }, show);
  const told = says();
  controls.append(detail.node, waves.node, shift.node, told);

  function show() {
    const { accent, other, pale } = colors(figure);
    const smooth = times(up, small);
    const drawn = smooth.map(
      (value, i) => value + shift.value + detail.value * Math.sin((2 * Math.PI * waves.value * (i + 0.5)) / LARGE),
    );
    const missing = times(down, drawn).map((value, i) => small[i] - value);
    const fixed = drawn.map((value, i) => value + times([up[i]], missing)[0]);
    const before = missing.reduce((sum, value) => sum + Math.abs(value) / SMALL, 0);
    const reduced = times(down, fixed);
    const after = reduced.reduce((sum, value, i) => sum + Math.abs(small[i] - value) / SMALL, 0);
    const x = (/** @type {number} */ place) => (760 * (place + 0.5)) / LARGE;
    const y = (/** @type {number} */ value) => 228 - 190 * value;
    const line = (/** @type {number[]} */ values) => "M" + values.map((v, i) => `${x(i)} ${y(v)}`).join("L");
    svg.replaceChildren(
      ...small.map((value, i) =>
        draw("path", {
          d: `M${(760 * i) / SMALL} ${y(value)}H${(760 * (i + 1)) / SMALL}`,
          stroke: other,
          "stroke-width": 7,
          "stroke-opacity": 0.55,
        }),
      ),
      draw("path", { d: line(drawn), fill: "none", stroke: pale, "stroke-width": 1.5, "stroke-dasharray": "5 4" }),
      draw("path", { d: line(fixed), fill: "none", stroke: accent, "stroke-width": 2.5 }),
      ...reduced.map((value, i) =>
        draw("circle", { cx: (760 * (i + 0.5)) / SMALL, cy: y(value), r: 4, fill: "currentColor" }),
      ),
    );
    told.textContent = `The drawing, reduced, misses the small picture by ${(255 * before).toFixed(1)} of 255; after back projection by ${(255 * after).toFixed(1)}.`;
  }
  onTheme(show);
  show();
}

/** Keys' cubic kernel with a = -1/2. @param {number} at */
function cubic(at) {
  const x = Math.abs(at);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/** D, on a line whose ends meet. */
function reduction() {
  return Array.from({ length: SMALL }, (_, i) => {
    const row = new Array(LARGE).fill(0);
    const center = (i + 0.5) * FACTOR - 0.5;
    for (let place = Math.floor(center - 2 * FACTOR); place <= center + 2 * FACTOR; place++) {
      row[(place + LARGE) % LARGE] += cubic((place - center) / FACTOR);
    }
    const sum = row.reduce((total, value) => total + value, 0);
    return row.map((value) => value / sum);
  });
}

/** P = D' (D D')^-1. @param {number[][]} down */
function inverse(down) {
  const square = down.map((row) => down.map((other) => row.reduce((sum, value, k) => sum + value * other[k], 0)));
  const rows = square.map((row, i) => [...row, ...identity(SMALL)[i]]);
  for (let i = 0; i < SMALL; i++) {
    const first = rows[i][i];
    rows[i] = rows[i].map((value) => value / first);
    for (let j = 0; j < SMALL; j++) {
      if (j === i) continue;
      const factor = rows[j][i];
      rows[j] = rows[j].map((value, k) => value - factor * rows[i][k]);
    }
  }
  const middle = rows.map((row) => row.slice(SMALL));
  return transposed(down).map((row) => middle[0].map((_, j) => row.reduce((sum, v, k) => sum + v * middle[k][j], 0)));
}
