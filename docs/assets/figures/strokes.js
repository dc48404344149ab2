// One octave, step by step, on a painted detail.
import { button, frame, luma, motion, panel, says, slider, tiles } from "./kit.js";
import { across, along, blurred, changed, curvature, doubled, halved, plane, shocked, toldBy } from "./octave.js";

const STEPS = [
  ["Painted", "What the painter painted, at its natural size."],
  ["Enlarged", "Twice as large, cubically: soft, and the network's grid shows."],
  ["Detail", "The luminance that the photo has in this octave is added, 60 % of it."],
  ["Lines", "The structure tensor gives each place a direction. The dashes lie along the lines."],
  ["Along", "Each pixel is averaged with two places of its line."],
  ["Across", "The shock filter: blue places go to the darker neighbor, red ones to the brighter."],
  ["Again", "Both filters, a second time."],
  ["Put back", "What the picture lacks of the painted one is put back, less where it is plain."],
];

/** @param {HTMLElement} figure */
export async function start(figure) {
  const { tile } = await tiles(figure, 1, 1, "../../images/concepts/strokes-source.webp");
  const sheet = tile(0);
  const channel = (/** @type {number} */ left, /** @type {number} */ width, /** @type {number} */ height, /** @type {number} */ c) =>
    plane(width, height, (x, y) => sheet.data[4 * (y * sheet.width + left + x) + c] / 255);
  const photo = channel(0, 192, 144, 0);
  const painted = [0, 1, 2].map((c) => channel(200, 96, 72, c));
  const made = octave(painted, photo);

  const { stage, controls } = frame(figure);
  const last = panel(192 * 3, 144 * 3, "The detail before the step", { title: "Before" });
  const view = panel(192 * 3, 144 * 3, "The detail after the step", { title: "After" });
  stage.append(last.box, view.box);
  const told = says();
  const step = slider(
    "Step",
    { min: 0, max: STEPS.length - 1, step: 1, value: 0, format: (index) => STEPS[index][0] },
    () => show(),
  );
  let clock = 0;
  const moves = motion(stage, (seconds) => {
    clock += seconds;
    if (clock < 1.6) return;
    clock = 0;
    if (step.value === STEPS.length - 1) play.click();
    else go(step.value + 1);
  });
  const play = button("Play", () => {
    if (!moves.runs && step.value === STEPS.length - 1) go(0);
    moves.set(!moves.runs);
    clock = 0;
    play.textContent = moves.runs ? "Pause" : "Play";
  });
  const back = button("Back", () => go(step.value - 1));
  const next = button("Next", () => go(step.value + 1));
  controls.append(step.node, back, next, play, told);

  /** @param {number} index */
  function go(index) {
    step.put(index);
    show();
  }

  function show() {
    const index = step.value;
    back.disabled = index === 0;
    next.disabled = index === STEPS.length - 1;
    told.textContent = STEPS[index][1];
    last.caption.textContent = index ? `Before: ${STEPS[index - 1][0].toLowerCase()}` : "Before: painted";
    view.caption.textContent = `After: ${STEPS[index][0].toLowerCase()}`;
    paint(last.context, Math.max(0, index - 1), false);
    paint(view.context, index, true);
  }

  /** @param {any} context @param {number} index @param {boolean} marked */
  function paint(context, index, marked) {
    const planes = made.pictures[index];
    const { width, height } = planes[0];
    const small = new OffscreenCanvas(width, height);
    const pixels = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = 255 * planes[c].data[i];
      pixels.data[4 * i + 3] = 255;
      if (index === 5 && marked) tint(pixels, i, made.curve.data[i]);
    }
    /** @type {any} */ (small.getContext("2d")).putImageData(pixels, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, 192 * 3, 144 * 3);
    if (index === 3 && marked) dashes();
  }

  function dashes() {
    for (const [color, thick] of /** @type {[string, number][]} */ ([
      ["#000", 3.5],
      ["#fff", 1.7],
    ])) {
      view.context.strokeStyle = color;
      view.context.lineWidth = thick;
      view.context.beginPath();
      for (let y = 4; y < 144; y += 6) {
        for (let x = 4; x < 192; x += 6) {
          const angle = made.angle.data[y * 192 + x];
          const [right, down] = [-6 * Math.sin(angle), 6 * Math.cos(angle)];
          view.context.moveTo(3 * x + 1.5 - right, 3 * y + 1.5 - down);
          view.context.lineTo(3 * x + 1.5 + right, 3 * y + 1.5 + down);
        }
      }
      view.context.stroke();
    }
  }
  step.put(1);
  show();
}

/** @param {ImageData} pixels @param {number} i @param {number} curve */
function tint(pixels, i, curve) {
  const share = 0.45 * Math.abs(curve);
  const color = curve > 0 ? [40, 90, 230] : [230, 60, 40];
  for (let c = 0; c < 3; c++) pixels.data[4 * i + c] += share * (color[c] - pixels.data[4 * i + c]);
}

/**
 * @param {import("./octave.js").Plane[]} painted
 * @param {import("./octave.js").Plane} photo
 */
export function octave(painted, photo) {
  const enlarged = painted.map(doubled);
  const below = doubled(halved(photo));
  const detailed = enlarged.map((one) => changed(one, (v, i) => v + 0.6 * (photo.data[i] - below.data[i])));
  const first = pass(detailed);
  const second = pass(first.made);
  const told = toldBy(gray(painted));
  const back = second.made.map((one, c) => {
    const small = halved(one);
    const missing = doubled(changed(painted[c], (v, i) => told.data[i] * (v - small.data[i])));
    return changed(one, (v, i) => v + missing.data[i]);
  });
  return {
    pictures: [painted, enlarged, detailed, detailed, first.smooth, first.made, second.made, back],
    angle: first.angle,
    curve: first.curve,
  };
}

/** Strokes form once. @param {import("./octave.js").Plane[]} picture */
function pass(picture) {
  const angle = across(gray(picture));
  const smooth = picture.map((one) => along(one, angle));
  const soft = blurred(gray(smooth), 1.2);
  const curve = curvature(soft, angle);
  return { angle, smooth, curve, made: smooth.map((one) => shocked(one, soft, angle, curve)) };
}

/** @param {import("./octave.js").Plane[]} picture */
function gray([r, g, b]) {
  return changed(r, (v, i) => luma(v, g.data[i], b.data[i]));
}
