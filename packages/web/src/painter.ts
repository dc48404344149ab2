// The painter's network: `impasto.engines.painter` for browsers.

import { cropped, Network, planes, type Painted, type Statistics } from "./network.js";
import { noiseAt } from "./noise.js";
import { hues, measured, paletteOf, towards } from "./palette.js";
import { fit, resize, round, type Bytes, type Pixels } from "./pixels.js";
import type { Session } from "./runtime.js";
import type { EngineFacts, StyleVector } from "./styles.js";

const PAINTING_SIDE = 512; // of a painting's longer side where it is looked at, as when the network was trained
const SMOOTHED = 0.4; // share of the grain that is smoothed, in styles of clear lines
const CLEAR = [0.63, 0.66] as const; // coherence of lines from which grain is smoothed, and smoothed fully
const COLORED = [0.011, 0.018] as const; // the same for the variation of hues

/** 0 below a range, 1 above it, and shares between. */
const share = (value: number, [low, high]: readonly [number, number]) => Math.min(1, Math.max(0, (value - low) / (high - low)));

interface Facts extends EngineFacts {
  /** Numbers of an embedding that the network reads; a palette follows. */
  code: number;
  /** Bias and weights that estimate from a code how coherent a painting's lines are. */
  coherence: number[];
  /** Changes of a style that are the modulations'; changes of the last filters follow. */
  modulations: number;
}

export class PainterNetwork extends Network {
  declare readonly facts: Facts;
  protected readonly bytesPerPixel = 280;
  protected readonly overlap = 96;

  override smoothing({ embedding }: StyleVector): number {
    const [bias, ...weights] = this.facts.coherence;
    const coherence = weights.reduce((sum, weight, i) => sum + weight * embedding[i], bias);
    return SMOOTHED * share(coherence, CLEAR) * share(hues(embedding.subarray(this.facts.code)), COLORED);
  }

  protected async read(session: Session, painting: Pixels | Bytes): Promise<StyleVector> {
    const { multiple, least } = this.facts;
    const [width, height] = fit(painting.width, painting.height, PAINTING_SIDE).map((side) => Math.max(least, round(side / multiple) * multiple));
    const seen = resize(painting, width, height);
    const { code } = await session.run({ picture: [planes(seen, 0), [1, 3, height, width]] });
    const palette = paletteOf(seen);
    const embedding = new Float32Array(code.length + palette.length);
    embedding.set(code);
    embedding.set(palette, code.length);
    return { embedding, changes: null };
  }

  protected async run(photo: Pixels, padded: Pixels, style: StyleVector, given: Statistics | undefined, corner: readonly [number, number]): Promise<Painted> {
    const { margin, statistics: numbers, code } = this.facts;
    const { width, height } = padded;
    const [changes, filters] = this.#changes(style);
    const noise = (by: 8 | 4) => [noiseAt(by, corner, width, height, margin), [1, 1, (height + 2 * margin) / by, (width + 2 * margin) / by]] as const;
    const found = await this.painting.run({
      photo: [planes(padded, margin, true), [1, 3, height + 2 * margin, width + 2 * margin]],
      code: [style.embedding.slice(0, code), [code]],
      changes: [changes, [changes.length]],
      filters: [filters, [filters.length]],
      noise8: noise(8),
      noise4: noise(4),
      given: [given?.slice(0, numbers) ?? new Float32Array(numbers), [numbers]],
      trust: [Float32Array.of(given ? 1 : 0), []],
    });
    const picture = cropped(found.picture, padded, photo);
    const own = measured(picture);
    const statistics = new Float32Array(numbers + own.length);
    statistics.set(found.statistics);
    statistics.set(own, numbers);
    towards(picture, (given ?? statistics).subarray(numbers), style.embedding.subarray(code));
    return { picture, statistics };
  }

  /** A style's changes of the modulations, and of the last filters. */
  #changes({ changes }: StyleVector): [Float32Array, Float32Array] {
    const { changes: count, modulations } = this.facts;
    const none = (this.#none ??= new Float32Array(count));
    const all = changes ?? none;
    return [all.subarray(0, modulations), (all.length > modulations ? all : none).subarray(modulations)];
  }

  #none: Float32Array | null = null;
}
