// The worker's side: what pages call.

import { Moved, serve, type Context } from "./calls.js";
import type { ControlCard } from "./controls.js";
import { decoded, Engine, pixelsOf, type Held, type LoadOptions, type Request } from "./engine.js";
import { ImpastoError } from "./faults.js";
import { windowOf, type Task } from "./octaves.js";
import type { Bytes } from "./pixels.js";
import type { Provider } from "./runtime.js";
import type { EngineName, StyleCard } from "./styles.js";

export interface Loaded {
  provider: Provider;
  threads: number;
  styles: StyleCard[];
  controls: ControlCard[];
  maxPixels: number;
  /** Whether the browser keeps the engine's files for the next visit. */
  kept: boolean;
}

/** At which size a painting is wanted, or which part of it at its own size. */
export interface View {
  /** Pixels of the longer side, at most. */
  side?: number;
  /** Pixels of the longer side, exactly. */
  size?: number;
  /** x, y, width, height in pixels of the whole picture. */
  crop?: readonly [number, number, number, number];
}

const SETTLED = 8; // frames of a camera over which statistics are averaged

let engine: Engine | null = null;
let statistics: Float32Array | undefined; // of the camera's frames
let whole: { key: string; picture: ImageData } | null = null; // the last painting at full size, from which parts are cut

function ready(): Engine {
  if (!engine) throw new ImpastoError("no-network", "the engine has not been loaded");
  return engine;
}

const moved = (picture: ImageData) => new Moved(picture, [picture.data.buffer]);

const methods = {
  async load({ tell }: Context, options: LoadOptions): Promise<Loaded> {
    engine ??= await Engine.load(options, (loaded, total) => tell([loaded, total]));
    const { runtime, config } = engine;
    const { provider, threads } = runtime;
    return { provider, threads, styles: config.styles, controls: config.controls, maxPixels: engine.options.maxPixels, kept: engine.kept };
  },

  /** Fetch what an engine needs, before it paints. */
  async prepare({ tell }: Context, name: EngineName): Promise<void> {
    await ready().ready(name, (loaded, total) => tell([loaded, total]));
  },

  /** Hold a picture: a file, or what is decoded already. */
  async open(_: Context, picture: Blob | ImageData | ImageBitmap): Promise<Held> {
    if (picture instanceof Blob) return ready().hold(await decoded(picture), picture);
    return ready().hold(picture instanceof ImageData ? picture : pixelsOf(picture));
  },

  close(_: Context, id: number): void {
    engine?.letGo(id);
    if (whole?.key.startsWith(`${id} `)) whole = null;
  },

  /** Paint a picture that is held. */
  async paint({ tell, breathe }: Context, id: number, request: Request, view: View = {}) {
    const photo = await ready().picture(id);
    const onStep = async (share: number) => {
      tell(share);
      await breathe();
    };
    const { side, size } = view;
    if ((side || size) && !view.crop) return moved(await ready().paint(photo, request, { side, size, onStep }));
    const key = `${id} ${JSON.stringify(request)}`;
    if (whole?.key !== key) {
      whole = null;
      await breathe();
      whole = { key, picture: await ready().paint(photo, request, { onStep }) };
    }
    return view.crop ? moved(cut(whole.picture, view.crop)) : whole.picture;
  },

  /** The photo itself, as `paint` sizes or cuts it. */
  async photo(_: Context, id: number, view: View) {
    const photo = await ready().picture(id);
    if (view.crop) return moved(cut(photo, view.crop));
    const { data, width, height } = ready().sized(photo, view.side ?? Infinity);
    return moved(new ImageData(new Uint8ClampedArray(data), width, height));
  },

  /** Compute a window of a large picture for another worker. */
  window(_: Context, task: Task) {
    const found = windowOf(task);
    return new Moved(found, [found.data.buffer]);
  },

  /** Paint a frame of a camera; `first` forgets those before it. */
  async frame(_: Context, frame: ImageBitmap, styles: Request["styles"], first: boolean) {
    const photo = pixelsOf(frame);
    frame.close();
    if (first) statistics = undefined;
    const found = await ready().frame(photo, styles, statistics);
    statistics = statistics?.map((value, i) => value + (found.statistics[i] - value) / SETTLED) ?? found.statistics;
    const picture = await createImageBitmap(found.picture);
    return new Moved(picture, [picture]);
  },
};

function cut(picture: Bytes, [x, y, width, height]: NonNullable<View["crop"]>): ImageData {
  const found = new ImageData(width, height);
  for (let row = 0; row < height; row++) {
    const from = 4 * ((y + row) * picture.width + x);
    found.data.set(picture.data.subarray(from, from + 4 * width), 4 * row * width);
  }
  return found;
}

export type Methods = typeof methods;

serve(methods);
