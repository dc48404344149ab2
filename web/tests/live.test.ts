import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cameraFault, facesUser, fileName, filmType, Live, Pace, placed, Pump, Rate, sized, still } from "../src/live.js";

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

describe("Pace", () => {
  /** Paint so many frames; `cost` is in milliseconds for a side of 256. */
  const paint = (pace: Pace, cost: number, frames: number, now = 0): number[] => {
    const sides = [pace.side];
    for (let frame = 0; frame < frames; frame++) {
      const time = cost * (pace.side / 256) ** 2;
      pace.told(time, (now += time));
      if (pace.side !== sides.at(-1)) sides.push(pace.side);
    }
    return sides;
  };

  test("frames get smaller where the engine is slow, and stay there", () => {
    expect(paint(new Pace(), 1000, 60)).toEqual([256, 192, 160]);
  });

  test("frames get larger where it is fast", () => {
    expect(paint(new Pace(), 10, 300)).toEqual([256, 320, 384, 512]);
  });

  test("a size that is fast enough stays", () => {
    for (const cost of [84, 100, 124]) expect(paint(new Pace(), cost, 500)).toEqual([256]);
  });

  test("each speed comes to 8 to 16 frames a second, where there is such a size", () => {
    for (let cost = 30; cost < 300; cost += 3) {
      const pace = new Pace();
      paint(pace, cost, 500);
      const rate = 1000 / (cost * (pace.side / 256) ** 2);
      expect(rate).toBeGreaterThanOrEqual(8);
      if (pace.side < 512) expect(rate).toBeLessThanOrEqual(16.1);
    }
  });

  test("a size that was too slow is not tried again for half a minute", () => {
    const pace = new Pace();
    const feed = (time: number, now: number) => {
      for (let frame = 0; frame < 30; frame++) pace.told(time, now);
    };
    feed(200, 0);
    expect(pace.side).toBe(160);
    feed(50, 1000);
    expect(pace.side).toBe(160); // 192 was too slow as well
    feed(50, 40_000);
    expect(pace.side).toBeGreaterThan(160);
  });

  test("the first frame of a size, and a single slow one, do not count", () => {
    const pace = new Pace();
    pace.told(5000, 0);
    for (const time of [100, 100, 3000, 100, 100]) pace.told(time, 0);
    expect(pace.side).toBe(256);
  });
});

describe("Rate", () => {
  test("frames a second, smoothed", () => {
    const rate = new Rate();
    expect(rate.value).toBe(0);
    for (let now = 1000; now < 4000; now += 100) rate.told(now);
    expect(rate.value).toBeCloseTo(10, 5);
    rate.told(4200);
    expect(rate.value).toBeGreaterThan(7);
  });
});

describe("Pump", () => {
  test("one frame at a time; those that come meanwhile are dropped but for the newest", async () => {
    let [flying, most, calls, newest] = [0, 0, 0, 0];
    const seen: number[] = [];
    let land = () => {};
    const pump = new Pump(async () => {
      calls++;
      seen.push(newest);
      most = Math.max(most, ++flying);
      await new Promise<void>((done) => (land = done));
      flying--;
    });
    for (newest = 1; newest <= 9; newest++) pump.offer();
    newest = 9;
    expect(calls).toBe(1);
    land();
    await settle();
    expect([calls, most]).toEqual([2, 1]);
    expect(seen).toEqual([1, 9]);
    land();
    await settle();
    expect(calls).toBe(2); // nothing has come since
    pump.offer();
    expect(calls).toBe(3);
  });
});

