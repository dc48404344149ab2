// The settings that made a picture, as fields of the service: `impasto.service.uploads.settings.fields_of`.

export type Settings = Record<string, unknown>;

const ENGINES = ["painter", "light", "adain", "wct"];
const FOUND = ["person", "background", "faces"];
const LONGEST = 200; // characters of a style's label
const MOST = 16; // styles, and regions
const NUMBER = "[0-9]{1,7}(?:\\.[0-9]{1,6})?(?:e[+-]?[0-9]{1,2})?";
const WEIGHTED = new RegExp(`(.{1,${LONGEST}}?):(${NUMBER})(?: \\+ |$)`, "gu");
const REGION = new RegExp(`^(${FOUND.join("|")})=(.*?)(?:(?:,|(?<==))strength=(${NUMBER}))?(?:(?:,|(?<==))brush-size=(${NUMBER}))?$`, "u");

const within = (low: number, high: number) => (value: unknown) => typeof value === "number" && value >= low && value <= high;
const oneOf = (...choices: string[]) => (value: unknown) => typeof value === "string" && choices.includes(value);
const whole = (low: number, high: number) => (value: unknown) => Number.isSafeInteger(value) && within(low, high)(value);

const CONTROLS: Record<string, (value: unknown) => boolean> = {
  strength: within(0, 100),
  keep_color: oneOf("none", "luminance", "histogram", "coral"),
  tone: oneOf("none", "match"),
  brush_size: within(0.25, 4),
  boldness: within(0, 100),
  detail: within(0, 100),
  size: whole(1, 100_000),
  seed: whole(0, Number.MAX_SAFE_INTEGER), // larger ones would come back as other numbers
};

/** The fields by which the same painting is asked for; null if it is not said. What is no control, or out of range, is left out. */
export function fieldsOf(madeWith: Settings): Settings | null {
  const styles = stylesOf(madeWith.style);
  if (!styles.length) return null;
  const found: Settings = { style: styles.map(([name]) => name), weight: styles.map(([, weight]) => weight) };
  if (oneOf(...ENGINES)(madeWith.engine)) found.engine = madeWith.engine;
  const controls = isObject(madeWith.controls) ? madeWith.controls : {};
  for (const [name, isValid] of Object.entries(CONTROLS))
    if (Object.hasOwn(controls, name) && isValid(controls[name])) found[name] = controls[name];
  const labels: unknown[] = Array.isArray(madeWith.regions) ? madeWith.regions : [];
  const regions = labels.slice(0, MOST).map(regionOf).filter((region) => region !== null);
  return { ...found, regions, left_out: labels.length - regions.length };
}

export const isObject = (value: unknown): value is Settings => typeof value === "object" && value !== null && !Array.isArray(value);

const length = (text: string) => [...text].length;

/** As Python's `str.isprintable`: no controls, no spaces but the usual one. */
const isPrintable = (text: string) => !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(text);

/** Names with their weights, from a style's label: NAME, or a blend's NAME:WEIGHT + NAME:WEIGHT. */
function stylesOf(label: unknown): [name: string, weight: number][] {
  if (typeof label !== "string" || label.length > 2 * (LONGEST + 20) * MOST || length(label) > (LONGEST + 20) * MOST) return [];
  const parts = [...label.matchAll(WEIGHTED)];
  let found = parts.map(([, name, weight]): [string, number] => [name, Number(weight)]);
  // A name may hold anything.
  if (parts.length === 1 || parts.map(([, name, weight]) => `${name}:${weight}`).join(" + ") !== label) found = [[label, 1]];
  const usable = found.every(([name]) => name && length(name) <= LONGEST && isPrintable(name));
  return usable && found.length <= MOST && found.some(([, weight]) => weight > 0) ? found : [];
}

/** A region that finds itself, from its label: MASK=STYLE,strength=60,brush-size=2; null of another one. */
function regionOf(label: unknown): Settings | null {
  const parts = typeof label === "string" && label.length <= 4 * LONGEST && length(label) <= 2 * LONGEST ? REGION.exec(label) : null;
  if (!parts) return null;
  const [, mask, style, strength, brush] = parts;
  const names = stylesOf(style).map(([name]) => name);
  if (style && !(names.length === 1 && names[0] === style)) return null; // a blend, which no field stands for
  const region = { mask, style, strength: Number(strength || 100), brush_size: brush === undefined ? null : Number(brush) };
  const valid = CONTROLS.strength(region.strength) && (region.brush_size === null || CONTROLS.brush_size(region.brush_size));
  return valid ? region : null;
}
