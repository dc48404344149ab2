// The Gram matrix of a window in a painting, from twelve channels of simple features.
import { button, chance, clamp, colors, frame, luma, onTheme, panel, says, slider, tiles, toggle } from "./kit.js";

const SIDE = 72; // pixels of the window
const PLACES = SIDE * SIDE;
const CHANNELS = ["R", "G", "B", "—", "/", "|", "\\", "— 2", "/ 2", "| 2", "\\ 2", "dot"];
const COUNT = CHANNELS.length;
const CELL = 18; // pixels of a matrix entry

/** @param {HTMLElement} figure */
export async function start(figure) {
  const { tile, width, height } = await tiles(figure, 2, 1, "../../images/concepts/gram-source.webp");
  const sources = [tile(0), tile(1)];
  const whole = sources.map((source) => features(source));
  const order = scattered();
  const { stage, controls } = frame(figure);
  const painting = panel(2 * width, height, "Two paintings and the window", {
    title: "Drag the window over the paintings.",
    kind: "full figure-drag",
  });
  const seen = panel(SIDE, SIDE, "The window", { title: "The window", kind: "pixels" });
  const maps = panel(4 * SIDE, 3 * SIDE, "Twelve channels of features", { title: "Features F: twelve channels" });
  const pinned = panel(COUNT * CELL, COUNT * CELL, "The pinned Gram matrix", { title: "Pinned: G(a)" });
  const matrix = panel(COUNT * CELL, COUNT * CELL, "The Gram matrix of the window", { title: "Now: G(x)" });
  stage.append(painting.box, seen.box, maps.box, pinned.box, matrix.box);
  const most = { x: 2 * width - SIDE, y: height - SIDE };
  const x = slider("Window, right", { min: 0, max: most.x, step: 4, value: 480 }, show);
  const y = slider("down", { min: 0, max: most.y, step: 4, value: 212 }, show);
  const scatter = toggle("Scatter the positions", false, show);
  const told = says();
  let target = gram(cut(x.value, y.value));
  x.put(540);
  y.put(196);
  const pin = button("Pin this window", () => {
    target = gram(cut(x.value, y.value));
    show();
  });
  controls.append(x.node, y.node, scatter.node, pin, told);

  /**
   * The features of a window: twelve channels after the other. It does not lie in both paintings at once.
   * @param {number} left
   * @param {number} top
   */
  function cut(left, top) {
    const second = left + SIDE / 2 >= width;
    const from = second ? clamp(left - width, 0, width - SIDE) : Math.min(left, width - SIDE);
    const found = new Float32Array(COUNT * PLACES);
    for (let c = 0; c < COUNT; c++) {
      const channel = whole[second ? 1 : 0][c];
      for (let row = 0; row < SIDE; row++) {
        const start = (top + row) * width + from;
        found.set(channel.subarray(start, start + SIDE), c * PLACES + row * SIDE);
      }
    }
    return found;
  }

  function show() {
    const found = cut(x.value, y.value);
    const shown = scatter.input.checked ? permuted(found, order) : found;
    sources.forEach((source, i) => painting.context.putImageData(source, i * width, 0));
    const edge = x.value + SIDE / 2 >= width ? Math.max(x.value, width) : Math.min(x.value, width - SIDE);
    painting.context.lineWidth = 5;
    painting.context.strokeStyle = "#fff";
    painting.context.strokeRect(edge, y.value, SIDE, SIDE);
    painting.context.lineWidth = 2;
    painting.context.strokeStyle = "#000";
    painting.context.strokeRect(edge, y.value, SIDE, SIDE);
    const colored = new ImageData(SIDE, SIDE);
    for (let i = 0; i < PLACES; i++) {
      for (let c = 0; c < 3; c++) colored.data[4 * i + c] = 255 * shown[c * PLACES + i];
      colored.data[4 * i + 3] = 255;
    }
    seen.context.putImageData(colored, 0, 0);
    for (let c = 0; c < COUNT; c++) {
      const map = new ImageData(SIDE, SIDE);
      for (let i = 0; i < PLACES; i++) {
        map.data.fill(255 * Math.min(1, shown[c * PLACES + i]), 4 * i, 4 * i + 3);
        map.data[4 * i + 3] = 255;
      }
      maps.context.putImageData(map, (c % 4) * SIDE, Math.floor(c / 4) * SIDE);
    }
    const now = gram(shown);
    paint(pinned, target);
    paint(matrix, now);
    let apart = 0;
    let energy = 0;
    now.forEach((value, i) => {
      apart += (value - target[i]) ** 2;
      energy += target[i] ** 2;
    });
    told.textContent = `Style loss against the pinned window, over its energy: ${(apart / energy).toFixed(3)}.`;
  }

  /**
   * @param {{context: CanvasRenderingContext2D}} where
   * @param {Float64Array} values
   */
  function paint(where, values) {
    const { ground, accent } = colors(figure);
    where.context.fillStyle = ground;
    where.context.fillRect(0, 0, COUNT * CELL, COUNT * CELL);
    values.forEach((value, i) => {
      where.context.globalAlpha = clamp(Math.sqrt(value) * 1.25, 0.02, 1);
      where.context.fillStyle = accent;
      where.context.fillRect((i % COUNT) * CELL, Math.floor(i / COUNT) * CELL, CELL - 1, CELL - 1);
    });
    where.context.globalAlpha = 1;
  }

  /** @param {PointerEvent} event */
  function drag(event) {
    if (event.type === "pointermove" && !event.buttons) return;
    const area = painting.canvas.getBoundingClientRect();
    x.put(clamp(((event.clientX - area.left) / area.width) * 2 * width - SIDE / 2, 0, most.x));
    y.put(clamp(((event.clientY - area.top) / area.height) * height - SIDE / 2, 0, most.y));
    show();
  }
  painting.canvas.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    painting.canvas.setPointerCapture(event.pointerId);
    drag(event);
  });
  painting.canvas.addEventListener("pointermove", drag);
  onTheme(show);
  show();
}

