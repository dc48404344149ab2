// Where a flow can be trusted, and what is kept of the previous picture there (src/impasto/pixels/flow.py, video/steady.py).
import { button, chance, clamp, colors, frame, luma, motion, panel, says, slider, tiles } from "./kit.js";

const RADIUS = 32;
const PACE = 6; // frames a second
const FLICKER = 0.1;
const GRID = [9, 7]; // places of the flicker, across and down

/** @param {HTMLElement} figure */
export async function start(figure) {
  const { tile, width, height } = await tiles(figure, 2, 1, "../../images/concepts/flow-source.webp");
  const [ground, disc] = [tile(0), tile(1)];
  const random = chance(2);
  const { stage, controls } = frame(figure);
  const alone = panel(width, height, "Every frame painted alone", { title: "Painted alone" });
  const map = panel(width, height, "Where the flow is trusted", { title: "Trust, and the flow back" });
  const steadied = panel(width, height, "The frames with the previous picture carried along", { title: "Steadied" });
  stage.append(alone.box, map.box, steadied.box);
  const speed = slider("Speed", { min: 0, max: 10, step: 0.5, value: 5, format: (v) => `${v} px` }, () => undefined);
  const steady = slider("Steadiness", { min: 0, max: 100, step: 5, value: 70, format: (v) => `${v} %` }, () => undefined);
  const told = says();
  const count = width * height;
  let x = 64;
  let way = 1;
  let clock = 0;
  /** @type {{source: Float32Array, painted: Float32Array, result: Float32Array, x: number} | null} */
  let before = null;
  const moves = motion(stage, (seconds) => {
    clock += seconds;
    if (clock < 1 / PACE) return;
    clock = 0;
    next();
  });
  const play = button("Play", () => {
    moves.set(!moves.runs);
    play.textContent = moves.runs ? "Pause" : "Play";
    told.setAttribute("aria-live", moves.runs ? "off" : "polite");
  });
  controls.append(play, button("Next frame", next), speed.node, steady.node, told);

  /** @param {number} at */
  function scene(at) {
    const found = new Float32Array(3 * count);
    for (let i = 0; i < count; i++) {
      const column = i % width;
      const row = Math.floor(i / width);
      const inside = Math.hypot(column - at, row - height / 2) <= RADIUS;
      const from = inside ? clamp(Math.round(column - at + width / 2), 0, width - 1) + row * width : i;
      const source = inside ? disc : ground;
      for (let c = 0; c < 3; c++) found[3 * i + c] = source.data[4 * from + c] / 255;
    }
    return found;
  }

  /** What a network that paints frame by frame adds: other colors in other places each time. @param {Float32Array} source */
  function paint(source) {
    const [across, down] = GRID;
    const noise = Array.from({ length: 3 * across * down }, () => FLICKER * 2 * (random() - 0.5));
    return source.map((value, index) => {
      const i = Math.floor(index / 3);
      const u = ((i % width) / width) * (across - 1);
      const v = (Math.floor(i / width) / height) * (down - 1);
      const [left, top] = [Math.floor(u), Math.floor(v)];
      const get = (/** @type {number} */ a, /** @type {number} */ b) => noise[3 * (b * across + a) + (index % 3)];
      const upper = get(left, top) + (u - left) * (get(left + 1, top) - get(left, top));
      const lower = get(left, top + 1) + (u - left) * (get(left + 1, top + 1) - get(left, top + 1));
      return clamp(value + upper + (v - top) * (lower - upper), 0, 1);
    });
  }

  function next() {
    const from = x;
    x += way * speed.value;
    if (x > width - 48 || x < 48) {
      way = -way;
      x = clamp(x, 48, width - 48);
    }
    const source = scene(x);
    const painted = paint(source);
    if (!before) {
      before = { source, painted, result: painted, x };
      show(painted, painted, new Float32Array(count), 0);
      return;
    }
    const step = from - x; // the flow back of the disc
    const trust = trusted(source, before.source, step);
    const kept = (0.92 * steady.value) / 100;
    const result = painted.map((value, index) => {
      const i = Math.floor(index / 3);
      const share = kept * trust[i];
      if (!share) return value;
      const carried = fetch(before?.result ?? painted, i, onDisc(i) ? step : 0, index % 3);
      return value + share * (carried - value);
    });
    told.textContent =
      `Mean change of points that can be followed: ${change(painted, before.painted, trust, step)} of 255 painted alone, ` +
      `${change(result, before.result, trust, step)} steadied.`;
    before = { source, painted, result, x };
    show(painted, result, trust, step);
  }

  /** @param {number} i */
  function onDisc(i) {
    return Math.hypot((i % width) - x, Math.floor(i / width) - height / 2) <= RADIUS;
  }

  /**
   * A picture at a place to the right, between two pixels.
   * @param {Float32Array} picture @param {number} i @param {number} right @param {number} channel
   */
  function fetch(picture, i, right, channel) {
    const at = clamp((i % width) + right, 0, width - 1);
    const left = Math.min(width - 2, Math.floor(at));
    const row = Math.floor(i / width) * width;
    const one = picture[3 * (row + left) + channel];
    return one + (at - left) * (picture[3 * (row + left + 1) + channel] - one);
  }

  /**
   * Ruder et al. 2016, eq. 5 and 6, and whether what the flow brings looks like what is there.
   * @param {Float32Array} source @param {Float32Array} last @param {number} step
   */
  function trusted(source, last, step) {
    const flow = Float32Array.from({ length: count }, (_, i) => (onDisc(i) ? step : 0));
    const found = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const column = i % width;
      const row = Math.floor(i / width);
      const there = column + flow[i];
      const wasDisc = Math.hypot(there - (x + step), row - height / 2) <= RADIUS;
      const back = wasDisc ? -step : 0;
      const consistent = (flow[i] + back) ** 2 <= 0.01 * (flow[i] ** 2 + back ** 2) + 0.5;
      const slope =
        ((flow[Math.min(i + 1, count - 1)] - flow[Math.max(i - 1, 0)]) / 2) ** 2 +
        ((flow[Math.min(i + width, count - 1)] - flow[Math.max(i - width, 0)]) / 2) ** 2;
      const smooth = slope <= 0.01 * flow[i] ** 2 + 0.002;
      if (!consistent || !smooth || there < 0 || there > width - 1) continue;
      const apart = [0, 1, 2].map((c) => fetch(last, i, flow[i], c) - source[3 * i + c]);
      found[i] = clamp(1.5 - Math.abs(luma(apart[0], apart[1], apart[2])) / 0.06, 0, 1);
    }
    return found;
  }

  /**
   * @param {Float32Array} now @param {Float32Array} last @param {Float32Array} trust @param {number} step
   */
  function change(now, last, trust, step) {
    let sum = 0;
    let weight = 1e-6;
    for (let i = 0; i < count; i++) {
      if (!trust[i]) continue;
      weight += 3;
      for (let c = 0; c < 3; c++) sum += Math.abs(now[3 * i + c] - fetch(last, i, onDisc(i) ? step : 0, c));
    }
    return ((255 * sum) / weight).toFixed(1);
  }

  /**
   * @param {Float32Array} painted @param {Float32Array} result @param {Float32Array} trust @param {number} step
   */
  function show(painted, result, trust, step) {
    const { accent } = colors(figure);
    for (const [where, pixels] of /** @type {[ReturnType<typeof panel>, Float32Array][]} */ ([
      [alone, painted],
      [steadied, result],
    ])) {
      const out = new ImageData(width, height);
      for (let i = 0; i < count; i++) {
        for (let c = 0; c < 3; c++) out.data[4 * i + c] = 255 * pixels[3 * i + c];
        out.data[4 * i + 3] = 255;
      }
      where.context.putImageData(out, 0, 0);
    }
    const out = new ImageData(width, height);
    for (let i = 0; i < count; i++) {
      out.data.fill(40 + 190 * trust[i], 4 * i, 4 * i + 3);
      out.data[4 * i + 3] = 255;
    }
    map.context.putImageData(out, 0, 0);
    map.context.strokeStyle = map.context.fillStyle = accent;
    map.context.lineWidth = 2;
    for (let row = 8; row < height; row += 16) {
      for (let column = 8; column < width; column += 16) {
        const length = onDisc(row * width + column) ? 2 * step : 0;
        map.context.fillRect(column - 1, row - 1, 2, 2);
        map.context.beginPath();
        map.context.moveTo(column, row);
        map.context.lineTo(column + length, row);
        map.context.stroke();
      }
    }
  }
  for (let i = 0; i < 6; i++) next();
}
