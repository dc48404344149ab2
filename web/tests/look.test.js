import { describe, expect, test } from "vitest";
import { FIRST, lookOfSettings, MOST_STYLES, readLook, withControls, withLayer, without, withStyle, withWeights } from "../../src/impasto/studio/look.js";
import { newLayer } from "../../src/impasto/studio/brush.js";
import { Undo } from "../../src/impasto/studio/undo.js";

const styles = (look) => look.styles.map((share) => share.style);

describe("styles of a look", () => {
  test("a click changes to a style, a blending click adds it and takes it out again", () => {
    const one = withStyle(FIRST, "udnie");
    expect(styles(one)).toEqual(["udnie"]);
    const two = withStyle(one, "great-wave", true);
    expect(styles(two)).toEqual(["udnie", "great-wave"]);
    expect(styles(withStyle(two, "udnie", true))).toEqual(["great-wave"]);
  });

  test("the last style of a blend stays, and the oldest makes room for a fifth", () => {
    expect(styles(withStyle(FIRST, "starry-night", true))).toEqual(["starry-night"]);
    const five = ["a", "b", "c", "d", "e"].reduce((look, name) => withStyle(look, name, true), FIRST);
    expect(styles(five)).toEqual(["b", "c", "d", "e"]);
    expect(five.styles).toHaveLength(MOST_STYLES);
  });

  test("weights that are all 0 change nothing", () => {
    const two = withStyle(FIRST, "udnie", true);
    expect(withWeights(two, [0, 0])).toBe(two);
    expect(withWeights(two, [30, 70]).styles.map((share) => share.weight)).toEqual([30, 70]);
  });

  test("styles that are gone leave the look, and layers fall back to the ground", () => {
    const look = { ...withStyle(FIRST, "own:x", true), layers: [newLayer({ style: "own:x" }), newLayer({ style: "none" })] };
    const left = without(look, (style) => !style.startsWith("own:"));
    expect(styles(left)).toEqual(["starry-night"]);
    expect(left.layers.map((layer) => layer.style)).toEqual(["", "none"]);
  });
});

describe("looks from outside", () => {
  test("what makes no sense is as at the beginning", () => {
    const look = readLook({ styles: [{ style: 3 }, { style: "udnie", weight: -1 }], controls: { strength: 400, keep_color: "coral", brush_size: "2", evil: 1 }, layers: [null, { found: "sky", strength: 50 }] });
    expect(look.styles).toEqual(FIRST.styles);
    expect(look.controls).toEqual({ ...FIRST.controls, keep_color: "coral" });
    expect(look.layers).toMatchObject([{ found: "", strength: 50, style: "none" }]);
    expect(readLook(null)).toEqual({ ...FIRST });
  });

  test("a saved picture's settings are a look", () => {
    const look = lookOfSettings({ style: ["udnie", "great-wave"], weight: [0.25, 0.75], strength: 70, tone: "match" });
    expect(look.styles).toEqual([{ style: "udnie", weight: 0.25 }, { style: "great-wave", weight: 0.75 }]);
    expect(look.controls).toMatchObject({ strength: 70, tone: "match", detail: 60 });
    expect(styles(lookOfSettings({ style: "udnie" }))).toEqual(["udnie"]);
  });
});

test("a layer is changed alone, and taken away by null", () => {
  const [one, two] = [newLayer({}), newLayer({ style: "udnie" })];
  const look = { ...withControls(FIRST, { strength: 10 }), layers: [one, two] };
  expect(withLayer(look, two.id, { strength: 5 }).layers).toEqual([one, { ...two, strength: 5 }]);
  expect(withLayer(look, one.id, null).layers).toEqual([two]);
});

test("undo goes back and forth; a new state ends what was undone", () => {
  const undo = new Undo(1);
  undo.add(2);
  undo.add(3);
  expect([undo.undo(), undo.undo(), undo.undo()]).toEqual([2, 1, null]);
  expect(undo.redo()).toBe(2);
  undo.add(9);
  expect(undo.redo()).toBeNull();
  expect(undo.undo()).toBe(2);
});
