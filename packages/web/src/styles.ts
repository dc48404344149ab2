// The gallery's styles, and vectors: `impasto.engines.base.StyleVector` and `light_weights.unpack` for browsers.

import type { ControlCard } from "./controls.js";

export interface StyleCard {
  name: string;
  title: string;
  artist: string;
  year: string;
  kind: string;
  license: string;
}

/** "painter" has larger strokes and cleaner colors, and takes seven times the work. */
export type EngineName = "light" | "painter";

/** What config.json says of an engine. */
export interface EngineFacts {
  /** Pixels mirrored at the borders. */
  margin: number;
  /** Sides of photos are multiples of it. */
  multiple: number;
  least: number;
  /** Numbers that a style may change of the network. */
  changes: number;
  statistics: number;
}

export interface Config {
  model_type: "impasto";
  engines: Record<EngineName, EngineFacts>;
  group: number;
  styles: StyleCard[];
  controls: ControlCard[];
}

/** A style as a network knows it. Vectors of one network are mixed by arithmetic. */
export interface StyleVector {
  embedding: Float32Array;
  /** What training has changed of the network, later ones are 0; null for nothing. */
  changes: Float32Array | null;
}

/** The sum of vectors, each times its weight. */
export function mixed(parts: readonly (readonly [StyleVector, number])[]): StyleVector {
  const [[first]] = parts;
  const embedding = new Float32Array(first.embedding.length);
  const count = Math.max(...parts.map(([{ changes }]) => changes?.length ?? 0));
  const changes = count ? new Float32Array(count) : null;
  for (const [vector, weight] of parts) {
    vector.embedding.forEach((value, i) => (embedding[i] += weight * value));
    if (changes) vector.changes?.forEach((value, i) => (changes[i] += weight * value));
  }
  return { embedding, changes };
}

/** Half precision to single. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (!exponent) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The vectors of the named styles, in the safetensors format. */
export class Gallery {
  readonly #places: Record<string, { data_offsets: [number, number] } | undefined>;
  readonly #first: number;

  /**
   * @param group changes of filters that have one scale
   * @param most numbers that a style may change
   */
  constructor(
    readonly data: Uint8Array,
    readonly group: number,
    readonly most: number,
  ) {
    const length = Number(new DataView(data.buffer, data.byteOffset).getBigUint64(0, true));
    this.#places = JSON.parse(new TextDecoder().decode(data.subarray(8, 8 + length)));
    this.#first = 8 + length;
  }

  has(name: string): boolean {
    return !!this.#places[`embedding.${name}`];
  }

  vector(name: string): StyleVector {
    const embedding = this.#halves(`embedding.${name}`);
    if (!embedding) throw new RangeError(name);
    const changes = this.#halves(`changes.${name}`);
    const filters = this.#filters(name, this.most - (changes?.length ?? 0));
    if (!changes || !filters) return { embedding, changes: changes ?? filters };
    const all = new Float32Array(this.most);
    all.set(changes);
    all.set(filters, changes.length);
    return { embedding, changes: all };
  }

  #bytes(tensor: string): Uint8Array | null {
    const place = this.#places[tensor];
    return place ? this.data.subarray(this.#first + place.data_offsets[0], this.#first + place.data_offsets[1]) : null;
  }

  #halves(tensor: string): Float32Array | null {
    const bytes = this.#bytes(tensor);
    if (!bytes) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return Float32Array.from({ length: bytes.length / 2 }, (_, i) => halfToFloat(view.getUint16(2 * i, true)));
  }

  /** Changes of filters: two levels in a byte, a scale for each group. */
  #filters(name: string, count: number): Float32Array | null {
    const [levels, scales] = [this.#bytes(`levels.${name}`), this.#halves(`scales.${name}`)];
    if (!levels || !scales) return null;
    return Float32Array.from({ length: count }, (_, i) => {
      const pair = levels[i >> 1];
      return ((i & 1 ? pair >> 4 : pair & 15) - 8) * scales[Math.floor(i / this.group)];
    });
  }
}
