// The filters of `octaves.ts` on windows of a picture; what is done to every pixel is in ../assembly/filters.ts. Beyond
// the borders pictures are mirrored without their last line, if nothing else is said.

import { LUMA } from "./color.js";
import { empty, type Pixels } from "./pixels.js";
import binary from "../build/filters.wasm?url";

/** The functions of ../assembly/filters.ts; all numbers are places in memory, sizes or settings. */
type Functions = Record<
  | "blur" | "luminance" | "halve" | "tensor" | "directions" | "average" | "fourth" | "shock" | "gather" | "gatherPlane" | "blend",
  (...numbers: number[]) => void
>;

let started: { functions: Functions; memory: WebAssembly.Memory } | null = null;
let top = 0; // of what is taken of the memory

function start(): NonNullable<typeof started> {
  if (started) return started;
  const bytes = Uint8Array.from(atob(binary.slice(binary.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return (started = { functions: exports as unknown as Functions, memory: exports.memory as WebAssembly.Memory });
}

/** Do something with memory, which is free again after it. */
function within<T>(act: (functions: Functions, take: (count: number) => number, at: (place: number, count: number) => Float32Array) => T): T {
  const { functions, memory } = start();
  const before = top;
  const take = (count: number) => {
    const place = (top + 15) & ~15;
    top = place + 4 * count;
    const missing = top - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    return place;
  };
  try {
    return act(functions, take, (place, count) => new Float32Array(memory.buffer, place, count));
  } finally {
    top = before;
  }
}

/** Three channels as four, of which the last is free. */
function widen(data: Float32Array, into: Float32Array): void {
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    into[to] = data[from];
    into[to + 1] = data[from + 1];
    into[to + 2] = data[from + 2];
  }
}

function narrow(data: Float32Array, into: Float32Array): void {
  for (let from = 0, to = 0; to < into.length; from += 4, to += 3) {
    into[to] = data[from];
    into[to + 1] = data[from + 1];
    into[to + 2] = data[from + 2];
  }
}

const kernels = new Map<number, Float32Array>();

function kernel(deviation: number): Float32Array {
  let found = kernels.get(deviation);
  if (!found) {
    const reach = Math.round(deviation * 8 + 1) >> 1;
    const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    kernels.set(deviation, (found = Float32Array.from(weights, (weight) => weight / sum)));
  }
  return found;
}

/** A picture, blurred by a Gaussian. */
export function blurred(picture: Pixels, deviation: number): Pixels {
  const { width, height, channels, data } = picture;
  const found = empty(width, height, channels);
  within((does, take, at) => {
    const weights = kernel(deviation);
    const reach = weights.length >> 1;
    const [from, to, spare] = [0, 0, 0].map(() => take(data.length));
    const line = take((width + 2 * reach) * channels);
    const taps = take(weights.length);
    at(from, data.length).set(data);
    at(taps, weights.length).set(weights);
    does.blur(from, to, spare, line, width, height, channels, taps, reach);
    found.data.set(at(to, data.length));
  });
  return found;
}

/** Sharpen a picture by an unsharp mask. Changes it. */
export function sharpen(picture: Pixels, share: number): void {
  if (!share) return;
  const soft = blurred(picture, 1).data;
  const { data } = picture;
  for (let i = 0; i < data.length; i++) data[i] += share * (data[i] - soft[i]);
}

/** Half as large, the last row or column repeated where their number is odd. */
export function halved(picture: Pixels): Pixels {
  const { width, height, channels, data } = picture;
  const found = empty((width + 1) >> 1, (height + 1) >> 1, channels);
  let to = 0;
  for (let y = 0; y < height; y += 2) {
    const upper = y * width;
    const lower = Math.min(y + 1, height - 1) * width;
    for (let x = 0; x < width; x += 2) {
      const a = channels * (upper + x);
      const c = channels * (lower + x);
      const step = x + 1 < width ? channels : 0;
      for (let k = 0; k < channels; k++)
        found.data[to++] = (data[a + k] + data[a + step + k] + data[c + k] + data[c + step + k]) / 4;
    }
  }
  return found;
}

/** The shares of four neighbors at a place between the second and the third: Keys' cubic filter, a = -0.75. */
function cubic(t: number): [number, number, number, number] {
  const a = -0.75;
  const far = (x: number) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  const near = (x: number) => ((a + 2) * x - (a + 3)) * x * x + 1;
  const [first, second, third] = [far(t + 1), near(t), near(1 - t)];
  return [first, second, third, 1 - first - second - third];
}

/** For each number of a line, the four before it that it is made of, and their shares; borders are repeated. */
function taps(count: number, first: number, step: number, most: number): { places: Int32Array; shares: Float32Array } {
  const places = new Int32Array(4 * count);
  const shares = new Float32Array(4 * count);
  for (let i = 0; i < count; i++) {
    const place = first + i * step;
    const left = Math.floor(place);
    cubic(place - left).forEach((share, tap) => {
      places[4 * i + tap] = Math.min(most, Math.max(0, left - 1 + tap));
      shares[4 * i + tap] = share;
    });
  }
  return { places, shares };
}

/**
 * A window of an enlarged picture of one or three channels, by the cubic filter; the borders' pixels are repeated.
 * @param first the window's first pixel, column and row, in pixels of the picture
 * @param step of a pixel of the window, in pixels of the picture
 */
export function enlarged(
  picture: Pixels,
  [width, height]: readonly [number, number],
  first: readonly [number, number],
  step: readonly [number, number],
): Pixels {
  const plane = picture.channels === 1;
  const channels = plane ? 1 : 4;
  const found = empty(width, height, picture.channels);
  within((does, take, at) => {
    const columns = taps(width, first[0], step[0], picture.width - 1);
    const rows = taps(height, first[1], step[1], picture.height - 1);
    const count = channels * width;
    const from = take(channels * picture.width * picture.height);
    const places = take(4 * width);
    const shares = take(4 * width);
    const down = take(4 * height);
    const made = take(count * picture.height); // every row of the picture, at the new width
    const out = take(count);
    const data = at(from, channels * picture.width * picture.height);
    if (plane) data.set(picture.data);
    else widen(picture.data, data);
    new Int32Array(data.buffer, places, 4 * width).set(columns.places);
    at(shares, 4 * width).set(columns.shares);
    at(down, 4 * height).set(rows.shares);
    const [least, most] = [rows.places[0], rows.places[rows.places.length - 1]];
    for (let y = least; y <= most; y++)
      does[plane ? "gatherPlane" : "gather"](from + 4 * channels * y * picture.width, places, shares, made + 4 * count * y, width);
    for (let y = 0; y < height; y++) {
      const lines = [0, 1, 2, 3].map((tap) => made + 4 * count * rows.places[4 * y + tap]);
      does.blend(lines[0], lines[1], lines[2], lines[3], down + 16 * y, out, count);
      const row = found.data.subarray(y * width * picture.channels, (y + 1) * width * picture.channels);
      if (plane) row.set(at(out, count));
      else narrow(at(out, count), row);
    }
  });
  return found;
}

/** What `strokes` is set to: the names are those of `impasto.painting.octaves`. */
export interface StrokeSettings {
  tensor: number;
  along: number;
  weight: number;
  edge: number;
  across: number;
  gain: number;
  shock: number;
  tie: number;
}

/** Average a picture of three channels along its lines, and make it crisp across them. */
export function strokes(picture: Pixels, passes: number, set: StrokeSettings): Pixels {
  const { width, height } = picture;
  const count = width * height;
  const [columns, rows] = [(width + 1) >> 1, (height + 1) >> 1];
  const found = empty(width, height, 3);
  within((does, take, at) => {
    const [soft, edge] = [kernel(set.tensor / 2), kernel(set.edge)];
    const [softAt, edgeAt] = [take(soft.length), take(edge.length)];
    const [now, along] = [take(4 * count), take(4 * count)];
    const [gray, blurredGray, spare] = [take(count), take(count), take(Math.max(count, 2 * columns * rows))];
    const line = take(2 * (width + soft.length + edge.length));
    const [tensor, smooth, way] = [take(2 * columns * rows), take(2 * columns * rows), take(2 * count)];
    at(softAt, soft.length).set(soft);
    at(edgeAt, edge.length).set(edge);
    widen(picture.data, at(now, 4 * count));
    for (let pass = 0; pass < passes; pass++) {
      does.luminance(now, gray, count, ...LUMA);
      does.halve(gray, blurredGray, width, height);
      does.tensor(blurredGray, tensor, columns, rows);
      does.blur(tensor, smooth, spare, line, columns, rows, 2, softAt, soft.length >> 1);
      does.directions(smooth, way, width, height);
      does.average(now, way, along, width, height, set.along, set.weight);
      does.fourth(along, gray, count, 0);
      does.blur(gray, blurredGray, spare, line, width, height, 1, edgeAt, edge.length >> 1);
      does.fourth(along, blurredGray, count, 1);
      does.shock(along, way, now, width, height, set.across, set.gain, set.shock, set.tie);
    }
    narrow(at(now, 4 * count), found.data);
  });
  return found;
}