describe("small things", () => {
  test("sizes are even and keep the shape", () => {
    expect(sized(1920, 1080, 256)).toEqual([256, 144]);
    expect(sized(480, 640, 160)).toEqual([120, 160]);
    expect(sized(1000, 3, 160)).toEqual([160, 2]);
  });

  test("a picture of another shape lies in the middle", () => {
    expect(placed(512, 288, { width: 512, height: 288 })).toEqual([0, 0, 512, 288]);
    expect(placed(288, 512, { width: 512, height: 288 })).toEqual([175, 0, 162, 288]);
  });

  test("names of files", () => {
    const when = new Date(2026, 10, 29, 14, 5, 10);
    expect(fileName("camera", "image/jpeg", when)).toBe("camera-2026-11-29-14-05-10.jpg");
    expect(fileName("camera", "image/png", when)).toBe("camera-2026-11-29-14-05-10.png");
    expect(fileName("live", "video/webm;codecs=vp9", when)).toBe("live-2026-11-29-14-05-10.webm");
    expect(fileName("live", "video/mp4", when)).toBe("live-2026-11-29-14-05-10.mp4");
  });

  test("which cameras are mirrored", () => {
    expect(facesUser("user", "")).toBe(true);
    expect(facesUser("environment", "Integrated Camera")).toBe(false);
    expect(facesUser(undefined, "FaceTime HD Camera")).toBe(true);
    expect(facesUser(undefined, "Microscope")).toBe(false);
  });

  test.each([
    ["NotFoundError", /no camera/i],
    ["OverconstrainedError", /no camera/i],
    ["NotAllowedError", /not allowed/],
    ["NotReadableError", /in use/],
    ["TypeError", /cannot be used: why/],
  ])("%s is said in one line", (name, text) => {
    expect(cameraFault(new DOMException("why", name))).toMatch(text);
  });
});

// A browser's media, as far as the dialog uses them.

class Track extends EventTarget {
  kind = "video";
  stopped = false;
  constructor(
    readonly facing: string | undefined = "environment",
    readonly label = "camera",
  ) {
    super();
  }
  getSettings = () => ({ facingMode: this.facing, deviceId: this.label });
  stop() {
    this.stopped = true;
  }
}

class Stream {
  constructor(readonly track = new Track()) {}
  getTracks = () => [this.track];
  getVideoTracks = () => [this.track];
}

class Recorder extends EventTarget {
  static isTypeSupported = (type: string) => Recorder.types.includes(type);
  static types = ["video/webm;codecs=vp8", "video/webm", "video/mp4"];
  static all: Recorder[] = [];
  state = "inactive";
  constructor(
    readonly stream: Stream,
    readonly options: { mimeType: string },
  ) {
    super();
    Recorder.all.push(this);
  }
  get mimeType() {
    return this.options.mimeType;
  }
  start() {
    this.state = "recording";
  }
  give(size: number) {
    const data = size < 1e6 ? new Blob([new Uint8Array(size)]) : { size };
    this.dispatchEvent(Object.assign(new Event("dataavailable"), { data }));
  }
  stop() {
    this.state = "inactive";
    queueMicrotask(() => {
      this.give(1000);
      this.dispatchEvent(new Event("stop"));
    });
  }
}

const styles = ["starry-night", "udnie"].map((name) => ({ name, title: name, artist: "somebody" })) as never;
const opened: Live[] = [];
let camera: Stream;
let getUserMedia: ReturnType<typeof vi.fn>;
let cameras: { kind: string; deviceId: string }[];
let step: (() => void) | null;
let downloads: string[];

/** What each browser has, or what a test gives instead. */
function put(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true });
}

function bitmap(width: number, height: number) {
  return { width, height, close: vi.fn() } as unknown as ImageBitmap;
}

function live(change: Partial<ConstructorParameters<typeof Live>[0]> = {}) {
  const given = {
    engine: { styles, frame: vi.fn(async (frame: ImageBitmap) => frame) },
    style: () => [["udnie", 1]] as const,
    onStill: vi.fn(),
    onFault: vi.fn(),
    ...change,
  };
  const one = new Live(given);
  opened.push(one);
  document.body.append(one.element);
  const named = (text: string) => [...one.element.querySelectorAll("button")].find((button) => button.textContent === text)!;
  return { one, named, ...given };
}

/** The camera gives a frame. */
const frame = async () => {
  const next = step;
  step = null;
  next?.();
  await settle();
};

