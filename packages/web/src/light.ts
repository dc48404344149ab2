// The light engine's network: `impasto.engines.light` for browsers.

import { cropped, Network, planes, type Painted, type Statistics } from "./network.js";
import { resize, round, type Bytes, type Pixels } from "./pixels.js";
import type { Session } from "./runtime.js";
import type { StyleVector } from "./styles.js";

const ENCODED_PIXELS = 512 * 640; // a painting is looked at in about this size, as when the network was trained

export class LightNetwork extends Network {
  protected readonly bytesPerPixel = 170;
  protected readonly overlap = 64; // its receptive field reaches 59

  protected async read(session: Session, painting: Pixels | Bytes): Promise<StyleVector> {
    const scale = Math.sqrt(ENCODED_PIXELS / (painting.width * painting.height));
    const { multiple, least } = this.facts;
    const side = (length: number) => Math.max(least, round((length * scale) / multiple) * multiple);
    const seen = resize(painting, side(painting.width), side(painting.height));
    const found = await session.run({ picture: [planes(seen, 0), [1, 3, seen.height, seen.width]] });
    return { embedding: found.style.slice(), changes: null };
  }

  protected async run(photo: Pixels, padded: Pixels, { embedding, changes }: StyleVector, given?: Statistics): Promise<Painted> {
    const { margin, changes: count, statistics: numbers } = this.facts;
    const { width, height } = padded;
    const { picture, statistics } = await this.painting.run({
      photo: [planes(padded, margin), [1, 3, height + 2 * margin, width + 2 * margin]],
      style: [embedding, [embedding.length]],
      changes: [changes ?? (this.#none ??= new Float32Array(count)), [count]],
      given: [given ?? new Float32Array(numbers), [numbers]],
      trust: [Float32Array.of(given ? 1 : 0), []],
    });
    return { picture: cropped(picture, padded, photo), statistics: statistics.slice() };
  }

  #none: Float32Array | null = null;
}
