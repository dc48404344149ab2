// The controls of the library and of the command line, with the same names, ranges and defaults.

import { ImpastoError } from "./faults.js";
import { round, type Size } from "./pixels.js";

export interface Controls {
  /** 0..100, from the photo to the style. */
  strength: number;
  /** "luminance": the photo's colors in the result; "histogram", "coral": the style is given them first. */
  keep_color: "none" | "luminance" | "histogram" | "coral";
  /** "match" brings brightness and contrast to the photo's. */
  tone: "none" | "match";
  /** 0.25..4, how large the strokes come out, as a share of the picture. */
  brush_size: number;
  /** 0..100; above 0 the picture is painted again, over the first painting. */
  boldness: number;
  /** 0..100, how much of the photo's own fine detail comes back in a large picture. */
  detail: number;
}

/** What config.json says of a control. */
export interface ControlCard {
  name: keyof Controls;
  label: string;
  help: string;
  default: number | string;
  low: number | null;
  high: number | null;
  choices: string[] | null;
}

const NATURAL_SIDE = 640;
const LONGEST = 2;

/** All controls, those that are not given at their defaults. */
export function controlsOf(given: Partial<Controls>, cards: readonly ControlCard[]): Controls {
  const found = Object.fromEntries(cards.map((card) => [card.name, card.default]));
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    const card = cards.find((one) => one.name === name);
    if (!card) throw new ImpastoError("bad-control", `unknown control '${name}'`, `one of ${cards.map((one) => one.name).join(", ")}`);
    const { choices } = card;
    const [low, high] = [card.low ?? -Infinity, card.high ?? Infinity];
    const said = `${name} is ${JSON.stringify(value)}`;
    if (choices && !choices.includes(String(value))) throw new ImpastoError("bad-control", said, `one of ${choices.join(", ")}`);
    if (!choices && !(typeof value === "number" && value >= low && value <= high))
      throw new ImpastoError("bad-control", said, `from ${low} to ${high}`);
    found[name] = value;
  }
  return found as unknown as Controls;
}

/** The size at which a photo is painted: strokes belong to the picture, not to its pixels. */
export function paintedSize(width: number, height: number, brushSize: number): Size {
  const natural = Math.max(NATURAL_SIDE / Math.max(width, height), NATURAL_SIDE / Math.sqrt(LONGEST * width * height));
  const share = natural / brushSize;
  if (share >= 1) return [width, height];
  return [Math.max(1, round(width * share)), Math.max(1, round(height * share))];
}
