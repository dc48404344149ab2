// The engine as it runs in a worker: pictures that it holds, styles, and what is painted of them.

import { compose, filled, vectorOf, type Region, type Share } from "./compose.js";
import { controlsOf, paintedSize, type Controls } from "./controls.js";
import { ImpastoError, isOutOfMemory, outOfMemory } from "./faults.js";
import { LightNetwork } from "./light.js";
import type { Network, Statistics } from "./network.js";
import { fetchOrFault, unpacked, type OnLoad } from "./pack.js";
import { PainterNetwork } from "./painter.js";
import { bytes, empty, fit, floats, isOpaque, reduced, type Bytes, type Pixels } from "./pixels.js";
import { Recent } from "./recent.js";
import { buildFor, checkBrowser, hasWebGpu, startRuntime, type Build, type Provider, type Runtime } from "./runtime.js";
import { Gallery, type Config, type EngineName, type StyleVector } from "./styles.js";

interface Packed {
  file: string;
  size: number;
}

/** What dist/files.json says: the packed files, their sizes and names with their hashes. */
interface Files {
  packs: Record<EngineName | "encoder", Packed & { parts: Record<string, [number, number]> }>;
  runtimes: Record<Build, Packed & { glue: string }>;
}

/** A pack's files. */
interface Pack {
  files: Record<string, Uint8Array>;
  /** Whether the browser keeps it for the next visit. */
  kept: boolean;
}

/** What paints, and the styles as it knows them. */
interface Ready {
  network: Network;
  gallery: Gallery;
}

export interface LoadOptions {
  /** The folder of the package's files, an absolute address that ends in a slash. */
  base: string;
  /** "auto" takes the graphics processor where there is one. */
  provider?: Provider | "auto";
  /** Bytes that painting may take beside pictures. */
  budget?: number;
  /** Pixels of the largest picture that is taken. */
  maxPixels?: number;
}

/** A style by name, or a painting by the number of a picture that is held. */
export type StyleReference = string | number;

export interface Request {
  /** "light" if not given. */
  engine?: EngineName;
  styles: readonly (readonly [StyleReference, number])[];
  controls?: Partial<Controls>;
  regions?: readonly RegionRequest[];
}

export interface RegionRequest {
  /** A picture that is held: white, or opaque where it is transparent elsewhere, is inside. */
  mask: number;
  /** "none" leaves the photo, "" is the ground's style. */
  style: StyleReference;
  strength?: number | null;
  brush_size?: number | null;
}

export interface Held {
  id: number;
  width: number;
  height: number;
  alpha: boolean;
}

const REMEMBERED = 40; // vectors
const SIZES = 40e6; // bytes of photos at other sizes
const TRIAL = 32; // pixels a side

/** A picture that is held; what came as a file may be decoded again. */
interface Picture {
  file: Blob | null;
  pixels: Bytes | null;
}

export class Engine {
  readonly #pictures = new Map<number, Picture>(); // those that were used last at the end
  readonly #vectors = new Recent<string, StyleVector>(REMEMBERED); // by engine and style
  readonly #sizes = new Recent<string, Pixels>(SIZES, ({ data }) => data.byteLength);
  readonly #numbers = new WeakMap<Bytes, number>(); // of pictures, in the names of their sizes
  readonly #paintings = new Map<StyleReference, Pixels>();
  readonly #engines = new Map<EngineName, Promise<Ready>>();
  #last = 0;

  private constructor(
    readonly config: Config,
    private readonly files: Files,
    readonly runtime: Runtime,
    readonly options: Required<LoadOptions>,
    /** Whether the browser keeps what the first visit fetches. */
    readonly kept: boolean,
  ) {}

  static async load(options: LoadOptions, onLoad: OnLoad = () => {}): Promise<Engine> {
    checkBrowser();
    const given = { provider: "auto" as const, budget: defaultBudget(), maxPixels: defaultPixels(), ...options };
    const { base } = given;
    const [config, files] = await Promise.all(
      ["config.json", "files.json"].map(async (name) => (await fetchOrFault(base + name)).json()),
    ) as [Config, Files];
    let provider: Provider = given.provider === "auto" ? ((await hasWebGpu()) ? "webgpu" : "wasm") : given.provider;
    for (;;) {
      try {
        return await Engine.#start(provider, config, files, given, onLoad);
      } catch (error) {
        if (provider === "wasm" || given.provider !== "auto" || error instanceof ImpastoError) throw error;
        provider = "wasm"; // the graphics processor refuses the network
      }
    }
  }

