import { describe, expect, test } from "vitest";
import { newLayer } from "../../src/impasto/studio/brush.js";
import { Fault } from "../../src/impasto/studio/engine.js";
import { commandOf, fieldsOf } from "../../src/impasto/studio/fields.js";
import { FIRST, withControls, withStyle } from "../../src/impasto/studio/look.js";

const command = (look, more = {}) => commandOf({ photo: "a b.jpg", target: "a b-painted.png", look, nameOf: (style) => style, ...more });

describe("the service's fields", () => {
  test("one style has no weight, several have one each", () => {
    expect(fieldsOf({ styles: [["udnie", 3]], controls: {}, regions: [] })).toEqual([["style", "udnie"]]);
    expect(fieldsOf({ styles: [["udnie", 1], ["upload:x", 2]], controls: {}, regions: [] })).toEqual([["style", "udnie"], ["weight", "1"], ["style", "upload:x"], ["weight", "2"]]);
  });

  test("a size that is not given is left out", () => {
    expect(fieldsOf({ styles: [], controls: { strength: 50, size: null }, regions: [] })).toEqual([["strength", "50"]]);
  });

  test("what one region says of its strength, all say: those without have all", () => {
    const regions = [{ mask: "person", style: "none", strength: null, brush_size: null }, { mask: "faces", style: "", strength: 30, brush_size: null }];
    expect(fieldsOf({ styles: [], controls: { strength: 80 }, regions }).filter(([name]) => name.startsWith("region"))).toEqual([
      ["region_style", "none"], ["region_strength", "100"], ["region_style", ""], ["region_strength", "30"],
    ]);
  });
});

describe("the same as a command", () => {
  test("only what differs from the defaults is typed, and odd names are quoted", () => {
    expect(command(withControls(FIRST, { strength: 70, keep_color: "luminance" }))).toBe("impasto stylize 'a b.jpg' --style starry-night --strength 70 --keep-color luminance -o 'a b-painted.png'");
    expect(command(FIRST, { photo: "it's.jpg", target: "x.png" })).toBe(`impasto stylize 'it'"'"'s.jpg' --style starry-night -o x.png`);
  });

  test("a blend has weights, regions their masks and settings", () => {
    const look = { ...withStyle(FIRST, "udnie", true), layers: [newLayer({ found: "person" }), newLayer({ mask: "k", style: "udnie", strength: 40, brush_size: 2 }), newLayer({})] };
    expect(command({ ...look, layers: [{ ...look.layers[0], found: "faces", style: "", strength: 40, brush_size: null }] })).toContain("--region faces=strength=40 -o");
    expect(command(look)).toContain("--style starry-night:1 --style udnie:1 --region person=none --region mask-1.png=udnie,strength=40,brush-size=2 -o");
  });
});

test("a fault is a sentence, but a file's name stays as it is", () => {
  expect(new Fault("the file could not be sent", "try again").text).toBe("The file could not be sent. Try again.");
  expect(new Fault("out.png already exists", "--overwrite replaces it").text).toBe("out.png already exists.");
  expect(new Fault("notes.png is no picture").text).toBe("notes.png is no picture.");
  expect(new Fault("iPhone holds no settings!").text).toBe("iPhone holds no settings!");
});
