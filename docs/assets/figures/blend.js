// Fifteen pictures of the painter between three styles; a point in a triangle chooses one.
import { chart, draw, frame, panel, says, set, tiles } from "./kit.js";

const NAMES = ["Starry Night", "Great Wave", "The Scream"];
const STEPS = 4;

/** @param {HTMLElement} figure */
export async function start(figure) {
  const { tile, width, height } = await tiles(figure, 5, 3);
  /** @type {{weights: number[], x: number, y: number}[]} */
  const nodes = [];
  for (let rest = 0; rest <= STEPS; rest++) {
    for (let third = 0; third <= rest; third++) {
      const weights = [STEPS - rest, rest - third, third].map((weight) => weight / STEPS);
      nodes.push({ weights, x: 150 + 100 * (weights[2] - weights[1]), y: 42 + 172 * (1 - weights[0]) });
    }
  }
  const { stage, controls } = frame(figure);
  const picture = panel(width, height, "The photo in the blend that is chosen", { kind: "wide roomy" });
  const about = { role: "radiogroup", "aria-label": "Weights of three styles" };
  const { box, svg: triangle } = chart(300, 250, about, "roomy figure-drag");
  stage.append(picture.box, box);
  const told = says();
  controls.append(told);

  triangle.append(
    draw("path", { d: "M150 42L50 214H250Z", fill: "none", stroke: "currentColor", "stroke-opacity": 0.4 }),
    draw("text", { x: 150, y: 20, "text-anchor": "middle" }, NAMES[0]),
    draw("text", { x: 50, y: 242, "text-anchor": "middle" }, NAMES[1]),
    draw("text", { x: 250, y: 242, "text-anchor": "middle" }, NAMES[2]),
  );
  const dots = nodes.map((node, index) => {
    const dot = draw("circle", { cx: node.x, cy: node.y, r: 6, role: "radio", "aria-label": words(node.weights) });
    dot.addEventListener("focus", () => choose(index));
    triangle.append(dot);
    return dot;
  });
  let chosen = 4;

  /** @param {number} index */
  function choose(index) {
    chosen = index;
    dots.forEach((dot, i) =>
      set(dot, {
        r: i === index ? 10 : 6,
        tabindex: i === index ? 0 : -1,
        "aria-checked": i === index,
        fill: i === index ? "var(--md-accent-fg-color, #b8431f)" : "currentColor",
        "fill-opacity": i === index ? 1 : 0.35,
      }),
    );
    picture.context.putImageData(tile(index), 0, 0);
    told.textContent = words(nodes[index].weights);
  }

  triangle.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[/** @type {keyof typeof ways} */ (event.key)];
    if (!way) return;
    event.preventDefault();
    const here = nodes[chosen];
    let best = -1;
    let least = Infinity;
    nodes.forEach((node, index) => {
      const along = (node.x - here.x) * way[0] + (node.y - here.y) * way[1];
      const beside = Math.abs((node.x - here.x) * way[1]) + Math.abs((node.y - here.y) * way[0]);
      const away = Math.hypot(along, beside);
      if (along > beside && away < least) [best, least] = [index, away];
    });
    if (best >= 0) dots[best].focus();
  });
  /** @param {PointerEvent} event */
  function point(event) {
    if (event.type === "pointermove" && !event.buttons) return;
    const area = triangle.getBoundingClientRect();
    const x = ((event.clientX - area.left) / area.width) * 300;
    const y = ((event.clientY - area.top) / area.height) * 250;
    const away = nodes.map((node) => Math.hypot(node.x - x, node.y - y));
    choose(away.indexOf(Math.min(...away)));
  }
  triangle.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    triangle.setPointerCapture(event.pointerId);
    point(event);
  });
  triangle.addEventListener("pointermove", point);
  choose(chosen);
}

/** @param {number[]} weights */
function words(weights) {
  return weights.map((weight, i) => `${NAMES[i]} ${Math.round(100 * weight)} %`).join(", ");
}