beforeEach(() => {
  camera = new Stream();
  cameras = [{ kind: "videoinput", deviceId: "camera" }];
  getUserMedia = vi.fn(async () => camera);
  step = null;
  downloads = [];
  Recorder.all = [];
  put(navigator, "mediaDevices", { getUserMedia, enumerateDevices: async () => cameras, addEventListener() {} });
  put(navigator, "wakeLock", { request: vi.fn(async () => ({ release: vi.fn(async () => {}) })) });
  const video = HTMLVideoElement.prototype;
  const filled = { srcObject: null, videoWidth: 1920, videoHeight: 1080, readyState: 4 };
  for (const [name, value] of Object.entries(filled)) put(video, name, value);
  put(video, "play", async () => {});
  put(video, "requestVideoFrameCallback", (next: () => void) => (step = next));
  const canvas = HTMLCanvasElement.prototype;
  put(canvas, "getContext", () => ({ drawImage() {}, clearRect() {} }));
  put(canvas, "captureStream", () => new Stream());
  put(canvas, "toBlob", (done: (blob: Blob) => void, type: string) => done(new Blob(["jpeg"], { type })));
  put(globalThis, "createImageBitmap", async ({ width, height }: HTMLCanvasElement) => bitmap(width, height));
  put(globalThis, "MediaRecorder", Recorder);
  put(URL, "createObjectURL", () => "blob:film");
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    downloads.push(this.download);
  });
});

afterEach(() => {
  for (const one of opened.splice(0)) one.close();
  document.body.replaceChildren();
  put(document, "hidden", false);
  delete (globalThis as { ImageCapture?: unknown }).ImageCapture;
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the dialog", () => {
  test("paints with the chosen style, first without those before it", async () => {
    const { one, engine } = live();
    await one.open();
    expect(one.element.open).toBe(true);
    expect(getUserMedia.mock.calls[0][0]).toMatchObject({ audio: false, video: { facingMode: "environment" } });
    await frame();
    await frame();
    const [[sent, shares, first], [, , second]] = engine.frame.mock.calls as unknown as [ImageBitmap, unknown, boolean][];
    expect([sent.width, sent.height, first, second]).toEqual([256, 144, true, false]);
    expect(shares).toEqual([["udnie", 1]]);
    const select = one.element.querySelector("select")!;
    expect(select.options).toHaveLength(2);
    select.value = "starry-night";
    select.dispatchEvent(new Event("change"));
    await frame();
    expect(engine.frame.mock.calls[2].slice(1)).toEqual([[["starry-night", 1]], true]);
  });

  test("a blend of the studio's stays as it is", async () => {
    const blend = [["udnie", 0.5], [7, 0.5]] as const;
    const { one, engine } = live({ style: () => blend });
    await one.open();
    await frame();
    expect(one.element.querySelectorAll("option")).toHaveLength(3);
    expect((engine.frame as ReturnType<typeof vi.fn>).mock.calls[0][1]).toEqual(blend);
  });

  test("a slow engine has one frame at a time, and the rest are dropped", async () => {
    let [flying, most] = [0, 0];
    let land = () => {};
    const frames = vi.fn(async (given: ImageBitmap) => {
      most = Math.max(most, ++flying);
      await new Promise<void>((done) => (land = done));
      flying--;
      return given;
    });
    const { one } = live({ engine: { styles, frame: frames } });
    await one.open();
    for (let count = 0; count < 30; count++) {
      await frame();
      if (count % 10 === 9) land();
      await settle();
    }
    expect(most).toBe(1);
    expect(frames.mock.calls.length).toBe(4);
  });

  test.each([[400, 160], [10, 512]])("an engine that takes %i ms gets frames of %i px", async (time, side) => {
    vi.useFakeTimers();
    const { one, engine } = live({
      engine: { styles, frame: vi.fn(async (given: ImageBitmap) => (vi.advanceTimersByTime(time), given)) },
    });
    await one.open();
    for (let count = 0; count < 420; count++) await frame();
    const [last] = (engine.frame as ReturnType<typeof vi.fn>).mock.lastCall as [ImageBitmap];
    expect(last.width).toBe(side);
    expect(one.element.querySelector(".live-rate")?.textContent).toMatch(new RegExp(`fps · ${side} px$`));
  });

  test("where videos do not tell of their frames, the screen's are taken", async () => {
    delete (HTMLVideoElement.prototype as Partial<HTMLVideoElement>).requestVideoFrameCallback;
    let [screen, time] = [() => {}, 0];
    put(globalThis, "requestAnimationFrame", (next: () => void) => (screen = next));
    const { one, engine } = live();
    await one.open();
    for (const now of [1, 1, 1, 2]) {
      put(HTMLMediaElement.prototype, "currentTime", (time = now));
      screen();
      await settle();
    }
    expect([engine.frame.mock.calls.length, time]).toEqual([2, 2]);
  });

  test("the front camera is mirrored", async () => {
    camera = new Stream(new Track("user"));
    const { one } = live();
    await one.open();
    expect(one.element.querySelector(".live-stage")?.hasAttribute("data-mirrored")).toBe(true);
  });

  test("turns to the other camera, where there are two", async () => {
    const { one, named } = live();
    cameras.push({ kind: "videoinput", deviceId: "other" });
    await one.open();
    expect(named("Turn camera").hidden).toBe(false);
    const before = camera;
    camera = new Stream(new Track("user", "other"));
    named("Turn camera").click();
    await settle();
    expect(before.track.stopped).toBe(true);
    expect(getUserMedia.mock.lastCall?.[0].video.facingMode).toEqual({ exact: "user" });
    expect(camera.track.stopped).toBe(false);
  });

  test("closing lets the camera and the wake lock go", async () => {
    const { one } = live();
    await one.open();
    const lock = await vi.mocked(navigator.wakeLock.request).mock.results[0].value;
    one.close();
    expect(camera.track.stopped).toBe(true);
    expect(lock.release).toHaveBeenCalled();
    expect(one.element.open).toBe(false);
  });

  test("Escape, by which the browser closes the dialog, does so too", async () => {
    const { one } = live();
    await one.open();
    one.element.close();
    await settle();
    expect(camera.track.stopped).toBe(true);
  });

  test("a camera that comes when the dialog has closed is let go", async () => {
    let come = (_: Stream) => {};
    getUserMedia.mockImplementation(() => new Promise((done) => (come = done)));
    const { one, onFault } = live();
    const opening = one.open();
    one.close();
    come(camera);
    await opening;
    expect(camera.track.stopped).toBe(true);
    expect(onFault).not.toHaveBeenCalled();
  });

  test("out of sight for long, the camera is let go", async () => {
    vi.useFakeTimers();
    const { one, onFault } = live();
    await one.open();
    const hide = (hidden: boolean) => {
      put(document, "hidden", hidden);
      document.dispatchEvent(new Event("visibilitychange"));
    };
    hide(true);
    vi.advanceTimersByTime(20_000);
    hide(false);
    vi.advanceTimersByTime(60_000);
    expect(camera.track.stopped).toBe(false);
    hide(true);
    vi.advanceTimersByTime(31_000);
    expect(camera.track.stopped).toBe(true);
    expect(onFault).toHaveBeenCalledTimes(1);
  });
});

