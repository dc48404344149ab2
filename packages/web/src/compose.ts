// A photo, painted: strength, brush size, blends, drawn regions, kept colors and tone, at any size.
// `impasto.painting.compose` for browsers.

import { covarianceChange, histogramChange, takeColorsOf, toneChange, type Change } from "./color.js";
import type { Controls } from "./controls.js";
import type { Network } from "./network.js";
import { enlarge, smooth } from "./octaves.js";
import { bytes, empty, floats, put, resizeMask, whole, type Bytes, type Pixels, type Place } from "./pixels.js";
import { mixed, type StyleVector } from "./styles.js";

const SEEN = 4; // of an alpha of 255: below it a color is not seen
const LEAST_SHARE = 1e-3;
const UNDER = 0.4; // share of the first painting's grain that is smoothed before the second

/** One style of a blend: its vector, and the painting if there is one, whose colors may be changed. */
export interface Share {
  vector: StyleVector;
  painting: Pixels | null;
  weight: number;
}

/** A part of the photo that is painted otherwise. */
export interface Region {
  /** One channel, 0..1, any size. */
  mask: Pixels;
  /** Null leaves the photo. */
  blend: readonly Share[] | null;
  strength: number;
  brushSize: number | null;
}

/** Told of the share that is done; what it throws ends the work. */
export type OnStep = (share: number) => void | Promise<void>;

interface Options {
  regions?: readonly Region[];
  onStep?: OnStep;
  /** The photo at the size at which it is painted. */
  small: Sized;
}

/** By the size of the brush. */
type Sized = (brush: number) => Pixels;

interface Layer {
  blend: readonly Share[] | null;
  brush: number;
  share: number;
}

/** Give what nobody sees the mean of what is seen: its color must not steer the style of the rest. */
export function filled(photo: Bytes): Bytes {
  const { data } = photo;
  const sum = [0, 0, 0];
  let [weight, unseen] = [0, false];
  for (let i = 0; i < data.length; i += 4) {
    unseen ||= data[i + 3] < SEEN;
    weight += data[i + 3];
    for (let k = 0; k < 3; k++) sum[k] += data[i + 3] * data[i + k];
  }
  if (!unseen) return photo;
  const color = sum.map((total) => (weight ? total / weight : 127.5));
  const found = data.slice();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] < SEEN) found.set(color, i);
  return { data: found, width: photo.width, height: photo.height }; // ImageData has them by inheritance
}

/**
 * Paint a photo.
 * @returns the picture, with the photo's transparency
 */
export async function compose(
  network: Network,
  photo: Bytes,
  ground: readonly Share[],
  controls: Controls,
  { regions = [], onStep = () => {}, small }: Options,
): Promise<ImageData> {
  const seen = filled(photo);
  const layers: Layer[] = [
    { blend: ground, brush: controls.brush_size, share: 1 },
    ...regions.map((region) => ({
      blend: region.blend,
      brush: region.brushSize ?? controls.brush_size,
      share: region.blend ? region.strength / 100 : 0,
    })),
  ];
  const brushes = layers.filter((layer) => layer.blend).map((layer) => layer.brush);
  const finest = Math.min(...(brushes.length ? brushes : [controls.brush_size]));
  const least = small(finest);
  const masks = regions.map((region) => region.mask);
  const painting = await painted(network, least, small, layers, masks, controls, (share) => onStep(0.5 * share));
  const out = new ImageData(photo.width, photo.height);
  const finish = lastSteps(seen, least, painting, layers, masks, controls);
  let done = 0;
  const write = async (place: Place, piece: Pixels) => {
    finish(place, piece);
    const picture = bytes(piece);
    for (let y = place.top; y < place.bottom; y++) {
      const row = 4 * (y - place.top) * picture.width;
      out.data.set(picture.data.subarray(row, row + 4 * picture.width), 4 * (y * out.width + place.left));
    }
    done += piece.width * piece.height;
    await onStep(0.5 + (0.5 * done) / (out.width * out.height));
  };
  if (least.width === photo.width && least.height === photo.height) await write(whole(photo), painting);
  else await enlarge(painting, seen, controls.detail / 100, write);
  for (let i = 3; i < out.data.length; i += 4) out.data[i] = photo.data[i];
  return out;
}

