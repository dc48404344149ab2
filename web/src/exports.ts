// Exports: pictures at full size as files, one after the other, as jobs that the studio follows.

import type { Impasto } from "../../packages/web/src/index.js";
import { Fault, faultOf, type Job, type Request } from "../../src/impasto/studio/engine.js";
import { stemOf } from "../../src/impasto/studio/fields.js";
import { encoded, faulty, openedAs, paintingOf, type Opened } from "./local.js";
import { withMetadata } from "./metadata.js";

type Fields = readonly [string, string | Blob][];

interface Running {
  job: Job;
  fields: Fields;
  stopping: AbortController;
  result: Blob | null;
  heard: Set<(job: Job) => void>;
}

const TYPES = { jpg: "image/jpeg", png: "image/png", webp: "image/webp" } as const;
type Kind = keyof typeof TYPES;

export class Exports {
  readonly #jobs = new Map<string, Running>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly impasto: Promise<Impasto>,
    readonly opened: ReadonlyMap<string, Opened>,
  ) {}

  /** Begin an export, by the service's fields. */
  async begin(fields: Fields): Promise<Job> {
    const id = crypto.randomUUID();
    const job: Job = {
      id, kind: "stylize", state: "waiting", fraction: 0, began: null, error: null, notes: [], losses: {}, links: { result: id },
    };
    const running: Running = { job, fields, stopping: new AbortController(), result: null, heard: new Set() };
    this.#jobs.set(id, running);
    this.#last = this.#last.then(() => this.#run(running));
    return { ...job };
  }

  follow(id: string, onChange: (job: Job | null) => void): () => void {
    const running = this.#jobs.get(id);
    if (!running) {
      queueMicrotask(() => onChange(null));
      return () => {};
    }
    running.heard.add(onChange);
    queueMicrotask(() => onChange({ ...running.job }));
    return () => running.heard.delete(onChange);
  }

  job(id: string): Job | null {
    const running = this.#jobs.get(id);
    return running ? { ...running.job } : null;
  }

  /** End a job, or forget one that has ended. */
  stop(id: string): void {
    const running = this.#jobs.get(id);
    if (!running) return;
    running.stopping.abort();
    if (running.job.state === "waiting" || running.job.state === "running") this.#tell(running, { state: "canceled" });
    else this.#jobs.delete(id);
  }

  result(id: string): Blob {
    const result = this.#jobs.get(id)?.result;
    if (!result) throw new Fault("the result is gone", "export it again", "no-result", 404);
    return result;
  }

  #tell(running: Running, change: Partial<Job>): void {
    Object.assign(running.job, change);
    for (const hear of running.heard) hear({ ...running.job });
  }

  async #run(running: Running): Promise<void> {
    if (running.job.state !== "waiting") return;
    this.#tell(running, { state: "running", began: new Date().toISOString() });
    try {
      const photos = all(running.fields, "image").map((one) => one.replace("upload:", ""));
      const files: { name: string; input: Blob }[] = [];
      for (const [index, id] of photos.entries()) {
        const onProgress = (share: number) => this.#tell(running, { fraction: (index + share) / photos.length });
        files.push(await this.#picture(id, running, onProgress));
      }
      if (files.length > 1) {
        const { downloadZip } = await import("client-zip");
        running.result = await downloadZip(apart(files)).blob();
      } else running.result = files[0].input;
      this.#tell(running, { state: "done", fraction: 1 });
    } catch (error) {
      const fault = faultOf(error);
      if (!fault) return; // it was stopped
      this.#tell(running, { state: "failed", error: { message: fault.message, hint: fault.hint } });
    }
  }

  async #picture(id: string, running: Running, onProgress: (share: number) => void): Promise<{ name: string; input: Blob }> {
    const { fields } = running;
    const found = openedAs(this.opened, id);
    const request = requestOf(fields);
    const engine = await this.impasto;
    const size = request.controls.size ?? undefined;
    const painting = paintingOf(request, this.opened);
    const picture = await faulty(engine.painted(found.held, painting, { size }, { signal: running.stopping.signal, onProgress }), found.name);
    const kind = (one(fields, "format") ?? "jpg") as Kind;
    const quality = Number(one(fields, "quality") ?? 92) / 100;
    const file = await encoded(kind === "jpg" ? onWhite(picture) : picture, TYPES[kind], quality);
    if (!file.size) throw new Fault("this browser could not write a picture of this size", "choose a smaller one", "memory");
    const keep = one(fields, "strip_metadata") === "true" ? "none" : one(fields, "strip_location") === "true" ? "place" : "all";
    const settings = one(fields, "mark") === "false" ? null : this.#madeWith(request);
    const input = await withMetadata(file, kind, found.metadata, { size: [picture.width, picture.height], settings, keep });
    return { name: `${stemOf(found.name)}-painted.${kind}`, input };
  }

  /** What the file says of how it was made, as the command line's do. */
  #madeWith(request: Request): object {
    const label = (style: string) => (style.startsWith("upload:") ? (this.opened.get(style.slice(7))?.name ?? "a painting") : style);
    const sum = request.styles.reduce((total, [, weight]) => total + weight, 0);
    const style =
      request.styles.length === 1
        ? label(request.styles[0][0])
        : request.styles.map(([one, weight]) => `${label(one)}:${Number((weight / sum).toPrecision(3))}`).join(" + ");
    const { strength = 100, keep_color = "none", tone = "none", brush_size = 1, boldness = 0, detail = 60, size = null } = request.controls;
    const regions = request.regions.length ? { regions: request.regions.map((region) => `drawn=${label(region.style)}`) } : {};
    const controls = { strength, keep_color, tone, brush_size, boldness, detail, size, seed: 0 };
    return { program: "Impasto", version: __VERSION__, engine: request.engine ?? "light", style, ...regions, controls };
  }
}

