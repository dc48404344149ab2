// What both engines' networks have in common: sizes, tiles, memory, what was painted before.

import type { Session } from "./runtime.js";
import { isOutOfMemory, outOfMemory } from "./faults.js";
import { empty, part, put, type Bytes, type Pixels } from "./pixels.js";
import { Recent } from "./recent.js";
import type { EngineFacts, StyleVector } from "./styles.js";
import { montage, tiles, tileSide } from "./tiles.js";

const SMALLEST = 256; // pixels a side of the smallest tiles
const REMEMBERED = 30e6; // bytes of paintings

/** What features are normalized by: means and mean squares. */
export type Statistics = Float32Array;

export interface Painted {
  picture: Pixels;
  statistics: Statistics;
}

type OnTile = (share: number) => void | Promise<void>;

export abstract class Network {
  /** Bytes that painting takes for each pixel, measured. */
  protected abstract readonly bytesPerPixel: number;
  /** Pixels on each side of a tile: more than the network looks at around a pixel. */
  protected abstract readonly overlap: number;

  // What was painted last: a look is asked for at several sizes, and then for export.
  readonly #before = new Recent<string, Painted & { style: StyleVector }>(REMEMBERED, ({ picture }) => picture.data.byteLength);
  readonly #photos = new WeakMap<Pixels, number>();
  #count = 0;

  /**
   * @param reading makes the session that reads styles off paintings
   * @param budget bytes that painting may take; a picture that needs more is painted in tiles
   */
  constructor(
    readonly facts: EngineFacts,
    protected readonly painting: Session,
    private readonly reading: () => Promise<Session>,
    public budget: number,
  ) {}

  /** The style of a painting. */
  async encode(painting: Pixels | Bytes): Promise<StyleVector> {
    this.#reading ??= this.reading();
    this.#reading.catch(() => (this.#reading = null)); // the next one tries again
    return this.read(await this.#reading, painting);
  }

  #reading: Promise<Session> | null = null;

  /** Share of a picture's grain that is smoothed into strokes, in photos: 0..1. */
  smoothing(_: StyleVector): number {
    return 0;
  }

  protected abstract read(session: Session, painting: Pixels | Bytes): Promise<StyleVector>;

  /**
   * Paint a photo.
   * @param padded the photo, mirrored to sides that the network takes
   * @param corner column and row of the photo in the whole one
   */
  protected abstract run(photo: Pixels, padded: Pixels, style: StyleVector, given: Statistics | undefined, corner: readonly [number, number]): Promise<Painted>;

  /**
   * Paint a photo at full strength.
   * @param given what it is normalized by, in place of its own statistics
   * @param onTile called after each tile with the share that is done; it may throw
   */
  async paint(photo: Pixels, style: StyleVector, { given, onTile }: { given?: Statistics; onTile?: OnTile } = {}): Promise<Painted> {
    if (given) return this.#inMemory(photo, style, given, onTile);
    if (!this.#photos.has(photo)) this.#photos.set(photo, ++this.#count);
    const key = `${this.#photos.get(photo)} ${style.embedding.join()}`;
    let found = this.#before.get(key);
    if (!found || !same(found.style.changes, style.changes)) {
      found = { ...(await this.#inMemory(photo, style, given, onTile)), style };
      this.#before.set(key, found);
    }
    return { picture: { ...found.picture, data: found.picture.data.slice() }, statistics: found.statistics };
  }

  async #inMemory(photo: Pixels, style: StyleVector, given: Statistics | undefined, onTile?: OnTile): Promise<Painted> {
    let budget = this.budget;
    for (;;) {
      try {
        return await this.#within(budget, photo, style, given, onTile);
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        this.#before.clear();
        budget = Math.min(budget, photo.width * photo.height * this.bytesPerPixel) / 2;
        if (budget < SMALLEST ** 2 * this.bytesPerPixel) throw outOfMemory();
      }
    }
  }

  async #within(budget: number, photo: Pixels, style: StyleVector, given: Statistics | undefined, onTile?: OnTile): Promise<Painted> {
    const { width, height } = photo;
    const { bytesPerPixel, overlap } = this;
    const side = tileSide(width * height, budget, bytesPerPixel, overlap);
    if (side === null) return this.#run(photo, style, given);
    const { statistics } = await this.#run(montage(photo, Math.floor(budget / bytesPerPixel)), style);
    const found = empty(width, height, 3);
    const all = [...tiles(width, height, side, this.facts.multiple, overlap)];
    for (const [index, { outer, inner }] of all.entries()) {
      await onTile?.((index + 1) / (all.length + 1));
      const { picture } = await this.#run(part(photo, outer), style, given ?? statistics, [outer.left, outer.top]);
      const [top, left] = [inner.top - outer.top, inner.left - outer.left];
      const kept = { top, left, bottom: top + inner.bottom - inner.top, right: left + inner.right - inner.left };
      put(part(picture, kept), found, inner);
    }
    return { picture: found, statistics };
  }

  async #run(photo: Pixels, style: StyleVector, given?: Statistics, corner: readonly [number, number] = [0, 0]): Promise<Painted> {
    return this.run(photo, this.#padded(photo), style, given, corner);
  }

  /** The photo, mirrored at its bottom and right to sides that the network takes. */
  #padded(photo: Pixels): Pixels {
    const { multiple, least } = this.facts;
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

/** What a network has painted, without what was mirrored beyond the photo. */
export function cropped(data: Float32Array, padded: Pixels, { width, height }: Pixels): Pixels {
  return part({ ...padded, data }, { top: 0, left: 0, bottom: height, right: width });
}

const same = (one: Float32Array | null, other: Float32Array | null) =>
  one === other || (one?.length === other?.length && !!one?.every((value, i) => value === other?.[i]));

/** Three planes, with a margin that is mirrored without the borders' own line; `signed` ones go from -1 to 1. */
export function planes(picture: Pixels, margin: number, signed = false): Float32Array {
  const { width, height, data } = picture;
  const [wide, high] = [width + 2 * margin, height + 2 * margin];
  const found = new Float32Array(3 * wide * high);
  const [scale, shift] = signed ? [2, -1] : [1, 0];
  const folded = (at: number, length: number) => {
    const near = Math.abs(at);
    return near < length ? near : 2 * length - 2 - near;
  };
  const columns = Int32Array.from({ length: wide }, (_, x) => 3 * folded(x - margin, width));
  for (let y = 0; y < high; y++) {
    const from = 3 * folded(y - margin, height) * width;
    for (let channel = 0; channel < 3; channel++) {
      const to = channel * wide * high + y * wide;
      for (let x = 0; x < wide; x++) found[to + x] = scale * data[from + columns[x] + channel] + shift;
    }
  }
  return found;
}
