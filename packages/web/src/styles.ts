// The gallery's styles, and vectors: `impasto.engines.base.StyleVector` and `light_weights.unpack` for browsers.

import type { ControlCard } from "./controls.js";

export interface StyleCard {
  name: string;
  title: string;
  artist: string;
  year: string;
  kind: string;
  licence: string;
  /** Whether it changes the network's filters. */
  changes: boolean;
}

export interface Config {
  model_type: "impasto";
  margin: number;
  multiple: number;
  least: number;
  embedding: number;
  changes: number;
  group: number;
  statistics: number;
  styles: StyleCard[];
  controls: ControlCard[];
}

/** A style as the network knows it. Vectors are mixed by arithmetic. */
export interface StyleVector {
  embedding: Float32Array;
  /** What training has changed of the filters; null for nothing. */
  changes: Float32Array | null;
}

/** The sum of vectors, each times its weight. */
export function mixed(parts: readonly (readonly [StyleVector, number])[]): StyleVector {
  const [[first]] = parts;
  const embedding = new Float32Array(first.embedding.length);
  let changes: Float32Array | null = null;
  for (const [vector, weight] of parts) {
    vector.embedding.forEach((value, i) => (embedding[i] += weight * value));
    if (!vector.changes) continue;
    const sum = (changes ??= new Float32Array(vector.changes.length));
    vector.changes.forEach((value, i) => (sum[i] += weight * value));
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

/** The vectors in styles.bin. */
export class Gallery {
  readonly #names = new Map<string, { index: number; changed: number }>();
  readonly #changed: number;
  readonly #groups: number;

  constructor(
    readonly config: Config,
    readonly data: Uint8Array,
  ) {
    let changed = 0;
    config.styles.forEach((card, index) => this.#names.set(card.name, { index, changed: card.changes ? changed++ : -1 }));
    this.#changed = changed;
    this.#groups = Math.ceil(config.changes / config.group);
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  vector(name: string): StyleVector {
    const { config, data } = this;
    const found = this.#names.get(name);
    if (!found) throw new RangeError(name);
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const half = (at: number) => halfToFloat(view.getUint16(at, true));
    const embedding = Float32Array.from({ length: config.embedding }, (_, i) =>
      half(2 * (found.index * config.embedding + i)),
    );
    if (found.changed < 0) return { embedding, changes: null };
    const levelsAt = 2 * config.styles.length * config.embedding;
    const bytes = (this.#groups * config.group) / 2;
    const scalesAt = levelsAt + this.#changed * bytes + 2 * found.changed * this.#groups;
    const changes = new Float32Array(config.changes);
    const from = levelsAt + found.changed * bytes;
    for (let group = 0; group < this.#groups; group++) {
      const scale = half(scalesAt + 2 * group);
      const first = group * config.group;
      for (let i = first; i < Math.min(first + config.group, config.changes); i += 2) {
        const pair = data[from + (i >> 1)];
        changes[i] = ((pair & 15) - 8) * scale;
        if (i + 1 < config.changes) changes[i + 1] = ((pair >> 4) - 8) * scale;
      }
    }
    return { embedding, changes };
  }
}
