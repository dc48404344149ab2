// The studio's engine in this browser: photos, paintings and masks in the worker, exports as jobs of this page.

import { Impasto, ImpastoError, type EngineName, type Held, type Request as Painting, type StyleReference } from "../../packages/web/src/index.js";
import { Fault, type Engine, type Job, type Limits, type Photo, type Request, type Style, type View } from "../../src/impasto/studio/engine.js";
import { Exports } from "./exports.js";
import { readMetadata, settingsOf, type Metadata } from "./metadata.js";

/** What is known of a picture beside its pixels. */
export interface Opened {
  held: Held;
  name: string;
  metadata: Metadata;
}

const LARGEST = 200e6; // bytes of a file
const THUMBNAIL = "image/webp";

/**
 * An engine for the studio.
 * @param base the folder of the engine's files
 */
export function local(impasto: Promise<Impasto>, base: string, version: string): Engine {
  const opened = new Map<string, Opened>();
  const exports = new Exports(impasto, opened);

  const of = (photo: { id: string }) => openedAs(opened, photo.id);

  async function painted(photo: Photo, request: Request, view: View): Promise<ImageData> {
    const { held } = of(photo);
    const { crop, signal } = view;
    const engine = await impasto;
    // The photo itself need not be painted.
    if (crop && request.controls.strength === 0 && !request.regions.length) return faulty(engine.photo(held, { crop: whole(crop) }), photo.name);
    return faulty(engine.painted(held, paintingOf(request, opened), crop ? { crop: whole(crop) } : { side: view.side }, { signal }), photo.name);
  }

  return {
    async limits(): Promise<Limits> {
      const { facts } = await faulty(impasto);
      return {
        max_upload: LARGEST,
        max_pixels: facts.maxPixels,
        folder_photos: 100,
        clip_seconds: 0,
        learn: false,
        learn_seconds: 0,
        optimize: false,
        formats: ["jpg", "png", ...((await writesWebp()) ? ["webp"] : [])],
        version,
        controls: facts.controls as unknown as Limits["controls"],
        hands: ["light", "painter"],
        local: true,
        without: ["find", "poster", "depth"],
      };
    },
    async styles(): Promise<Style[]> {
      const { styles } = await faulty(impasto);
      return styles.map((card) => ({ ...card, builtin: true, mine: false, thumbnail: `${base}styles/${card.name}.webp` }));
    },
    async prepare(name, onShare) {
      await faulty((await impasto).prepare(name as EngineName, (loaded, total) => onShare(loaded / total)));
    },
    async open(file: Blob, name: string): Promise<Photo> {
      const kind = await kindOf(file);
      if (kind === "clip") throw new Fault(`${name} is a clip`, "paint clips with Impasto on a computer: impasto video", "clip");
      const engine = await impasto;
      const held = await faulty(engine.open(file), name, kind);
      const metadata = await readMetadata(file);
      const id = String(held.id);
      opened.set(id, { held, name, metadata });
      const { width, height, alpha } = held;
      const settings = settingsOf(metadata) as Photo["settings"];
      return { id, name, kind: "photo", width, height, frames: 1, alpha, bits: 8, settings, notes: [] };
    },
    async held(id) {
      const found = opened.get(id);
      if (!found) return null;
      const { width, height, alpha } = found.held;
      return { id, name: found.name, kind: "photo", width, height, frames: 1, alpha, bits: 8, settings: null, notes: [] };
    },
    close(photo) {
      const found = opened.get(photo.id);
      opened.delete(photo.id);
      if (found) void impasto.then((engine) => engine.close(found.held));
    },
    async photo(photo, view) {
      return createImageBitmap(await faulty((await impasto).photo(of(photo).held, { side: view.side }), photo.name));
    },
    async painted(photo, request, view) {
      return createImageBitmap(await painted(photo, request, view));
    },
    async file(photo, request, view) {
      return encoded(await painted(photo, request, view), (await writesWebp()) ? THUMBNAIL : "image/jpeg", 0.85);
    },
    mask: () => Promise.reject(new Fault("finding people needs Impasto on a computer", "draw the part with the brush")),
    thumbnail: (style) => style.thumbnail,
    begin: (fields) => exports.begin(fields),
    learn: () => Promise.reject(new Fault("learning needs Impasto on a computer", "impasto styles add FILE --name NAME --learn 3m")),
    follow: (id, onChange) => exports.follow(id, onChange),
    job: async (id): Promise<Job | null> => exports.job(id),
    stop: async (id) => exports.stop(id),
    finish: async (id) => exports.stop(id),
    result: async (job) => exports.result(job.id),
    preview: () => "",
    rename: () => Promise.reject(new Fault("built-in styles cannot be renamed")),
    forget: () => Promise.reject(new Fault("built-in styles cannot be removed")),
  };
}