  static async #start(
    provider: Provider,
    config: Config,
    files: Files,
    options: Required<LoadOptions>,
    onLoad: OnLoad,
  ): Promise<Engine> {
    const build = buildFor(provider);
    const runtime = files.runtimes[build];
    const loaded = [0, 0];
    const total = files.packs.light.size + runtime.size;
    const told = (index: number) => (count: number) => {
      loaded[index] = count;
      onLoad(loaded[0] + loaded[1], total);
    };
    const [binary, pack] = await Promise.all([
      unpacked(options.base + runtime.file, runtime.size, told(0)),
      fetchPack(files, "light", options.base, told(1)),
    ]);
    const started = await startRuntime(provider, build, binary.data, options.base + runtime.glue);
    const engine = new Engine(config, files, started, options, binary.kept && pack.kept);
    engine.#engines.set("light", engine.#light(pack));
    await engine.ready("light");
    if (started.provider !== provider) throw new Error("the graphics processor refuses the network");
    return engine;
  }

  /** An engine; what it needs is fetched once. */
  ready(name: EngineName, onLoad: OnLoad = () => {}): Promise<Ready> {
    if (!Object.hasOwn(this.config.engines, name)) throw new ImpastoError("bad-control", `unknown engine '${name}'`, "one of light, painter");
    let found = this.#engines.get(name);
    if (!found) {
      found = fetchPack(this.files, "painter", this.options.base, onLoad).then((pack) => this.#painter(pack));
      found.catch(() => this.#engines.delete(name)); // the next one who asks tries again
      this.#engines.set(name, found);
    }
    return found;
  }

  async #light({ files }: Pack): Promise<Ready> {
    const { config, runtime, options } = this;
    const facts = config.engines.light;
    const painting = await runtime.session(files["onnx/model.onnx"]);
    const reading = () => runtime.session(files["onnx/encoder_model.onnx"]);
    const network = new LightNetwork(facts, painting, reading, options.budget);
    return this.#tried({ network, gallery: new Gallery(files["styles.safetensors"], config.group, facts.changes) });
  }

  async #painter({ files }: Pack): Promise<Ready> {
    const { config, runtime, options } = this;
    const facts = config.engines.painter;
    const weights = { "painter.safetensors": files["painter.safetensors"] };
    const painting = await runtime.session(files["paint.onnx"], weights);
    const reading = async () => {
      const { files: more } = await fetchPack(this.files, "encoder", options.base);
      return runtime.session(more["encode.onnx"], { ...weights, "encoder.safetensors": more["encoder.safetensors"] });
    };
    const network = new PainterNetwork(facts, painting, reading, options.budget);
    return this.#tried({ network, gallery: new Gallery(files["styles.safetensors"], config.group, facts.changes) });
  }

  async #tried(ready: Ready): Promise<Ready> {
    await tryOut(this.runtime, ready, this.config.styles[0].name);
    return ready;
  }

  /**
   * Hold a picture.
   * @param file that it was decoded from
   */
  hold(picture: Bytes, file: Blob | null = null): Held {
    const { width, height } = picture;
    if (!width || !height) throw new ImpastoError("not-a-picture", "a picture without pixels cannot be painted");
    this.#check(width, height);
    const id = ++this.#last;
    this.#pictures.set(id, { file, pixels: picture });
    this.#tidy(id);
    return { id, width, height, alpha: !isOpaque(picture) };
  }

  #check(width: number, height: number): void {
    const [pixels, most] = [width * height, this.options.maxPixels].map((count) => Math.round(count / 1e6));
    if (width * height > this.options.maxPixels)
      throw new ImpastoError("too-large", `${width} x ${height} is ${pixels} megapixels; the limit is ${most}`, "make it smaller");
  }

  async picture(id: number): Promise<Bytes> {
    const found = this.#pictures.get(id);
    if (!found) throw new ImpastoError("not-a-picture", `there is no picture ${id}`);
    const pixels = (found.pixels ??= await decoded(found.file as Blob));
    this.#pictures.delete(id);
    this.#pictures.set(id, found);
    this.#tidy(id);
    return pixels;
  }

  /** Let go of the pixels of files that were not used lately, beyond what one of the largest pictures takes. */
  #tidy(used: number): void {
    let held = 0;
    for (const [id, one] of [...this.#pictures].reverse()) {
      if (!one.pixels) continue;
      held += one.pixels.width * one.pixels.height;
      if (held > this.options.maxPixels && one.file && id !== used) one.pixels = null;
    }
  }

  letGo(id: number): void {
    this.#pictures.delete(id);
    this.#paintings.delete(id);
    for (const engine of this.#engines.keys()) this.#vectors.delete(keyOf(engine, id));
  }

  /**
   * Paint a picture.
   * @param side of the longer side, at most; the picture's own size if not given
   * @param size of the longer side, exactly
   * @param onStep told of the share that is done; what it throws ends the work
   */
  async paint(
    photo: Bytes,
    request: Request,
    { side, size, onStep }: { side?: number; size?: number; onStep?: (share: number) => void | Promise<void> } = {},
  ): Promise<ImageData> {
    const controls = controlsOf(request.controls ?? {}, this.config.controls);
    try {
      const sized = size ? this.sized(photo, size, true) : side ? this.sized(photo, side) : photo;
      const engine = request.engine ?? "light";
      const { network } = await this.ready(engine);
      const ground = await this.#shares(engine, request.styles, controls);
      const regions: Region[] = [];
      for (const region of request.regions ?? [])
        regions.push({
          mask: maskOf(await this.picture(region.mask)),
          blend: region.style === "none" ? null : region.style === "" ? ground : await this.#shares(engine, [[region.style, 1]], controls),
          strength: region.strength ?? 100,
          brushSize: region.brush_size ?? null,
        });
      const small = (brush: number) => this.#small(size ? sized : photo, sized, brush);
      return await compose(network, sized, ground, controls, { regions, onStep, small });
    } catch (error) {
      throw isOutOfMemory(error) ? outOfMemory() : error;
    }
  }

  /** Paint a frame of a camera: at full strength, at this size, and normalized like those before it. */
  async frame(frame: Bytes, styles: Request["styles"], given?: Statistics): Promise<{ picture: ImageData; statistics: Statistics }> {
    const key = JSON.stringify(styles);
    const photo = floats(frame);
    const { network } = await this.ready("light");
    if (key !== this.#live?.key) {
      const controls = controlsOf({}, this.config.controls);
      this.#live = { key, vector: await vectorOf(network, await this.#shares("light", styles, controls), controls, photo) };
    }
    const { picture, statistics } = await network.paint(photo, this.#live.vector, { given });
    return { picture: bytes(picture), statistics };
  }

  #live: { key: string; vector: StyleVector } | null = null;

  /** A picture, so that its longer side has this many pixels at most, or exactly. */
  sized(picture: Bytes, side: number, exactly = false): Bytes {
    const longer = Math.max(picture.width, picture.height);
    if (longer === side || (longer < side && !exactly)) return picture;
    const [width, height] = fit(picture.width, picture.height, side);
    this.#check(width, height);
    return withAlpha(bytes(this.#reduced(picture, width, height)), picture);
  }

  /** The colors of a picture at another size: a photo is reduced once for all styles and views. */
  #reduced(picture: Bytes, width: number, height: number): Pixels {
    const number = this.#numbers.get(picture) ?? ++this.#last;
    this.#numbers.set(picture, number);
    const key = `${number} ${width} ${height}`;
    const found = this.#sizes.get(key) ?? reduced(filled(picture), width, height);
    this.#sizes.set(key, found);
    return found;
  }

  /** A photo at the size at which it is painted: that of the original, but of a smaller view its own. */
  #small(original: Bytes, view: Bytes, brush: number): Pixels {
    const [width, height] = paintedSize(original.width, original.height, brush);
    return width > view.width || height > view.height ? this.#reduced(original, view.width, view.height) : this.#reduced(original, width, height);
  }

  async #shares(engine: EngineName, styles: Request["styles"], controls: Controls): Promise<Share[]> {
    if (!styles.length) throw new ImpastoError("unknown-style", "no style was given", "pass at least one style");
    const recolors = controls.keep_color === "histogram" || controls.keep_color === "coral";
    const found: Share[] = [];
    for (const [style, weight] of styles) {
      if (!(weight >= 0) || !Number.isFinite(weight)) throw new ImpastoError("bad-control", `the weight ${weight} is not a number of at least 0`);
      found.push({ vector: await this.#vector(engine, style), painting: recolors ? await this.#painting(style) : null, weight });
    }
    if (!found.some(({ weight }) => weight > 0)) throw new ImpastoError("bad-control", "the weights of a blend are all 0");
    return found;
  }

  async #vector(engine: EngineName, style: StyleReference): Promise<StyleVector> {
    const key = keyOf(engine, style);
    const before = this.#vectors.get(key);
    if (before) return before;
    const { network, gallery } = await this.ready(engine);
    if (typeof style === "string" && !gallery.has(style))
      throw new ImpastoError("unknown-style", `unknown style '${style}'`, `one of ${this.config.styles.map(({ name }) => name).join(", ")}`);
    const found = typeof style === "string" ? gallery.vector(style) : await network.encode(filled(await this.picture(style)));
    this.#vectors.set(key, found);
    return found;
  }

  async #pictureOf(style: string): Promise<Blob> {
    const files = [`paintings/${style}.jpg`, `styles/${style}.webp`].map((name) => this.options.base + name);
    const answer = await fetchOrFault(files[0]).catch(() => fetchOrFault(files[1]));
    return answer.blob();
  }

  /** The painting itself; of a named style the gallery's picture, or its thumbnail where that cannot be fetched now. */
  async #painting(style: StyleReference): Promise<Pixels> {
    let found = this.#paintings.get(style);
    if (!found) {
      found =
        typeof style === "number"
          ? floats(this.sized(filled(await this.picture(style)), 640))
          : floats(await decoded(await this.#pictureOf(style)));
      this.#paintings.set(style, found);
    }
    return found;
  }
}

const keyOf = (engine: EngineName, style: StyleReference) => `${engine} ${typeof style} ${style}`;

async function fetchPack(files: Files, name: EngineName | "encoder", base: string, onLoad: OnLoad = () => {}): Promise<Pack> {
  const { file, size, parts } = files.packs[name];
  const { data, kept } = await unpacked(base + file, size, onLoad);
  const found = Object.entries(parts).map(([part, [start, length]]) => [part, new Uint8Array(data, start, length)]);
  return { files: Object.fromEntries(found), kept };
}

/** Paint a little: a graphics processor may take a network, and then refuse to run it or paint nothing. */
async function tryOut(runtime: Runtime, { network, gallery }: Ready, style: string): Promise<void> {
  if (runtime.provider === "wasm") return;
  const gray = new ImageData(new Uint8ClampedArray(4 * TRIAL * TRIAL).map((_, i) => (37 * i) % 256), TRIAL);
  const { picture } = await network.paint(floats(gray), gallery.vector(style));
  if (!picture.data.every(Number.isFinite)) runtime.leave("it paints nothing");
}

/** The bytes of a picture's file, upright. */
export async function decoded(file: Blob): Promise<ImageData> {
  let picture: ImageBitmap;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image", premultiplyAlpha: "none" });
  } catch {
    throw new ImpastoError("not-a-picture", "this browser cannot open the picture", "save it as JPEG or PNG first");
  }
  try {
    return pixelsOf(picture);
  } finally {
    picture.close();
  }
}