describe("faults close the dialog with one line", () => {
  const check = ({ one, onFault }: ReturnType<typeof live>, text: RegExp) => {
    expect(one.element.open).toBe(false);
    expect(onFault).toHaveBeenCalledTimes(1);
    expect(onFault).toHaveBeenCalledWith(expect.stringMatching(text));
  };

  test("no secure address", async () => {
    put(navigator, "mediaDevices", undefined);
    const all = live();
    await all.one.open();
    check(all, /HTTPS or localhost/);
  });

  test("not allowed", async () => {
    getUserMedia.mockRejectedValue(new DOMException("no", "NotAllowedError"));
    const all = live();
    await all.one.open();
    check(all, /not allowed/);
  });

  test("unplugged", async () => {
    const all = live();
    await all.one.open();
    camera.track.dispatchEvent(new Event("ended"));
    camera.track.dispatchEvent(new Event("ended"));
    check(all, /unplugged/);
  });

  test("the engine", async () => {
    const fault = Object.assign(new Error("there is not enough memory"), { hint: "close other pages" });
    const all = live({ engine: { styles, frame: vi.fn().mockRejectedValue(fault) } });
    await all.one.open();
    await frame();
    await frame();
    check(all, /^There is not enough memory\. Close other pages\.$/);
    expect(camera.track.stopped).toBe(true);
  });
});

