// Enlarge a painting octave by octave, every octave with strokes of its own size: `impasto.painting.octaves`, which says
// why, for browsers. Windows are computed a few at a time, so that memory is bounded and work can be stopped.

import { LUMA } from "./color.js";
import { AT_ONCE, computed } from "./crew.js";
import { blurred, enlarged, halved, sharpen, strokes, type StrokeSettings } from "./filters.js";
import { averaged, empty, part, parts, put, whole, type Bytes, type Pixels, type Place, type Size } from "./pixels.js";

const FIRST = Math.SQRT2;
const STROKES: StrokeSettings = { tensor: 2, along: 2, weight: 0.7, edge: 1.2, across: 1.3, gain: 160, shock: 0.7, tie: 100 };
const [PLAIN, DRAWN, CONTRAST, NEAR] = [0.5, 1, 0.02, 2];
const LATER = 0.95;
const [SHARPEN, SHARPEST] = [0.4, 1];
const SIDE = 560;

const LATEST = 2; // an octave whose strokes are formed in one pass
const passes = (number: number) => (number < LATEST ? 2 : 1);
const margin = (number: number) => (number < LATEST ? 32 : 20);

/** The sizes through which a picture grows, the last one `full`: every one twice as large as the one before. */
export function octaves(small: Size, full: Size): Size[] {
  const sizes = [full];
  for (;;) {
    const [width, height] = sizes[0].map((side) => (side + 1) >> 1);
    if (Math.max(width / small[0], height / small[1]) < FIRST) return sizes;
    sizes.unshift([width, height]);
  }
}

/** Takes a window of the picture, three channels; it may await what stops the work. */
export type OnWindow = (place: Place, piece: Pixels) => void | Promise<void>;

/**
 * Enlarge a painting to its photo's size.
 * @param detail 0..1, how much of the photo's fine detail comes back
 */
export async function enlarge(painting: Pixels, photo: Bytes, detail: number, onWindow: OnWindow): Promise<void> {
  const small: Size = [painting.width, painting.height];
  const sizes = octaves(small, [photo.width, photo.height]);
  const grays = luminances(photo, small, sizes.length);
  const strength = Math.min(SHARPEST, SHARPEN * sizes.length);
  let picture = painting;
  for (const [number, size] of sizes.entries()) {
    const last = number === sizes.length - 1;
    const gray = grays[number];
    const seen = (place: Place) => (last ? luminance(photo, place) : part(grays[number + 1], place));
    const step: Step = { before: picture, gray, seen, size, detail, number };
    const made = last ? null : empty(size[0], size[1], 3);
    const keep: OnWindow = made ? (place, piece) => put(piece, made, place) : onWindow;
    await (number ? later(step, last ? strength : 0, keep) : first(step, last ? strength : 0, keep));
    if (made) picture = made;
  }
}

/** A share of a picture's grain, smoothed into strokes. */
export async function smooth(picture: Pixels, share: number): Promise<Pixels> {
  const size: Size = [picture.width, picture.height];
  const found = empty(...size, 3);
  await each(size, (place) => {
    const outer = around(place, size, margin(LATEST));
    const piece = part(picture, outer);
    const painted = strokes(piece, passes(LATEST), STROKES);
    for (let i = 0; i < piece.data.length; i++) piece.data[i] += share * (painted.data[i] - piece.data[i]);
    put(within(piece, outer, place), found, place);
  });
  return found;
}

interface Step {
  before: Pixels;
  gray: Pixels;
  seen: (place: Place) => Pixels;
  size: Size;
  detail: number;
  number: number;
}