/** The bytes of a picture. */
export function pixelsOf(picture: ImageBitmap): ImageData {
  const to = new OffscreenCanvas(picture.width, picture.height).getContext("2d", { willReadFrequently: true });
  if (!to) throw outOfMemory();
  to.drawImage(picture, 0, 0);
  return to.getImageData(0, 0, picture.width, picture.height);
}

/** A picture that was made smaller, as transparent as it was. */
function withAlpha(found: ImageData, picture: Bytes): ImageData {
  if (isOpaque(picture)) return found;
  const alpha = empty(picture.width, picture.height, 1);
  for (let i = 0; i < alpha.data.length; i++) alpha.data[i] = picture.data[4 * i + 3] / 255;
  const share = reduced(alpha, found.width, found.height).data;
  for (let i = 0; i < share.length; i++) found.data[4 * i + 3] = 255 * share[i];
  return found;
}

/** A picture as a mask: a shape on transparent ground counts as far as it is opaque, another as far as it is bright. */
function maskOf(picture: Bytes): Pixels {
  const found = empty(picture.width, picture.height, 1);
  const { data } = picture;
  const shape = !isOpaque(picture);
  for (let i = 0; i < found.data.length; i++)
    found.data[i] = (shape ? data[4 * i + 3] : Math.max(data[4 * i], data[4 * i + 1], data[4 * i + 2])) / 255;
  return found;
}

const memory = () => (navigator as { deviceMemory?: number }).deviceMemory ?? 4; // GB; browsers say 8 at most

function defaultBudget(): number {
  return memory() >= 8 ? 600e6 : 250e6;
}

/** Photos of phones are painted everywhere; what a browser's memory cannot hold is refused. */
function defaultPixels(): number {
  return memory() >= 4 ? 50e6 : 16e6;
}

