// The chances to win, to tie and to lose (src/impasto/study/davidson.py: probabilities).
import { chart, colors, draw, frame, onTheme, says, slider } from "./kit.js";

const LOW = -4;
const HIGH = 4;

/** @param {HTMLElement} figure */
export function start(figure) {
  const { stage, controls } = frame(figure);
  const { box, svg } = chart(700, 200, { role: "img", "aria-label": "Chances over the difference of scores" }, "full");
  stage.append(box);
  const lead = slider("Score of i less that of j", { min: LOW, max: HIGH, step: 0.1, value: 1, format: fixed }, show);
  const ties = slider("t, how readily none is seen", { min: -4, max: 2, step: 0.1, value: -1, format: fixed }, show);
  const told = says();
  controls.append(lead.node, ties.node, told);

  function show() {
    const { accent, other, faint } = colors(figure);
    const lower = [];
    const upper = [];
    for (let i = 0; i <= 100; i++) {
      const d = LOW + ((HIGH - LOW) * i) / 100;
      const [won, , tied] = chances(d, ties.value);
      lower.push(`${7 * i},${170 - 160 * won}`);
      upper.push(`${7 * i},${170 - 160 * (won + tied)}`);
    }
    const x = (700 * (lead.value - LOW)) / (HIGH - LOW);
    svg.replaceChildren(
      draw("rect", { x: 0, y: 10, width: 700, height: 160, fill: other, "fill-opacity": 0.55 }),
      draw("polygon", { points: ["0,170", ...upper, "700,170"].join(" "), fill: "var(--md-default-bg-color, #fff)" }),
      draw("polygon", { points: ["0,170", ...upper, "700,170"].join(" "), fill: faint }),
      draw("polygon", { points: ["0,170", ...lower, "700,170"].join(" "), fill: accent, "fill-opacity": 0.75 }),
      draw("path", { d: `M${x} 6V174`, stroke: "currentColor", "stroke-width": 2 }),
      label(20, 40, "j is better", "start"),
      label(680, 150, "i is better", "end"),
      ...[-4, -2, 0, 2, 4].map((d) =>
        label((700 * (d - LOW)) / (HIGH - LOW), 192, String(d), d === LOW ? "start" : d === HIGH ? "end" : "middle"),
      ),
    );
    const [won, lost, tied] = chances(lead.value, ties.value).map((chance) => `${Math.round(100 * chance)} %`);
    told.textContent = `i is better: ${won}. No difference: ${tied}. j is better: ${lost}.`;
  }
  onTheme(show);
  show();
}

/** @param {number} x @param {number} y @param {string} text @param {string} anchor */
function label(x, y, text, anchor) {
  return draw("text", { x, y, "text-anchor": anchor }, text);
}

/** @param {number} value */
const fixed = (value) => value.toFixed(1);

/** Won, lost, tied. @param {number} lead @param {number} ties */
export function chances(lead, ties) {
  const powers = [Math.exp(lead / 2), Math.exp(-lead / 2), Math.exp(ties)];
  const sum = powers[0] + powers[1] + powers[2];
  return powers.map((power) => power / sum);
}