/** Every layer's painting, mixed by the masks, at the size of the finest brush. */
async function painted(
  network: Network,
  small: Pixels,
  sized: Sized,
  layers: readonly Layer[],
  masks: readonly Pixels[],
  controls: Controls,
  onStep: OnStep,
): Promise<Pixels> {
  const shares = masks.length ? layerShares(masks, small.width, small.height) : null;
  const found = empty(small.width, small.height, 3);
  const weights = empty(small.width, small.height, 1);
  for (const [index, layer] of layers.entries()) {
    const share = shares?.[index];
    if (!layer.blend || !layer.share || (share && !share.some((value) => value > 0))) continue;
    const own = sized(layer.brush);
    await onStep(index / layers.length);
    const vector = await vectorOf(network, layer.blend, controls, small);
    const once = controls.boldness ? 0.5 : 1; // of the layer's time, for each time it is painted
    const paint = async (seen: Pixels, done: number) =>
      (await network.paint(seen, vector, { onTile: (part) => onStep((index + done + once * part) / layers.length) })).picture;
    let picture = await paint(own, 0);
    if (controls.boldness) picture = await paint(over(own, await smooth(picture, UNDER), controls.boldness / 100), 0.5);
    const smoothed = network.smoothing(vector);
    if (smoothed) picture = await smooth(picture, smoothed);
    const same = own === small ? picture : await grown(picture, small, controls.detail / 100);
    if (!share) return same;
    for (let i = 0; i < share.length; i++) {
      const part = layer.share * share[i];
      weights.data[i] += part;
      for (let k = 3 * i; k < 3 * i + 3; k++) found.data[k] += part * same.data[k];
    }
  }
  for (let i = 0; i < weights.data.length; i++) {
    const weight = weights.data[i];
    for (let k = 3 * i; k < 3 * i + 3; k++)
      found.data[k] = weight > LEAST_SHARE ? found.data[k] / weight : small.data[k];
  }
  return found;
}

/** A photo, and over it a share of its first painting. */
function over(photo: Pixels, painting: Pixels, share: number): Pixels {
  const found = empty(photo.width, photo.height, 3);
  for (let i = 0; i < found.data.length; i++) found.data[i] = photo.data[i] + share * (painting.data[i] - photo.data[i]);
  return found;
}

/** What a broad brush has painted, at the size of a finer one. */
async function grown(picture: Pixels, small: Pixels, detail: number): Promise<Pixels> {
  const found = empty(small.width, small.height, 3);
  await enlarge(picture, bytes(small), detail, (place, piece) => put(piece, found, place));
  return found;
}

/** A blend's vector; the paintings are given the photo's colors first, if that is asked for. */
export async function vectorOf(
  network: Network,
  blend: readonly Share[],
  { keep_color }: Controls,
  photo: Pixels,
): Promise<StyleVector> {
  const sum = blend.reduce((total, { weight }) => total + weight, 0);
  const parts: (readonly [StyleVector, number])[] = [];
  for (const { vector, painting, weight } of blend) {
    const share = weight / sum;
    if ((keep_color !== "histogram" && keep_color !== "coral") || !painting) {
      parts.push([vector, share]);
      continue;
    }
    const recolored: Pixels = { ...painting, data: painting.data.slice() };
    (keep_color === "histogram" ? histogramChange : covarianceChange)(painting, photo)(recolored);
    const read = await network.encode(recolored);
    parts.push([read, share]);
    if (!vector.changes) parts.push([vector, share], [await network.encode(painting), -share]);
  }
  return mixed(parts);
}

