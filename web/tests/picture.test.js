import { describe, expect, test } from "vitest";
import { placeOf, sharesAt } from "../../src/impasto/studio/blend.js";
import { keepLuminance, matchTone } from "../../src/impasto/studio/colors.js";
import { Geometry } from "../../src/impasto/studio/geometry.js";
import { nameFor } from "../../src/impasto/studio/fields.js";
import { kindOf } from "../../src/impasto/studio/strip.js";

const pixels = (...colors) => new Uint8ClampedArray(colors.flatMap((color) => [...color, 255]));
const luma = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b;

describe("colors", () => {
  test("the result's luminance gets the photo's colors, paler where they do not fit", () => {
    const result = pixels([100, 100, 100], [250, 250, 250]);
    const photo = pixels([200, 50, 50], [255, 0, 0]);
    keepLuminance(result, photo);
    const [one, two] = [result.slice(0, 3), result.slice(4, 7)];
    expect(luma(one)).toBeCloseTo(100, 0);
    expect(one[0] - one[1]).toBeCloseTo(150, -1);
    expect(luma(two)).toBeCloseTo(250, 0);
    expect(two[0]).toBe(255); // as red as fits
    expect(two[1]).toBe(two[2]);
  });

  test("brightness and contrast become the photo's", () => {
    const noise = (from, to) => pixels(...Array.from({ length: 400 }, (_, i) => Array(3).fill(from + ((i * 37) % 100) / 100 * (to - from))));
    const [result, photo] = [noise(10, 60), noise(80, 200)];
    matchTone(result, photo);
    const mean = (data) => data.filter((_, i) => i % 4 < 3).reduce((sum, value) => sum + value, 0) / 1200;
    const top = (data) => Math.max(...data.filter((_, i) => i % 4 < 3));
    expect(mean(result)).toBeCloseTo(mean(photo), -0.5);
    expect(Math.abs(top(result) - top(photo))).toBeLessThan(5);
  });
});

describe("zoom and pan", () => {
  const make = () => Object.assign(new Geometry(), { view: { width: 824, height: 624 }, full: { width: 4000, height: 3000 } });

  test("at first the whole picture is seen, in the middle", () => {
    const { frame, seen } = make();
    expect(frame).toMatchObject({ x: 12, y: 12, width: 800, height: 600 });
    expect(seen).toEqual([0, 0, 4000, 3000]);
  });

  test("what is under the pointer stays there", () => {
    const geometry = make();
    const before = geometry.at(600, 200);
    geometry.zoomTo(3, 600, 200);
    const now = geometry.at(600, 200);
    expect(now.x).toBeCloseTo(before.x);
    expect(now.y).toBeCloseTo(before.y);
  });

  test("one to one is a pixel of the screen for each of the picture", () => {
    const geometry = Object.assign(make(), { dots: 2 });
    geometry.zoomTo(geometry.oneToOne);
    expect(geometry.scale).toBeCloseTo(0.5);
    expect(geometry.seen[2]).toBeCloseTo(1648, -1);
  });

  test("the picture cannot be lost by panning", () => {
    const geometry = make();
    geometry.zoomTo(4);
    geometry.pan(99_999, -99_999);
    expect(geometry.seen[0]).toBe(0);
    expect(geometry.seen[1] + geometry.seen[3]).toBe(3000);
  });
});

describe("blends", () => {
  for (const shares of [[0.3, 0.7], [0.2, 0.3, 0.5], [0.25, 0.25, 0.25, 0.25]])
    test(`a place has its shares, and shares their place: ${shares.length}`, () => {
      const found = sharesAt(shares.length, placeOf(shares));
      shares.forEach((share, index) => expect(found[index]).toBeCloseTo(share));
    });

  test("outside of the triangle no share is below 0", () => {
    const shares = sharesAt(3, [1, 0]);
    expect(Math.min(...shares)).toBe(0);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
  });
});

test("a style's name is made of its title", () => {
  expect(nameFor("Möwe, bei Nacht!", [])).toBe("mowe-bei-nacht");
  expect(nameFor("Udnie", ["udnie", "udnie-2"])).toBe("udnie-3");
  expect(nameFor("葛飾", [])).toBe("painting");
  expect(nameFor("None", [])).toBe("none-2");
});

test("kinds are told by what the gallery says", () => {
  expect(["ukiyo-e woodblock print", "pen and ink", "cubist oil, cylinders", "impressionist oil, haze"].map(kindOf)).toEqual(["prints", "drawings", "modern", "paintings"]);
});
