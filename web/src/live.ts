// The live camera: its picture painted as it comes, stills at full size, and films of what is painted.

import type { Impasto, Request } from "../../packages/web/src/index.js";
import { button, download, el, fill } from "../../src/impasto/studio/dom.js";
import { Fault } from "../../src/impasto/studio/engine.js";
import css from "./live.css?inline";

const words = {
  title: "Live camera",
  style: "Style",
  chosen: "As you have chosen it",
  painted: (style: string) => `The camera's picture, painted: ${style}`,
  starting: "Starting the camera…",
  turn: "Turn camera",
  photo: "Take photo",
  photoHelp: "Opens a photo at full size, to be painted (Space)",
  taking: "Taking the photo…",
  record: "Record",
  recordHelp: "Records what is painted",
  stop: "Stop",
  recording: "Recording",
  saved: "The film was saved.",
  seconds: (count: number) => `${Math.floor(count)} s`,
  rate: (frames: number, side: number) => `${frames < 1 ? frames.toFixed(1) : Math.round(frames)} fps · ${side} px`,
  close: "Close",
  insecure: "The camera needs HTTPS or localhost.",
  none: "No camera was found.",
  denied: "The camera is not allowed here. Allow it in the browser's settings for this page, and open Live again.",
  taken: "The camera is in use. Close the program that uses it, and open Live again.",
  unplugged: "The camera was unplugged, or taken by another program.",
  broken: (why: string) => `The camera cannot be used: ${why}`,
  hidden: "The camera was turned off because the page was hidden.",
  noFilm: "Nothing was recorded: the recording was too short, or the browser cannot encode it. Record longer, or use another browser.",
  noRecording: (why: string) => `The browser cannot record: ${why}`,
};

const SIDES = [160, 192, 256, 320, 384, 512]; // pixels of a frame's longer side
const [SLOWEST, LIKED] = [8, 9]; // frames a second: below the first a frame gets smaller, above the second it may grow
const BARRED = 30_000; // milliseconds for which a size that was too slow is not tried again
const CANVAS = 512; // pixels of the canvas's longer side, whatever the frames have: films keep one size
const HIDDEN = 30_000; // milliseconds out of sight after which the camera is turned off
const PATIENCE = 6000; // milliseconds that a camera may take for a photo
const MOST_PIXELS = 16e6; // of a photo; so many are painted on every device
const LONGEST = 600; // seconds of a film
const LARGEST = 500e6; // bytes of a film
const [FILMED, WHOLE] = [[1280, 960], [1920, 1440]]; // pixels of the video: enough to paint, and enough for a still
const BITS = 5e6; // of a film, a second: strokes are fine detail
const SAID = 4000; // milliseconds that a note stays
const SLICE = 1000; // milliseconds of a film that come at once

const TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4;codecs=avc1.42E01E", "video/mp4"];

// What can be said without a camera.

/** Which size of frames this device paints fast enough. */
export class Pace {
  side = 256;
  #times: number[] = []; // milliseconds, of frames of this size
  #skip = true; // the first frame of a size is slower than those that follow
  #barred = { side: 0, until: 0 };

  /** A frame of this size has taken so long. */
  told(milliseconds: number, now: number): void {
    if (this.#skip) {
      this.#skip = false;
      return;
    }
    this.#times.push(milliseconds);
    const times = this.#times;
    if (times.length < 2 || times.reduce((sum, one) => sum + one, 0) < 1000) return;
    const rate = 1000 / times.sort((a, b) => a - b)[(times.length - 1) >> 1]; // the median: one frame may wait for something else
    this.#times = [];
    const at = SIDES.indexOf(this.side);
    const larger = SIDES[at + 1];
    if (rate < SLOWEST && at > 0) {
      this.#barred = { side: this.side, until: now + BARRED };
      this.#set(SIDES[at - 1]);
    } else if (larger && rate * (this.side / larger) ** 2 >= LIKED && (larger < this.#barred.side || now >= this.#barred.until)) {
      this.#set(larger);
    }
  }

  #set(side: number): void {
    this.side = side;
    this.#skip = true;
  }
}