const all = (fields: Fields, name: string) => fields.filter(([key]) => key === name).map(([, value]) => String(value));
const one = (fields: Fields, name: string): string | undefined => all(fields, name)[0];

/** The service's fields as a painting: the opposite of the studio's `fieldsOf`. */
export function requestOf(fields: Fields): Request {
  const number = (name: string) => (one(fields, name) === undefined ? undefined : Number(one(fields, name)));
  const weights = all(fields, "weight").map(Number);
  const strengths = all(fields, "region_strength").map(Number);
  const sizes = all(fields, "region_brush_size").map(Number);
  const styles = all(fields, "region_style");
  return {
    engine: one(fields, "engine"),
    styles: all(fields, "style").map((style, index) => [style, weights[index] ?? 1]),
    controls: {
      strength: number("strength"),
      keep_color: one(fields, "keep_color"),
      tone: one(fields, "tone"),
      brush_size: number("brush_size"),
      boldness: number("boldness"),
      detail: number("detail"),
      size: number("size"),
    },
    regions: all(fields, "mask").map((mask, index) => ({
      mask,
      style: styles[index],
      strength: strengths[index] ?? null,
      brush_size: sizes[index] ?? null,
    })),
  } as Request;
}

/** JPEG holds no transparency: what is clear becomes white. */
function onWhite(picture: ImageData): ImageData {
  const { data } = picture;
  for (let i = 0; i < data.length; i += 4) {
    const share = data[i + 3] / 255;
    if (share === 1) continue;
    for (let k = i; k < i + 3; k++) data[k] = 255 + share * (data[k] - 255);
    data[i + 3] = 255;
  }
  return picture;
}

/** No two files of one name. */
function apart(files: { name: string; input: Blob }[]): { name: string; input: Blob }[] {
  const taken = new Set<string>();
  return files.map((file) => {
    let { name } = file;
    for (let count = 2; taken.has(name); count++) name = file.name.replace(/(\.\w+)$/, `-${count}$1`);
    taken.add(name);
    return { ...file, name };
  });
}