/** The first octave, by which the size may grow by any factor up to about 2.8. */
async function first(step: Step, strength: number, keep: OnWindow): Promise<void> {
  const { before, size } = step;
  const ratio = Math.max(size[0] / before.width, size[1] / before.height);
  const share = Math.min(1, Math.log2(ratio) / Math.log2(FIRST));
  const picture = empty(size[0], size[1], 3);
  await each(size, (place) => {
    const outer = around(place, size, margin(0));
    const x = larger(before, size, outer);
    const painted = withStrokes(step, x, outer);
    for (let i = 0; i < x.data.length; i++) x.data[i] += share * (painted.data[i] - x.data[i]);
    put(within(x, outer, place), picture, place);
  });
  const missing = averaged(picture, before.width, before.height);
  const told = putBack(before);
  for (let i = 0; i < missing.data.length; i++)
    missing.data[i] = (before.data[i] - missing.data[i]) * told.data[Math.floor(i / 3)];
  await each(size, (place) => {
    const outer = strength ? around(place, size, margin(0)) : place;
    const piece = part(picture, outer);
    const lacking = larger(missing, size, outer);
    for (let i = 0; i < piece.data.length; i++) piece.data[i] += lacking.data[i];
    sharpen(piece, strength * share);
    return keep(place, clip(within(piece, outer, place)));
  });
}

/** A window of a later octave, with all that it is computed from. */
export interface Task {
  /** The octave before, at half the size. */
  before: Pixels;
  /** The photo's luminance, and that at half the size; null if its detail is not wanted. */
  seen: { fine: Pixels; gray: Pixels } | null;
  /** Of the window with its margin. */
  size: Size;
  /** The part of it that is wanted. */
  inner: Place;
  detail: number;
  number: number;
  strength: number;
}

/** A later octave, twice as large as the one before: its windows do not need one another. */
async function later(step: Step, strength: number, keep: OnWindow): Promise<void> {
  const { size, number, detail } = step;
  const places = [...windows(size)];
  let failed: { error: unknown } | null = null;
  const work = async (_: unknown, slot: number) => {
    for (let place = places.shift(); place && !failed; place = places.shift()) {
      const outer = around(place, size, margin(number));
      const task: Task = {
        before: part(step.before, halves(outer)),
        seen: detail ? { fine: step.seen(outer), gray: part(step.gray, halves(outer)) } : null,
        size: [outer.right - outer.left, outer.bottom - outer.top],
        inner: moved(place, outer),
        detail,
        number,
        strength,
      };
      try {
        await keep(place, await computed(task, slot));
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, places.length) }, work));
  if (failed) throw (failed as { error: unknown }).error;
}

/** What a window of a later octave becomes. */
export function windowOf({ before, seen, size, inner, detail, number, strength }: Task): Pixels {
  const x = doubled(before, ...size);
  if (seen) addDetail(x, seen.fine, doubled(seen.gray, ...size), detail);
  const painted = strokes(x, passes(number), STROKES);
  const reduced = halved(painted);
  for (let i = 0; i < before.data.length; i++) before.data[i] -= reduced.data[i];
  const missing = doubled(before, ...size);
  for (let i = 0; i < painted.data.length; i++) painted.data[i] += LATER * missing.data[i];
  sharpen(painted, strength);
  return clip(part(painted, inner));
}

/** The enlarged picture with the photo's fine detail, made of strokes. */
function withStrokes(step: Step, x: Pixels, place: Place): Pixels {
  if (step.detail) addDetail(x, step.seen(place), larger(step.gray, step.size, place), step.detail);
  return strokes(x, passes(step.number), STROKES);
}

/** Add to a picture what a luminance has beyond a softer one. */
function addDetail(picture: Pixels, fine: Pixels, soft: Pixels, share: number): void {
  for (let i = 0, to = 0; i < fine.data.length; i++) {
    const more = share * (fine.data[i] - soft.data[i]);
    for (let k = 0; k < 3; k++) picture.data[to++] += more;
  }
}