/** Frames a second, over about a second and a half. */
export class Rate {
  #last = 0;
  #interval = 0;

  told(now: number): void {
    const interval = now - this.#last;
    if (this.#last) this.#interval += (interval - this.#interval) * (this.#interval ? 1 - Math.exp(-interval / 1500) : 1);
    this.#last = now;
  }

  get value(): number {
    return this.#interval ? 1000 / this.#interval : 0;
  }
}

/** Works on the newest frame, one at a time: those that come meanwhile are dropped, and none is queued. */
export class Pump {
  #busy = false;
  #fresh = false;

  constructor(private readonly work: () => Promise<void>) {}

  /** There is a frame. */
  offer(): void {
    this.#fresh = true;
    if (!this.#busy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#fresh) {
        this.#fresh = false;
        await this.work();
      }
    } finally {
      this.#busy = false;
    }
  }
}

/** A size of the same shape with such a longer side; even, as films want it. */
export function sized(width: number, height: number, side: number): [number, number] {
  const share = side / Math.max(width, height);
  const even = (length: number) => Math.max(2, 2 * Math.round((length * share) / 2));
  return [even(width), even(height)];
}

/** Where a picture lies in a frame that it fills as far as it can: x, y, width, height. */
export function placed(width: number, height: number, within: { width: number; height: number }): [number, number, number, number] {
  const share = Math.min(within.width / width, within.height / height);
  const [across, down] = [Math.round(width * share), Math.round(height * share)];
  return [(within.width - across) >> 1, (within.height - down) >> 1, across, down];
}

/** Whether a camera looks at who holds the device; computers' cameras do not say it but by their names. */
export function facesUser(facing: string | undefined, label: string): boolean {
  return facing ? facing === "user" : /front|facetime|integrated|built-in|webcam/i.test(label);
}

/** A file's name with the time: camera-2026-11-29-14-05-10.jpg. */
export function fileName(what: string, type: string, when: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = [when.getFullYear(), two(when.getMonth() + 1), two(when.getDate())];
  const time = [when.getHours(), when.getMinutes(), when.getSeconds()].map(two);
  const kind = /png|mp4|webm/.exec(type)?.[0] ?? "jpg";
  return `${[what, ...day, ...time].join("-")}.${kind}`;
}

/** Why there is no camera, by what getUserMedia throws. */
export function cameraFault(error: unknown): string {
  const { name, message } = error as Partial<Error>;
  if (name === "NotFoundError" || name === "OverconstrainedError") return words.none;
  if (name === "NotAllowedError" || name === "SecurityError") return words.denied;
  if (name === "NotReadableError" || name === "AbortError") return words.taken;
  return words.broken(message || String(error));
}

/** The kind of film that this browser records; nothing if it records none. */
export function filmType(): string | undefined {
  if (typeof MediaRecorder === "undefined" || !("captureStream" in HTMLCanvasElement.prototype)) return undefined;
  return TYPES.find((type) => MediaRecorder.isTypeSupported(type));
}

// Films and photos.

/** A film of a canvas, which is given on when it ends: by `stop`, or by itself when it is long. */
export class Recording {
  readonly #began = performance.now();
  readonly #recorder: MediaRecorder;
  #bytes = 0;

