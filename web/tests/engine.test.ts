import { afterEach, expect, test, vi } from "vitest";

import { controlsOf, paintedSize, type ControlCard } from "../../packages/web/src/controls.js";
import { isOutOfMemory } from "../../packages/web/src/faults.js";
import { montage, tiles, tileSide } from "../../packages/web/src/tiles.js";
import { noiseAt } from "../../packages/web/src/noise.js";
import { Recent } from "../../packages/web/src/recent.js";
import { averaged, fit, parts, resize, round, type Pixels } from "../../packages/web/src/pixels.js";
import { checkBrowser, buildFor } from "../../packages/web/src/runtime.js";
import { halfToFloat, mixed } from "../../packages/web/src/styles.js";
import { requestOf } from "../src/exports.js";
import { fieldsOf } from "../../src/impasto/studio/fields.js";
import config from "../../packages/web/models/config.json";

const CARDS = config.controls as unknown as ControlCard[];

afterEach(() => void vi.unstubAllGlobals());

function ramp(width: number, height: number): Pixels {
  const data = Float32Array.from({ length: 3 * width * height }, (_, i) => (Math.floor(i / 3) % width) / width);
  return { data, width, height, channels: 3 };
}

test("a browser without WebAssembly, or without its SIMD, is told so", () => {
  expect(() => checkBrowser()).not.toThrow();
  vi.stubGlobal("WebAssembly", { validate: () => false });
  expect(() => checkBrowser()).toThrowError(expect.objectContaining({ code: "no-simd" }));
  vi.stubGlobal("WebAssembly", undefined);
  expect(() => checkBrowser()).toThrowError(expect.objectContaining({ code: "no-wasm" }));
});

test("WebGPU takes the build that the browser's WebAssembly can run", () => {
  vi.stubGlobal("WebAssembly", { Suspending: class {} });
  expect(buildFor("webgpu")).toBe("jspi");
  vi.stubGlobal("WebAssembly", {});
  expect(buildFor("webgpu")).toBe("asyncify");
  expect(buildFor("wasm")).toBe("wasm");
});

test("controls have the library's defaults and ranges", () => {
  expect(controlsOf({}, CARDS)).toEqual({ strength: 100, keep_color: "none", tone: "none", brush_size: 1, boldness: 0, detail: 60 });
  expect(controlsOf({ brush_size: 0.25, strength: undefined }, CARDS).brush_size).toBe(0.25);
  for (const wrong of [{ brush_size: 0.2 }, { strength: NaN }, { tone: "loud" }, { seed: 1 }])
    expect(() => controlsOf(wrong as object, CARDS)).toThrowError(expect.objectContaining({ code: "bad-control" }));
});

test("sizes are rounded as the library rounds them", () => {
  expect([0.5, 1.5, 2.5, 2.4].map(round)).toEqual([0, 2, 2, 2]);
  expect(paintedSize(4000, 3000, 1)).toEqual([640, 480]);
  expect(paintedSize(400, 300, 1)).toEqual([400, 300]);
  expect(paintedSize(8000, 1000, 1)).toEqual([1280, 160]);
  expect(fit(4000, 3000, 1)).toEqual([1, 1]);
});

test("what was used last is kept, within a limit", () => {
  const kept = new Recent<string, number>(10, (value) => value);
  for (const value of [3, 4, 11, 3.5]) kept.set(`of ${value}`, value); // 11 is too much by itself
  expect(["of 3", "of 4", "of 11", "of 3.5"].map((key) => kept.get(key))).toEqual([undefined, 4, undefined, 3.5]);
  kept.get("of 4");
  kept.set("of 3.5", 3.5);
  kept.get("of 4");
  kept.set("more", 5);
  expect([kept.get("of 4"), kept.get("of 3.5"), kept.get("more")]).toEqual([4, undefined, 5]);
  kept.clear();
  kept.set("all", 10);
  expect(kept.get("all")).toBe(10);
});

test("noise is the library's, at the same place of a photo whatever the part", () => {
  const whole = noiseAt(8, [0, 0], 64, 32, 32);
  const part = noiseAt(8, [16, 8], 16, 8, 32);
  expect(part[0]).toBe(whole[1 * 16 + 2]);
  expect(whole[0]).toBeCloseTo(1.343435287475586, 6); // `impasto.engines.painter.noise_at`
});

test("parts and tiles cover everything once", () => {
  expect(parts(10, 4, 2)).toEqual([[0, 4], [4, 6], [6, 10]]);
  const seen = new Uint8Array(700 * 500);
  for (const { inner } of tiles(700, 500, 256, 4, 64))
    for (let y = inner.top; y < inner.bottom; y++) for (let x = inner.left; x < inner.right; x++) seen[y * 700 + x]++;
  expect(seen.every((count) => count === 1)).toBe(true);
  expect(tileSide(1000, 1e9, 170, 64)).toBeNull();
  expect(tileSide(9e6, 25e6, 170, 64)).toBe(256);
  expect(montage(ramp(600, 300), 200_000).width).toBe(384);
});

test("resampling keeps what is plain, and the mean of what is not", () => {
  const plain: Pixels = { data: new Float32Array(3 * 50 * 40).fill(0.25), width: 50, height: 40, channels: 3 };
  expect(Math.max(...resize(plain, 17, 90).data.map((value) => Math.abs(value - 0.25)))).toBeLessThan(1e-6);
  const sum = (picture: Pixels) => picture.data.reduce((total, value) => total + value, 0) / picture.data.length;
  expect(sum(averaged(ramp(51, 33), 20, 7))).toBeCloseTo(sum(ramp(51, 33)), 5);
});

test("half precision is read as it is written", () => {
  expect([0x3c00, 0xc000, 0x3555, 0x0001, 0x7c00].map(halfToFloat)).toEqual([1, -2, 0.333251953125, 2 ** -24, Infinity]);
});

test("vectors are mixed with and without changes", () => {
  const one = { embedding: Float32Array.of(1, 2), changes: Float32Array.of(4) };
  const other = { embedding: Float32Array.of(3, 0), changes: null };
  expect(mixed([[one, 0.25], [other, 0.75]])).toEqual({ embedding: Float32Array.of(2.5, 0.5), changes: Float32Array.of(1) });
});

test("browsers' words for missing memory are known", () => {
  for (const text of ["RangeError: Array buffer allocation failed", "RuntimeError: Aborted(): Cannot enlarge memory arrays", "std::bad_alloc"])
    expect(isOutOfMemory(new Error(text))).toBe(true);
  expect(isOutOfMemory(new Error("Failed to fetch"))).toBe(false);
});

test("an export's fields are the request that they were made of", () => {
  const request = {
    styles: [["udnie", 0.3], ["upload:7", 0.7]] as const,
    controls: { strength: 80, keep_color: "coral" as const, tone: "none" as const, brush_size: 2, detail: 5, size: 900 },
    regions: [{ mask: "upload:9", style: "", strength: 40, brush_size: null }, { mask: "upload:8", style: "none", strength: null, brush_size: 3 }],
  };
  const found = requestOf(fieldsOf(request as never));
  expect(found.styles).toEqual(request.styles);
  expect(found.controls).toEqual(request.controls);
  expect(found.regions.map(({ mask, style, strength }) => [mask, style, strength])).toEqual([["upload:9", "", 40], ["upload:8", "none", 100]]);
});