/** A picture by its id. */
export function openedAs(opened: ReadonlyMap<string, Opened>, id: string): Opened {
  const found = opened.get(id);
  if (!found) throw new Fault("the picture is no longer open", "open it again", "gone", 404);
  return found;
}

/** A request of the studio's as the worker takes it: uploads by the numbers under which it holds them. */
export function paintingOf(request: Request, opened: ReadonlyMap<string, Opened>): Painting {
  const reference = (style: string): StyleReference =>
    style.startsWith("upload:") ? openedAs(opened, style.slice(7)).held.id : style;
  const { size: _, ...controls } = request.controls;
  return {
    engine: request.engine as EngineName | undefined,
    styles: request.styles.map(([style, weight]) => [reference(style), weight]),
    controls: controls as Painting["controls"],
    regions: request.regions.map((region) => ({
      mask: reference(region.mask) as number,
      style: reference(region.style),
      strength: region.strength,
      brush_size: region.brush_size,
    })),
  };
}

const whole = (crop: readonly [number, number, number, number]) => crop.map(Math.round) as [number, number, number, number];

/** What fails in the engine, as the studio says it. */
export async function faulty<T>(found: Promise<T>, name = "", kind = ""): Promise<T> {
  try {
    return await found;
  } catch (error) {
    if (!(error instanceof ImpastoError)) throw error;
    if (error.code === "not-a-picture" && kind === "heic")
      throw new Fault(`${name} is a HEIC photo, which this browser cannot open`, "save it as JPEG, or open this page in Safari", error.code);
    throw new Fault(name && error.code === "not-a-picture" ? `${name}: ${error.message}` : error.message, error.hint, error.code);
  }
}

/** What a file is, by its first bytes, where it matters. */
async function kindOf(file: Blob): Promise<"clip" | "heic" | ""> {
  const head = new Uint8Array(await file.slice(0, 32).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (text.slice(4, 8) === "ftyp") {
    if (/^(hei[cxms]|hev[cx]|mif1|msf1)/.test(text.slice(8, 12))) return /avif|avis/.test(text) ? "" : "heic";
    return /^avi[fs]/.test(text.slice(8, 12)) ? "" : "clip";
  }
  return text.startsWith("\x1aE\xdf\xa3") || (text.startsWith("RIFF") && text.slice(8, 12) === "AVI ") ? "clip" : "";
}

/** A picture as a file. */
export async function encoded(picture: ImageData, type: string, quality?: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const to = canvas.getContext("2d");
  if (!to) throw new Fault("there is not enough memory to save a picture of this size", "choose a smaller one", "memory");
  to.putImageData(picture, 0, 0);
  return canvas.convertToBlob({ type, quality });
}

let webp: Promise<boolean> | undefined;

/** Safari writes no WebP, and says so by writing PNG. */
function writesWebp(): Promise<boolean> {
  return (webp ??= encoded(new ImageData(1, 1), "image/webp").then((file) => file.type === "image/webp", () => false));
}