  constructor(canvas: HTMLCanvasElement, type: string, onEnd: (film: Blob) => void) {
    const stream = canvas.captureStream();
    const parts: Blob[] = [];
    const recorder = (this.#recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: BITS }));
    recorder.addEventListener("dataavailable", ({ data }) => {
      parts.push(data);
      this.#bytes += data.size;
      this.check();
    });
    // This comes after an error, too.
    recorder.addEventListener("stop", () => {
      for (const track of stream.getTracks()) track.stop();
      onEnd(new Blob(parts, { type: (recorder.mimeType || type).split(";")[0] }));
    });
    recorder.start(SLICE);
  }

  get seconds(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** End it if it is long. */
  check(): void {
    if (this.seconds >= LONGEST || this.#bytes >= LARGEST) this.stop();
  }

  stop(): void {
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
  }
}

/** The best still that a camera gives, else the frame of its video. */
export async function still(track: MediaStreamTrack, video: HTMLVideoElement): Promise<Blob> {
  const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d")?.drawImage(video, 0, 0); // of this moment, whatever the camera answers
  try {
    if ("ImageCapture" in window) return await Promise.race([photo(new ImageCapture(track)), late()]);
  } catch {
    // Some cameras refuse, and some never answer.
  }
  const found = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", 0.95));
  if (!found) throw new Fault("there is not enough memory for this picture", "close other pages");
  return found;
}

async function photo(camera: ImageCapture): Promise<Blob> {
  const { imageWidth, imageHeight } = await camera.getPhotoCapabilities();
  const [width, height] = [imageWidth?.max ?? 0, imageHeight?.max ?? 0];
  const share = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  const found = await camera.takePhoto(width && height ? { imageWidth: width * share, imageHeight: height * share } : {});
  if (!found.size) throw new Fault("the camera gave no photo", "close Live and open it again");
  return found;
}

const late = () => new Promise<never>((_, fail) => setTimeout(() => fail(new Fault("the camera did not answer", "close Live and open it again")), PATIENCE));

// The dialog.

interface Given {
  engine: Pick<Impasto, "frame" | "styles">;
  /** What is chosen in the studio. */
  style: () => Request["styles"];
  /** Given a photo at full size, when the dialog has closed. */
  onStill: (file: File) => void;
  /** Told why the dialog has closed, or why there is no film. */
  onFault: (text: string) => void;
}

export class Live {
  readonly element: HTMLDialogElement;
  readonly #given: Given;
  readonly #type = filmType();
  readonly #pump = new Pump(() => this.#paint());
  readonly #small = el("canvas"); // a frame on its way to the engine
  #pace = new Pace();
  #rate = new Rate();
  #run = 0; // goes up with each opening and closing: what was begun before is over
  #leaving = new AbortController();
  #camera: MediaStream | null = null;
  #first = true; // the next frame has nothing to do with those before it
  #recording: Recording | null = null;
  #saying: ReturnType<typeof setTimeout> | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #lock: WakeLockSentinel | null = null;
  #busy = false; // taking a photo, or turning to another camera
  #shown = 0; // when the rate was

  readonly #video = el("video", { muted: true, playsInline: true, autoplay: true, "aria-hidden": "true" });
  readonly #canvas = el("canvas", { role: "img" });
  readonly #stage = el("div", { class: "live-stage" });
  readonly #says = el("p", { class: "live-says", role: "status" });
  readonly #fps = el("span", { class: "live-rate", "aria-hidden": "true" });
  readonly #select = el("select", { "aria-label": words.style, on: { change: () => this.#chosen() } });
  readonly #turner = button(words.turn, () => void this.#turn(), { hidden: true });
  readonly #recorder = button(words.record, () => this.#record(), { title: words.recordHelp, hidden: !this.#type });
  readonly #seconds = el("span", { class: "live-seconds", role: "timer", hidden: true });
  readonly #shooter = button(words.photo, () => void this.#shoot(), { class: "primary", title: words.photoHelp });

  constructor(given: Given) {
    this.#given = given;
    this.#stage.append(this.#video, this.#canvas, this.#says);
    const closed = () => this.element.open || this.close(); // by Escape; it may have been opened again since
    const on = { close: closed, keydown: (event: KeyboardEvent) => this.#key(event) };
    this.element = el(
      "dialog",
      { class: "live", "aria-labelledby": "live-title", on },
      el("style", {}, css),
      el(
        "div",
        { class: "live-top" },
        el("h2", { id: "live-title" }, words.title),
        this.#fps,
        button("✕", () => this.close(), { class: "quiet", "aria-label": words.close, title: words.close }),
      ),
      this.#stage,
      el(
        "div",
        { class: "live-tools" },
        this.#select,
        this.#turner,
        el("div", { class: "live-film" }, this.#seconds, this.#recorder),
        this.#shooter,
      ),
    );
  }

  /** Show the dialog, and start the camera. What goes wrong is told, not thrown. */
  async open(): Promise<void> {
    if (this.element.open) return;
    const run = ++this.#run;
    this.#pace = new Pace();
    this.#rate = new Rate();
    this.#fill();
    this.#say(words.starting);
    setDisabled(this.#recorder, true); // until there is something painted
    this.element.showModal();
    this.#shooter.focus();
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    document.addEventListener("visibilitychange", () => this.#sight(), { signal });
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.#count(), { signal });
    void this.#stayAwake();
    await this.#use([{ facingMode: "environment" }]);
    if (run === this.#run) this.#watch(run);
  }

  /** All that is running ends; a film is saved. */
  close(): void {
    if (this.element.open) this.element.close();
    if (this.#leaving.signal.aborted) return;
    this.#leaving.abort();
    this.#run++;
    this.#recording?.stop();
    this.#letGo();
    this.#stage.removeAttribute("data-painted");
    this.#fps.textContent = "";
    void this.#lock?.release().catch(() => {});
    this.#lock = null;
    this.#setBusy(false);
  }

  #fail(text: string): void {
    this.close();
    this.#given.onFault(text);
  }

  #say(text: string, milliseconds = 0): void {
    clearTimeout(this.#saying);
    this.#says.textContent = text;
    if (milliseconds) this.#saying = setTimeout(() => this.#say(""), milliseconds);
  }

  #setBusy(busy: boolean): void {
    this.#busy = busy;
    for (const one of [this.#shooter, this.#turner]) setDisabled(one, busy);
  }

  // The camera.

  /** Take the first camera that can be had as one of these. */
  async #use(wishes: MediaTrackConstraints[]): Promise<void> {
    const run = this.#run;
    const devices = navigator.mediaDevices;
    if (!devices?.getUserMedia) return this.#fail(words.insecure);
    let camera: MediaStream | null = null;
    let fault: unknown;
    const [width, height] = "ImageCapture" in window ? FILMED : WHOLE; // without it, stills are the video's frames
    for (const wish of wishes) {
      try {
        camera = await devices.getUserMedia({ audio: false, video: { width: { ideal: width }, height: { ideal: height }, ...wish } });
      } catch (error) {
        fault ??= error;
      }
      if (camera || run !== this.#run) break;
    }
    if (run !== this.#run) return stop(camera); // closed meanwhile
    if (!camera) return this.#fail(cameraFault(fault));
    this.#camera = camera;
    this.#first = true;
    const track = this.#track as MediaStreamTrack;
    track.addEventListener("ended", () => this.#camera === camera && this.#fail(words.unplugged));
    this.#stage.toggleAttribute("data-mirrored", facesUser(track.getSettings().facingMode, track.label));
    this.#video.srcObject = camera;
    this.#video.play().catch(() => {}); // it was closed, or starts by itself
    await this.#count();
  }

  get #track(): MediaStreamTrack | undefined {
    return this.#camera?.getVideoTracks()[0];
  }

  async #cameras(): Promise<MediaDeviceInfo[]> {
    const found = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    return found.filter(({ kind }) => kind === "videoinput");
  }

  async #count(): Promise<void> {
    this.#turner.hidden = (await this.#cameras()).length < 2;
  }

  /** To the other side's camera, or else to the next one; back to the one before if there is none. */
  async #turn(): Promise<void> {
    const before = this.#track?.getSettings();
    if (this.#busy || !before) return;
    const run = this.#run;
    this.#setBusy(true);
    const cameras = await this.#cameras();
    if (run !== this.#run) return;
    const next = cameras[(cameras.findIndex(({ deviceId }) => deviceId === before.deviceId) + 1) % cameras.length];
    const facing = { user: "environment", environment: "user" }[before.facingMode ?? ""];
    const wishes: MediaTrackConstraints[] = facing ? [{ facingMode: { exact: facing } }] : [];
    for (const id of [next?.deviceId, before.deviceId]) if (id) wishes.push({ deviceId: { exact: id } });
    this.#letGo(); // phones open one camera at a time
    await this.#use(wishes);
    if (run === this.#run) this.#setBusy(false);
  }

  #letGo(): void {
    stop(this.#camera);
    this.#camera = null;
    this.#video.srcObject = null;
  }

  /** Out of sight the camera rests, and after a while it is let go. */
  #sight(): void {
    const { signal } = this.#leaving;
    if (!document.hidden) {
      this.#first = true;
      void this.#stayAwake();
      return;
    }
    const timer = setTimeout(() => this.#fail(words.hidden), HIDDEN);
    const forget = () => clearTimeout(timer);
    document.addEventListener("visibilitychange", forget, { once: true, signal });
    signal.addEventListener("abort", forget, { once: true });
  }

  async #stayAwake(): Promise<void> {
    const run = this.#run;
    const lock = await navigator.wakeLock?.request("screen").catch(() => null); // it is a courtesy
    if (lock && run !== this.#run) void lock.release().catch(() => {});
    else this.#lock = lock ?? null;
  }

  // Frames.

  /** Offer each frame of the camera. */
  #watch(run: number): void {
    const video = this.#video;
    const tells = "requestVideoFrameCallback" in HTMLVideoElement.prototype;
    const next = () => (tells ? video.requestVideoFrameCallback(step) : requestAnimationFrame(step));
    let time = -1;
    const step = () => {
      if (run !== this.#run) return;
      if (this.#camera && (tells || video.currentTime !== time)) this.#pump.offer();
      time = video.currentTime;
      next();
    };
    next();
  }

  async #paint(): Promise<void> {
    const [run, camera, first, began] = [this.#run, this.#camera, this.#first, performance.now()];
    if (!this.#ready) return;
    this.#first = false;
    let picture: ImageBitmap;
    try {
      picture = await this.#given.engine.frame(await this.#frame(), this.#styles(), first);
    } catch (error) {
      if (run === this.#run) this.#fail(textOf(error));
      return;
    }
    if (run === this.#run && camera === this.#camera) {
      const now = performance.now();
      this.#show(picture, now);
      if (!first) this.#pace.told(now - began, now);
    }
    picture.close();
  }

  get #ready(): boolean {
    return !!this.#camera && this.#video.readyState >= 2 && this.#video.videoWidth > 0;
  }

  /** The newest frame, at the size that is painted. */
  #frame(): Promise<ImageBitmap> {
    const [video, small] = [this.#video, this.#small];
    const [width, height] = sized(video.videoWidth, video.videoHeight, this.#pace.side);
    if (small.width !== width) small.width = width;
    if (small.height !== height) small.height = height;
    const to = small.getContext("2d");
    if (to) {
      to.imageSmoothingQuality = "medium"; // without, fine patterns flicker
      to.drawImage(video, 0, 0, width, height);
    }
    return createImageBitmap(small);
  }

  #show(picture: ImageBitmap, now: number): void {
    const canvas = this.#canvas;
    const [width, height] = sized(picture.width, picture.height, CANVAS);
    const to = canvas.getContext("2d");
    if (!this.#recording && (canvas.width !== width || canvas.height !== height)) [canvas.width, canvas.height] = [width, height];
    const place = placed(width, height, canvas); // a film keeps its shape when the device is turned
    if (place[0] || place[1]) to?.clearRect(0, 0, canvas.width, canvas.height);
    to?.drawImage(picture, ...place);
    if (!this.#stage.hasAttribute("data-painted")) {
      this.#stage.setAttribute("data-painted", "");
      this.#say("");
      setDisabled(this.#recorder, false);
    }
    this.#rate.told(now);
    if (now - this.#shown < 500 || !this.#rate.value) return;
    this.#shown = now;
    this.#fps.textContent = words.rate(this.#rate.value, Math.max(picture.width, picture.height));
  }

  // Styles.

  /** The named styles, with what is chosen in the studio first if that is something else. */
  #fill(): void {
    const { engine, style } = this.#given;
    const shares = style().filter(([, weight]) => weight > 0);
    const name = shares.length === 1 && engine.styles.some((card) => card.name === shares[0][0]) ? String(shares[0][0]) : "";
    const options = engine.styles.map((card) => el("option", { value: card.name }, `${card.title} · ${card.artist}`));
    fill(this.#select, !name && el("option", { value: "" }, words.chosen), ...options);
    this.#select.value = name;
    this.#chosen();
  }

  #chosen(): void {
    this.#first = true;
    this.#canvas.setAttribute("aria-label", words.painted(this.#select.selectedOptions[0]?.textContent ?? ""));
  }

  #styles(): Request["styles"] {
    return this.#select.value ? [[this.#select.value, 1]] : this.#given.style();
  }

  // Photos and films.

  #key(event: KeyboardEvent): void {
    const target = event.composedPath()[0] as HTMLElement;
    if (event.key !== " " || event.repeat || target.matches?.("button, select")) return;
    event.preventDefault();
    void this.#shoot();
  }

  async #shoot(): Promise<void> {
    const track = this.#track;
    if (this.#busy || !track || !this.#ready) return;
    const run = this.#run;
    this.#setBusy(true);
    this.#say(words.taking);
    try {
      const found = await still(track, this.#video);
      if (run !== this.#run) return;
      const file = new File([found], fileName("camera", found.type, new Date()), { type: found.type });
      this.close();
      this.#given.onStill(file);
    } catch (error) {
      if (run === this.#run) this.#fail(textOf(error));
    }
  }

  #record(): void {
    if (this.#recording) return this.#recording.stop();
    if (!this.#type || !this.#stage.hasAttribute("data-painted")) return;
    try {
      this.#recording = new Recording(this.#canvas, this.#type, (film) => this.#recorded(film));
    } catch (error) {
      return this.#given.onFault(words.noRecording((error as Error).message));
    }
    this.#recorder.textContent = words.stop;
    this.#say(words.recording, SAID);
    this.#seconds.hidden = false;
    this.#tick();
    this.#ticking = setInterval(() => this.#tick(), 1000);
  }

  #tick(): void {
    this.#seconds.textContent = words.seconds(this.#recording?.seconds ?? 0);
    this.#recording?.check();
  }

  /** A film has ended: it is saved, even if the dialog has closed. */
  #recorded(film: Blob): void {
    clearInterval(this.#ticking);
    this.#recording = null;
    this.#recorder.textContent = words.record;
    this.#seconds.hidden = true;
    if (!film.size) return this.#given.onFault(words.noFilm);
    download(film, fileName("live", film.type, new Date()));
    this.#say(words.saved, SAID);
  }
}

function stop(camera: MediaStream | null): void {
  for (const track of camera?.getTracks() ?? []) track.stop();
}

/** A button that cannot be used now; it keeps the focus. */
function setDisabled(one: HTMLElement, disabled: boolean): void {
  one.setAttribute("aria-disabled", String(disabled));
}

function textOf(error: unknown): string {
  const { message, hint } = error as { message?: string; hint?: string };
  return new Fault(message || String(error), hint).text;
}