/**
 * Colors; steps of luminance in four directions, fine and coarse; and how much a place differs from those around it.
 * All are 0 or more, as features after a ReLU are.
 * @param {ImageData} picture
 */
function features(picture) {
  const { width, height } = picture;
  const count = width * height;
  const planes = [0, 1, 2].map((c) => Float32Array.from({ length: count }, (_, i) => picture.data[4 * i + c] / 255));
  const gray = Float32Array.from({ length: count }, (_, i) => luma(planes[0][i], planes[1][i], planes[2][i]));
  const ways = [
    [0, 1],
    [1, 1],
    [1, 0],
    [1, -1],
  ];
  const found = [...planes];
  for (const [step, gain] of [
    [1, 2.2],
    [3, 1.5],
  ]) {
    for (const [right, down] of ways) {
      found.push(
        Float32Array.from({ length: count }, (_, i) => {
          const before = at(gray, width, height, i, -right * step, -down * step);
          return gain * Math.abs(at(gray, width, height, i, right * step, down * step) - before);
        }),
      );
    }
  }
  found.push(
    Float32Array.from({ length: count }, (_, i) => {
      const around = ways.flatMap(([x, y]) => [
        at(gray, width, height, i, 2 * x, 2 * y),
        at(gray, width, height, i, -2 * x, -2 * y),
      ]);
      return 3 * Math.abs(gray[i] - around.reduce((sum, value) => sum + value, 0) / 8);
    }),
  );
  return found;
}

/**
 * @param {Float32Array} plane @param {number} width @param {number} height
 * @param {number} i @param {number} right @param {number} down
 */
function at(plane, width, height, i, right, down) {
  const column = clamp((i % width) + right, 0, width - 1);
  const row = clamp(Math.floor(i / width) + down, 0, height - 1);
  return plane[row * width + column];
}

/** F F' / M. @param {Float32Array} found */
function gram(found) {
  const values = new Float64Array(COUNT * COUNT);
  for (let a = 0; a < COUNT; a++) {
    for (let b = a; b < COUNT; b++) {
      let sum = 0;
      for (let i = 0; i < PLACES; i++) sum += found[a * PLACES + i] * found[b * PLACES + i];
      values[a * COUNT + b] = values[b * COUNT + a] = sum / PLACES;
    }
  }
  return values;
}

function scattered() {
  const random = chance(11);
  const order = Uint16Array.from({ length: PLACES }, (_, i) => i);
  for (let i = PLACES - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** @param {Float32Array} found @param {Uint16Array} order */
function permuted(found, order) {
  const moved = new Float32Array(found.length);
  for (let c = 0; c < COUNT; c++) {
    for (let i = 0; i < PLACES; i++) moved[c * PLACES + i] = found[c * PLACES + order[i]];
  }
  return moved;
}