/** How much of a painting is put back in the first octave: little in plain areas, where a network's grid shows. */
function putBack(painting: Pixels): Pixels {
  const gray = empty(painting.width, painting.height, 1);
  const square = empty(painting.width, painting.height, 1);
  for (let i = 0; i < gray.data.length; i++) {
    const y = LUMA[0] * painting.data[3 * i] + LUMA[1] * painting.data[3 * i + 1] + LUMA[2] * painting.data[3 * i + 2];
    gray.data[i] = y;
    square.data[i] = y * y;
  }
  const mean = blurred(gray, NEAR).data;
  const power = blurred(square, NEAR);
  for (let i = 0; i < mean.length; i++) {
    const contrast = Math.sqrt(Math.max(0, power.data[i] - mean[i] * mean[i]));
    power.data[i] = PLAIN + ((DRAWN - PLAIN) * contrast) / (contrast + CONTRAST);
  }
  return power;
}

/** The photo's luminance in the sizes through which its painting grows, but for the last. */
function luminances(photo: Bytes, small: Size, count: number): Pixels[] {
  const found: Pixels[] = [];
  for (let number = 1; number < count; number++) found.unshift(halved(found[0] ?? luminance(photo)));
  return [averaged(found[0] ?? luminance(photo), small[0], small[1]), ...found];
}

function luminance(photo: Bytes, place: Place = whole(photo)): Pixels {
  const found = empty(place.right - place.left, place.bottom - place.top, 1);
  let to = 0;
  for (let y = place.top; y < place.bottom; y++) {
    let from = 4 * (y * photo.width + place.left);
    for (let x = place.left; x < place.right; x++, from += 4)
      found.data[to++] = (LUMA[0] * photo.data[from] + LUMA[1] * photo.data[from + 1] + LUMA[2] * photo.data[from + 2]) / 255;
  }
  return found;
}

/** A window of a picture, or of a luminance, in a larger size. */
function larger(values: Pixels, size: Size, place: Place): Pixels {
  const [width, height] = [place.right - place.left, place.bottom - place.top];
  if ((size[0] + 1) >> 1 === values.width && (size[1] + 1) >> 1 === values.height)
    return doubled(part(values, halves(place)), width, height);
  const step = [values.width / size[0], values.height / size[1]] as const;
  const at = [(place.left + 0.5) * step[0] - 0.5, (place.top + 0.5) * step[1] - 0.5] as const;
  return enlarged(values, [width, height], at, step);
}

/** Twice as large; less the last row or column where the size is odd. */
function doubled(values: Pixels, width: number, height: number): Pixels {
  return enlarged(values, [width, height], [-0.25, -0.25], [0.5, 0.5]);
}

/** Where a window that begins at even places lies in half the size. */
function halves(place: Place): Place {
  return { top: place.top >> 1, left: place.left >> 1, bottom: (place.bottom + 1) >> 1, right: (place.right + 1) >> 1 };
}

function around(place: Place, [width, height]: Size, by: number): Place {
  return {
    top: Math.max(0, place.top - by),
    left: Math.max(0, place.left - by),
    bottom: Math.min(height, place.bottom + by),
    right: Math.min(width, place.right + by),
  };
}

/** The inner part of a window with its margin. */
const within = (piece: Pixels, outer: Place, inner: Place) => part(piece, moved(inner, outer));

/** A place, counted from the corner of another one. */
function moved({ top, left, bottom, right }: Place, from: Place): Place {
  return { top: top - from.top, left: left - from.left, bottom: bottom - from.top, right: right - from.left };
}

function clip(picture: Pixels): Pixels {
  for (let i = 0; i < picture.data.length; i++) picture.data[i] = Math.min(1, Math.max(0, picture.data[i]));
  return picture;
}

/** Every window of a picture; they begin at even places. */
function* windows(size: Size): Generator<Place> {
  for (const [top, bottom] of parts(size[1], SIDE, 2))
    for (const [left, right] of parts(size[0], SIDE, 2)) yield { top, left, bottom, right };
}

async function each(size: Size, act: (place: Place) => void | Promise<void>): Promise<void> {
  for (const place of windows(size)) await act(place);
}
