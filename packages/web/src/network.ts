// The light engine's networks: `impasto.engines.light` for browsers.

import type { Session } from "./runtime.js";
import { isOutOfMemory, outOfMemory } from "./faults.js";
import { empty, part, put, resize, round, type Bytes, type Pixels } from "./pixels.js";
import type { Config, StyleVector } from "./styles.js";
import { montage, tiles, tileSide } from "./tiles.js";

const BYTES_PER_PIXEL = 170; // measured while painting
const ENCODED_PIXELS = 512 * 640; // a painting is looked at in about this size, as when the network was trained
const SMALLEST_BUDGET = 256 ** 2 * BYTES_PER_PIXEL;

/** What features are normalized by: means and mean squares. */
export type Statistics = Float32Array;

export class Network {
  /**
   * @param budget bytes that painting may take; a picture that needs more is painted in tiles
   */
  constructor(
    readonly config: Config,
    readonly painting: Session,
    readonly reading: () => Promise<Session>,
    public budget: number,
  ) {}

  /** The style of a painting. */
  async encode(painting: Pixels | Bytes): Promise<StyleVector> {
    const scale = Math.sqrt(ENCODED_PIXELS / (painting.width * painting.height));
    const { multiple, least } = this.config;
    const side = (length: number) => Math.max(least, round((length * scale) / multiple) * multiple);
    const seen = resize(painting, side(painting.width), side(painting.height));
    const reading = await this.reading();
    const found = await reading.run({ picture: [planes(seen, 0), [1, 3, seen.height, seen.width]] });
    return { embedding: found.style.slice(), changes: null };
  }

  /**
   * Paint a photo at full strength.
   * @param given what it is normalized by, in place of its own statistics
   * @param onTile called after each tile with the share that is done; it may throw
   */
  async paint(
    photo: Pixels,
    style: StyleVector,
    { given, onTile }: { given?: Statistics; onTile?: (share: number) => void | Promise<void> } = {},
  ): Promise<{ picture: Pixels; statistics: Statistics }> {
    let budget = this.budget;
    for (;;) {
      try {
        return await this.#within(budget, photo, style, given, onTile);
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        budget = Math.min(budget, photo.width * photo.height * BYTES_PER_PIXEL) / 2;
        if (budget < SMALLEST_BUDGET) throw outOfMemory();
      }
    }
  }

  async #within(
    budget: number,
    photo: Pixels,
    style: StyleVector,
    given: Statistics | undefined,
    onTile?: (share: number) => void | Promise<void>,
  ): Promise<{ picture: Pixels; statistics: Statistics }> {
    const { width, height } = photo;
    const side = tileSide(width * height, budget, BYTES_PER_PIXEL);
    if (side === null) return this.#run(photo, style, given);
    const sample = montage(photo, Math.floor(budget / BYTES_PER_PIXEL));
    const { statistics } = await this.#run(sample, style);
    const found = empty(width, height, 3);
    const all = [...tiles(width, height, side)];
    for (const [index, { outer, inner }] of all.entries()) {
      await onTile?.((index + 1) / (all.length + 1));
      const { picture } = await this.#run(part(photo, outer), style, given ?? statistics);
      const [top, left] = [inner.top - outer.top, inner.left - outer.left];
      const kept = { top, left, bottom: top + inner.bottom - inner.top, right: left + inner.right - inner.left };
      put(part(picture, kept), found, inner);
    }
    return { picture: found, statistics };
  }

  async #run(photo: Pixels, style: StyleVector, given?: Statistics): Promise<{ picture: Pixels; statistics: Statistics }> {
    const { config } = this;
    const seen = this.#padded(photo);
    const { margin } = config;
    const { picture, statistics } = await this.painting.run({
      photo: [planes(seen, margin), [1, 3, seen.height + 2 * margin, seen.width + 2 * margin]],
      style: [style.embedding, [config.embedding]],
      changes: [style.changes ?? (this.#none ??= new Float32Array(config.changes)), [config.changes]],
      given: [given ?? new Float32Array(config.statistics), [config.statistics]],
      trust: [Float32Array.of(given ? 1 : 0), []],
    });
    const painted: Pixels = { data: picture, width: seen.width, height: seen.height, channels: 3 };
    const cut = { top: 0, left: 0, bottom: photo.height, right: photo.width };
    return { picture: part(painted, cut), statistics: statistics.slice() };
  }

  #none: Float32Array | null = null;

  /** The photo, mirrored at its bottom and right to sides that the network takes. */
  #padded(photo: Pixels): Pixels {
    const { multiple, least } = this.config;
    const side = (length: number) => Math.max(least, Math.ceil(length / multiple) * multiple);
    const [width, height] = [side(photo.width), side(photo.height)];
    if (width === photo.width && height === photo.height) return photo;
    const found = empty(width, height, 3);
    const folded = (at: number, length: number) => {
      const within = at % (2 * length);
      return within < length ? within : 2 * length - 1 - within;
    };
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const from = 3 * (folded(y, photo.height) * photo.width + folded(x, photo.width));
        found.data.set(photo.data.subarray(from, from + 3), 3 * (y * width + x));
      }
    return found;
  }
}

/** Three planes, with a margin that is mirrored without the borders' own line. */
function planes(picture: Pixels, margin: number): Float32Array {
  const { width, height, data } = picture;
  const [wide, high] = [width + 2 * margin, height + 2 * margin];
  const found = new Float32Array(3 * wide * high);
  const folded = (at: number, length: number) => {
    const near = Math.abs(at);
    return near < length ? near : 2 * length - 2 - near;
  };
  const columns = Int32Array.from({ length: wide }, (_, x) => 3 * folded(x - margin, width));
  for (let y = 0; y < high; y++) {
    const from = 3 * folded(y - margin, height) * width;
    for (let channel = 0; channel < 3; channel++) {
      const to = channel * wide * high + y * wide;
      for (let x = 0; x < wide; x++) found[to + x] = data[from + columns[x] + channel];
    }
  }
  return found;
}
