// Pictures as arrays, and at other sizes: `impasto.pixels.arrays` and `impasto.pixels.reduction` for browsers.

/** Samples row by row, channels side by side; floats are 0..1. */
export interface Pixels {
  data: Float32Array;
  width: number;
  height: number;
  channels: number;
}

/** What a canvas holds: R, G, B, A bytes. */
export interface Bytes {
  data: Uint8ClampedArray;
  width: number;
  height: number;
}

/** Rows and columns of a part of a picture; ends are not part of it. */
export interface Place {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

export type Size = readonly [width: number, height: number];

/** Rounds halves to even, as Python and NumPy do, so that sizes are the same everywhere. */
export function round(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 ? floor + 1 : floor;
}

/** The size with the same proportions whose longer side is this long. */
export function fit(width: number, height: number, longerSide: number): Size {
  const scale = longerSide / Math.max(width, height);
  return [Math.max(1, round(width * scale)), Math.max(1, round(height * scale))];
}

export function empty(width: number, height: number, channels: number): Pixels {
  return { data: new Float32Array(width * height * channels), width, height, channels };
}

/** A part of a photo's colors, as floats. */
export function floats(photo: Bytes, place: Place = whole(photo)): Pixels {
  const found = empty(place.right - place.left, place.bottom - place.top, 3);
  let to = 0;
  for (let y = place.top; y < place.bottom; y++) {
    let from = 4 * (y * photo.width + place.left);
    for (let x = place.left; x < place.right; x++, from += 4) {
      found.data[to++] = photo.data[from] / 255;
      found.data[to++] = photo.data[from + 1] / 255;
      found.data[to++] = photo.data[from + 2] / 255;
    }
  }
  return found;
}

/** Floats as opaque bytes. */
export function bytes(picture: Pixels): ImageData {
  const found = new ImageData(picture.width, picture.height);
  for (let from = 0, to = 0; from < picture.data.length; from += 3, to += 4) {
    found.data[to] = 255 * picture.data[from];
    found.data[to + 1] = 255 * picture.data[from + 1];
    found.data[to + 2] = 255 * picture.data[from + 2];
    found.data[to + 3] = 255;
  }
  return found;
}

/** Whether nothing of a picture shows through. */
export function isOpaque({ data }: Bytes): boolean {
  for (let i = 3; i < data.length; i += 4) if (data[i] < 255) return false;
  return true;
}

export function whole(picture: { width: number; height: number }): Place {
  return { top: 0, left: 0, bottom: picture.height, right: picture.width };
}

/** A part of a picture, copied. */
export function part(picture: Pixels, place: Place): Pixels {
  const { channels } = picture;
  const found = empty(place.right - place.left, place.bottom - place.top, channels);
  for (let y = place.top; y < place.bottom; y++) {
    const from = channels * (y * picture.width + place.left);
    const row = picture.data.subarray(from, from + channels * found.width);
    found.data.set(row, channels * (y - place.top) * found.width);
  }
  return found;
}

/** Write a picture into a part of a larger one. */
export function put(picture: Pixels, into: Pixels, place: Place): void {
  const { channels } = picture;
  for (let y = 0; y < picture.height; y++) {
    const row = picture.data.subarray(channels * y * picture.width, channels * (y + 1) * picture.width);
    into.data.set(row, channels * ((place.top + y) * into.width + place.left));
  }
}

/** A length in equal parts of this many pixels at most, that begin at multiples. */
export function parts(length: number, side: number, multiple: number): [number, number][] {
  const count = Math.ceil(length / side);
  const bounds = Array.from({ length: count }, (_, index) => round((length * index) / count / multiple) * multiple);
  bounds.push(length);
  return bounds.slice(1).map((end, index) => [bounds[index], end]);
}

// Weights with which samples of one line become samples of another: of each new sample the first old one, and shares.
interface Line {
  first: Int32Array;
  weights: Float32Array;
  reach: number;
}

function line(before: number, after: number, weigh: (place: number, scale: number) => [number, number[]]): Line {
  const rows = Array.from({ length: after }, (_, index) => weigh(index, before / after));
  const reach = Math.max(...rows.map(([, weights]) => weights.length));
  const found: Line = { first: new Int32Array(after), weights: new Float32Array(after * reach), reach };
  rows.forEach(([first, weights], index) => {
    const start = Math.max(0, Math.min(first, before - reach));
    found.first[index] = start;
    weights.forEach((weight, tap) => (found.weights[index * reach + first - start + tap] += weight));
  });
  return found;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Lanczos' filter over three pixels of the coarser grid, cut off at the borders. */
function lanczos(before: number, after: number): Line {
  return line(before, after, (index, scale) => {
    const spread = Math.max(1, scale);
    const center = (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - 3 * spread + 0.5));
    const end = Math.min(before, Math.trunc(center + 3 * spread + 0.5));
    const weights: number[] = [];
    for (let at = first; at < end; at++) {
      const x = (at - center + 0.5) / spread;
      weights.push(Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0);
    }
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return [first, weights.map((weight) => weight / sum)];
  });
}

/** A triangle over the coarser grid: it does not ring. */
function triangle(before: number, after: number): Line {
  return line(before, after, (index, scale) => {
    const spread = Math.max(1, scale);
    const center = (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - spread + 0.5));
    const end = Math.min(before, Math.trunc(center + spread + 0.5));
    const weights: number[] = [];
    for (let at = first; at < end; at++) weights.push(Math.max(0, 1 - Math.abs((at - center + 0.5) / spread)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return [first, weights.map((weight) => weight / sum)];
  });
}

/** The mean of what a new sample covers. */
function area(before: number, after: number): Line {
  return line(before, after, (index, scale) => {
    const [start, end] = [index * scale, (index + 1) * scale];
    const first = Math.floor(start + 1e-6);
    const weights: number[] = [];
    for (let at = first; at < Math.min(before, Math.ceil(end - 1e-6)); at++)
      weights.push((Math.min(end, at + 1) - Math.max(start, at)) / scale);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return [first, weights.map((weight) => weight / sum)];
  });
}

/** A row of samples, by its number; `step` numbers lie between neighbors. */
interface Source {
  data: Float32Array | Uint8ClampedArray;
  width: number;
  height: number;
  step: number;
  channels: number;
  scale: number;
}

function resampled(source: Source, across: Line, down: Line): Pixels {
  const { channels, step, scale } = source;
  const [width, height] = [across.first.length, down.first.length];
  const rows = new Map<number, Float32Array>();
  const found = empty(width, height, channels);
  const row = (y: number) => {
    const made = new Float32Array(width * channels);
    for (let x = 0; x < width; x++) {
      const from = y * source.width + across.first[x];
      for (let tap = 0; tap < across.reach; tap++) {
        const weight = across.weights[x * across.reach + tap] * scale;
        if (!weight) continue;
        const at = step * (from + tap);
        for (let channel = 0; channel < channels; channel++)
          made[x * channels + channel] += weight * source.data[at + channel];
      }
    }
    return made;
  };
  for (let y = 0; y < height; y++) {
    const first = down.first[y];
    for (const old of rows.keys()) if (old < first) rows.delete(old);
    const to = found.data.subarray(y * width * channels, (y + 1) * width * channels);
    for (let tap = 0; tap < down.reach; tap++) {
      const weight = down.weights[y * down.reach + tap];
      if (!weight) continue;
      let values = rows.get(first + tap);
      if (!values) rows.set(first + tap, (values = row(first + tap)));
      for (let x = 0; x < values.length; x++) to[x] += weight * values[x];
    }
  }
  return found;
}

function source(picture: Pixels | Bytes): Source {
  const { data, width, height } = picture;
  if ("channels" in picture) return { data, width, height, step: picture.channels, channels: picture.channels, scale: 1 };
  return { data, width, height, step: 4, channels: 3, scale: 1 / 255 };
}

const clipped = (picture: Pixels) => {
  for (let i = 0; i < picture.data.length; i++) picture.data[i] = Math.min(1, Math.max(0, picture.data[i]));
  return picture;
};

/** The means of what new pixels cover. */
export function averaged(picture: Pixels | Bytes, width: number, height: number): Pixels {
  return resampled(source(picture), area(picture.width, width), area(picture.height, height));
}

/** Resample a picture sharply; shrinking is free of aliasing. */
export function resize(picture: Pixels | Bytes, width: number, height: number): Pixels {
  if (picture.width === width && picture.height === height) return "channels" in picture ? picture : floats(picture);
  return clipped(resampled(source(picture), lanczos(picture.width, width), lanczos(picture.height, height)));
}

/** Resample a mask, without ringing. */
export function resizeMask(mask: Pixels, width: number, height: number): Pixels {
  if (mask.width === width && mask.height === height) return mask;
  return clipped(resampled(source(mask), triangle(mask.width, width), triangle(mask.height, height)));
}

/** As `resize`, faster where it shrinks to less than a quarter: to a multiple of the size by means first. */
export function reduced(picture: Pixels | Bytes, width: number, height: number): Pixels {
  const factor = Math.floor(Math.min(Math.floor(picture.width / width), Math.floor(picture.height / height)) / 2);
  if (factor < 2) return resize(picture, width, height);
  const between = averaged(picture, Math.floor(picture.width / factor), Math.floor(picture.height / factor));
  return resize(between, width, height);
}