describe("photos", () => {
  const video = () => document.createElement("video");

  test("the camera's best still, of a size that is painted everywhere", async () => {
    const takePhoto = vi.fn(async () => new Blob(["best"], { type: "image/jpeg" }));
    const sizes = { imageWidth: { max: 8000 }, imageHeight: { max: 6000 } };
    put(globalThis, "ImageCapture", class { takePhoto = takePhoto; getPhotoCapabilities = async () => sizes; });
    expect(await (await still({} as MediaStreamTrack, video())).text()).toBe("best");
    const [[{ imageWidth, imageHeight }]] = takePhoto.mock.calls as unknown as [{ imageWidth: number; imageHeight: number }][];
    expect(imageWidth * imageHeight).toBeCloseTo(16e6);
  });

  test.each([
    ["refuses", () => Promise.reject(new Error())],
    ["never answers", () => new Promise<Blob>(() => {})],
  ])("the video's frame, where the camera %s", async (_, takePhoto) => {
    vi.useFakeTimers();
    put(globalThis, "ImageCapture", class { takePhoto = takePhoto; getPhotoCapabilities = async () => ({}); });
    const found = still({} as MediaStreamTrack, video());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await (await found).text()).toBe("jpeg");
  });

  test("a photo closes the dialog, by its button or by Space", async () => {
    for (const take of ["button", "key"]) {
      camera = new Stream();
      const { one, named, onStill } = live();
      await one.open();
      if (take === "button") named("Take photo").click();
      else one.element.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
      await settle();
      const [[file]] = onStill.mock.calls as [File][];
      expect(file.name).toMatch(/^camera-\d{4}(-\d\d){5}\.jpg$/);
      expect(file.type).toBe("image/jpeg");
      expect([one.element.open, camera.track.stopped]).toEqual([false, true]);
    }
  });
});

describe("films", () => {
  test("the first kind that the browser records", () => {
    expect(filmType()).toBe("video/webm;codecs=vp8");
    Recorder.types = ["video/mp4"];
    expect(filmType()).toBe("video/mp4");
    Recorder.types = ["video/webm;codecs=vp8"];
  });

  test("no button where there is none", () => {
    put(globalThis, "MediaRecorder", undefined);
    expect(live().named("Record").hidden).toBe(true);
  });

  const recording = async () => {
    const all = live();
    await all.one.open();
    await frame();
    all.named("Record").click();
    const [recorder] = Recorder.all;
    return { ...all, recorder };
  };

  test("saved on stop", async () => {
    const { one, named, recorder } = await recording();
    expect(recorder.state).toBe("recording");
    named("Stop").click();
    await settle();
    expect(downloads).toEqual([expect.stringMatching(/^live-.*\.webm$/)]);
    expect(recorder.stream.track.stopped).toBe(true);
    expect(one.element.open).toBe(true);
    expect(named("Record")).toBeTruthy();
  });

  test("saved when the dialog is closed in the middle, and when the camera is unplugged", async () => {
    for (const end of ["close", "unplug"]) {
      Recorder.all = [];
      camera = new Stream();
      const { one } = await recording();
      if (end === "close") one.close();
      else camera.track.dispatchEvent(new Event("ended"));
      await settle();
    }
    expect(downloads).toHaveLength(2);
  });

  test("ends by itself when it is large, or long", async () => {
    const { recorder, one } = await recording();
    recorder.give(499e6);
    expect(recorder.state).toBe("recording");
    recorder.dispatchEvent(Object.assign(new Event("dataavailable"), { data: { size: 2e6 } }));
    expect(recorder.state).toBe("inactive");
    one.close();
    vi.useFakeTimers();
    Recorder.all = [];
    const { recorder: second } = await recording();
    vi.advanceTimersByTime(599_000);
    expect(second.state).toBe("recording");
    vi.advanceTimersByTime(2000);
    expect(second.state).toBe("inactive");
  });

  test("nothing recorded is said", async () => {
    const { recorder, named, onFault } = await recording();
    recorder.give = () => {};
    named("Stop").click();
    await settle();
    expect(downloads).toEqual([]);
    expect(onFault).toHaveBeenCalledWith(expect.stringMatching(/Nothing was recorded/));
  });
});