/** What each layer gets of every pixel, the ground first; a later region lies over those before it. */
function layerShares(masks: readonly Pixels[], width: number, height: number): Float32Array[] {
  const found = [new Float32Array(width * height).fill(1)];
  for (const mask of masks) {
    const own = resizeMask(mask, width, height).data;
    for (const share of found) for (let i = 0; i < own.length; i++) share[i] *= 1 - own[i];
    found.push(own.slice());
  }
  return found;
}

/** Strength, kept colors, tone, and the photo where it is left: changes windows at full size. */
function lastSteps(
  photo: Bytes,
  small: Pixels,
  painting: Pixels,
  layers: readonly Layer[],
  masks: readonly Pixels[],
  controls: Controls,
): (place: Place, piece: Pixels) => void {
  const strength = controls.strength / 100;
  const colored = (piece: Pixels, own: Pixels) => {
    if (strength < 1) for (let i = 0; i < piece.data.length; i++) piece.data[i] = own.data[i] + strength * (piece.data[i] - own.data[i]);
    if (controls.keep_color === "luminance") takeColorsOf(piece, own);
  };
  let tone: Change = () => {};
  if (controls.tone === "match") {
    const like: Pixels = { ...painting, data: painting.data.slice() };
    colored(like, small);
    tone = toneChange(like, small);
  }
  const left = layers.some((layer) => layer.share < 1) ? leftShare(layers, masks, small.width, small.height) : null;
  return (place, piece) => {
    const own = floats(photo, place);
    colored(piece, own);
    tone(piece);
    if (!left) return;
    const share = shareAt(left, photo, place);
    for (let i = 0, k = 0; i < share.length; i++)
      for (let channel = 0; channel < 3; channel++, k++) piece.data[k] += share[i] * (own.data[k] - piece.data[k]);
  };
}

/** What the photo itself gets of every pixel, where a region leaves it or is weaker. */
function leftShare(layers: readonly Layer[], masks: readonly Pixels[], width: number, height: number): Pixels {
  const largest = masks.reduce((one, other) => (other.width * other.height > one.width * one.height ? other : one), masks[0]);
  if (largest.width * largest.height > width * height) [width, height] = [largest.width, largest.height];
  const shares = layerShares(masks, width, height);
  const found = empty(width, height, 1);
  for (let i = 0; i < found.data.length; i++)
    found.data[i] = 1 - layers.reduce((sum, layer, index) => sum + layer.share * shares[index][i], 0);
  return found;
}

/** A window of what `leftShare` gives, at the photo's size. */
function shareAt(left: Pixels, photo: { width: number; height: number }, place: Place): Float32Array {
  if (left.width === photo.width && left.height === photo.height && place.right - place.left === photo.width)
    return left.data.subarray(place.top * photo.width, place.bottom * photo.width);
  const found = new Float32Array((place.bottom - place.top) * (place.right - place.left));
  const across = left.width / photo.width;
  const down = left.height / photo.height;
  let to = 0;
  for (let y = place.top; y < place.bottom; y++) {
    const v = Math.min(left.height - 1, Math.max(0, (y + 0.5) * down - 0.5));
    const [upper, lower] = [Math.floor(v), Math.min(left.height - 1, Math.floor(v) + 1)];
    for (let x = place.left; x < place.right; x++) {
      const u = Math.min(left.width - 1, Math.max(0, (x + 0.5) * across - 0.5));
      const [first, second] = [Math.floor(u), Math.min(left.width - 1, Math.floor(u) + 1)];
      const above = left.data[upper * left.width + first] * (1 - (u - first)) + left.data[upper * left.width + second] * (u - first);
      const below = left.data[lower * left.width + first] * (1 - (u - first)) + left.data[lower * left.width + second] * (u - first);
      found[to++] = above + (v - upper) * (below - above);
    }
  }
  return found;
}

