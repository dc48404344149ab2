// impasto-web: paint pictures in the style of any painting, in the browser.

import { Calls } from "./calls.js";
import type { ControlCard, Controls } from "./controls.js";
import type { Held, LoadOptions, RegionRequest, Request, StyleReference } from "./engine.js";
import type { OnLoad } from "./pack.js";
import type { Provider } from "./runtime.js";
import type { EngineName, StyleCard } from "./styles.js";
import type { Loaded, Methods, View } from "./worker.js";

export { ImpastoError, type Code } from "./faults.js";
export { paintedSize } from "./controls.js";
export type { ControlCard, Controls, EngineName, Held, Loaded, LoadOptions, OnLoad, Provider, RegionRequest, Request, StyleCard, StyleReference, View };

/** A picture as browsers have it, or a picture's file. */
export type Picture = ImageData | ImageBitmap | Blob;

/** A named style, a painting, or a blend: `{"starry-night": 0.6, "udnie": 0.4}` or `[[painting, 0.6], ["udnie", 0.4]]`. */
export type Style = string | Picture | Record<string, number> | readonly (readonly [string | Picture, number])[];

export interface PaintOptions {
  /** Ends the painting. */
  signal?: AbortSignal;
  /** Told of the share that is done, 0..1. */
  onProgress?: (share: number) => void;
  /** Pixels of the longer side, at most. */
  side?: number;
  /** "painter" has larger strokes and cleaner colors, takes seven times the work, and is fetched first: 6.3 MB. */
  engine?: EngineName;
}

export interface StartOptions extends Partial<LoadOptions> {
  onLoad?: OnLoad;
}

/** The folder of this package's files. */
export const BASE = import.meta.url.replace(/[^/]*$/, "");

/** The engine in its worker. `Impasto.load()` makes it; pictures are held there until they are closed. */
export class Impasto {
  private constructor(
    readonly calls: Calls<Methods>,
    readonly worker: Worker,
    readonly facts: Loaded,
  ) {}

  /**
   * Load the engine: some 5.5 MB the first time.
   * @throws ImpastoError no WebAssembly, no connection, damaged files
   */
  static async load({ onLoad, ...options }: StartOptions = {}): Promise<Impasto> {
    const { base = BASE } = options;
    const worker = new Worker(workerAt(new URL("worker.js", base)), { type: "module" });
    const calls = new Calls<Methods>(worker);
    try {
      return new Impasto(calls, worker, await calls.call("load", [{ ...options, base }], { onTold: loading(onLoad) }));
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  /** The named styles. */
  get styles(): readonly StyleCard[] {
    return this.facts.styles;
  }

  /** Fetch what an engine needs, so that it is there when it paints. */
  prepare(engine: EngineName, onLoad?: OnLoad): Promise<void> {
    return this.calls.call("prepare", [engine], { onTold: loading(onLoad) });
  }

  /** Hold a picture in the worker: files are decoded upright. */
  open(picture: Picture): Promise<Held> {
    return this.calls.call("open", [picture]);
  }

  close(held: { id: number }): void {
    void this.calls.call("close", [held.id]);
  }

  /** Paint a picture that is held. */
  painted(held: { id: number }, request: Request, view: View = {}, { signal, onProgress }: PaintOptions = {}): Promise<ImageData> {
    return this.calls.call("paint", [held.id, request, view], { signal, onTold: onProgress });
  }

  /** A picture that is held, as `painted` sizes or cuts it. */
  photo(held: { id: number }, view: View = {}): Promise<ImageData> {
    return this.calls.call("photo", [held.id, view]);
  }

  /**
   * Paint a picture.
   * @param picture any size up to `facts.maxPixels` pixels
   * @returns a picture of the same size, as transparent
   * @throws ImpastoError an unknown style, a control out of its range, no picture, no memory
   * @throws DOMException "AbortError" if the signal says so
   */
  async paint(picture: Picture, style: Style, controls: Partial<Controls> = {}, options: PaintOptions = {}): Promise<ImageData> {
    const held: Held[] = [];
    const open = async (one: Picture) => {
      const found = await this.open(one);
      held.push(found);
      return found.id;
    };
    try {
      const styles: [StyleReference, number][] = [];
      for (const [one, weight] of sharesOf(style)) styles.push([typeof one === "string" ? one : await open(one), weight]);
      const id = await open(picture);
      return await this.painted({ id }, { styles, controls, engine: options.engine }, { side: options.side }, options);
    } finally {
      for (const one of held) this.close(one);
    }
  }

  /** Paint a frame of a camera, normalized like those before it; `first` forgets those. The frame is closed. */
  frame(frame: ImageBitmap, styles: Request["styles"], first = false): Promise<ImageBitmap> {
    return this.calls.call("frame", [frame, styles, first], { transfer: [frame] });
  }

  /** End the worker. */
  end(): void {
    this.worker.terminate();
  }
}

const loading = (onLoad?: OnLoad) => ([loaded, total]: [number, number]) => onLoad?.(loaded, total);

/** A worker's script; browsers take none from another host, but one that imports it. */
function workerAt(script: URL): URL | string {
  if (script.origin === location.origin) return script;
  return URL.createObjectURL(new Blob([`import ${JSON.stringify(script.href)};`], { type: "text/javascript" }));
}

function sharesOf(style: Style): readonly (readonly [string | Picture, number])[] {
  if (typeof style === "string" || style instanceof Blob || style instanceof ImageData || style instanceof ImageBitmap) return [[style, 1]];
  return Array.isArray(style) ? style : Object.entries(style as Record<string, number>);
}

let usual: Promise<Impasto> | undefined;

/**
 * Paint a picture with an engine that is loaded at the first call: see `Impasto.paint`.
 *
 *     const picture = await paint(imageData, "starry-night", { strength: 80 });
 */
export async function paint(picture: Picture, style: Style, controls?: Partial<Controls>, options?: PaintOptions): Promise<ImageData> {
  usual ??= Impasto.load();
  usual.catch(() => (usual = undefined)); // the next call tries again
  return (await usual).paint(picture, style, controls, options);
}
