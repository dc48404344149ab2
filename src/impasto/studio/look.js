// What makes one picture besides its photo: styles, controls, layers. Plain frozen data, so that undo, history,
// presets and the service's fields are all made from the same thing.

/**
 * @typedef {"none" | "luminance" | "histogram" | "coral"} KeepColor
 * @typedef {"none" | "match"} Tone
 * @typedef {object} Controls  The fields of the library's `Controls` that the page offers.
 * @property {number} strength 0..100
 * @property {KeepColor} keep_color
 * @property {Tone} tone
 * @property {number} brush_size 0.25..4
 * @property {number} boldness 0..100
 * @property {number} detail 0..100
 *
 * @typedef {object} Share
 * @property {string} style a style's name, or "own:KEY" of a painting that was brought
 * @property {number} weight above 0
 *
 * @typedef {object} Layer  A part of the photo that is painted otherwise. Later layers lie over earlier ones.
 * @property {string} id
 * @property {string} style "none": the photo; "": as the ground; or a style
 * @property {number | null} strength 0..100, percent of the picture's own; null, 100
 * @property {number | null} brush_size null, the ground's
 * @property {string} found "person", "background", "faces": a mask that finds itself; "" for a drawn one
 * @property {string} mask the key of a drawn mask; "" while nothing is drawn
 *
 * @typedef {object} Look
 * @property {readonly Share[]} styles 1 to 4
 * @property {Controls} controls
 * @property {readonly Layer[]} layers
 */

export const MOST_STYLES = 4;
export const MOST_LAYERS = 8;

/** @type {Controls} */
export const DEFAULTS = Object.freeze({ strength: 100, brush_size: 1, boldness: 0, keep_color: "none", tone: "none", detail: 60 });

/** @type {Look} */
export const FIRST = Object.freeze({
  styles: [{ style: "starry-night", weight: 1 }],
  controls: DEFAULTS,
  layers: [],
});

/** @type {Record<keyof Controls, readonly [number, number] | readonly string[]>} */
const RANGES = {
  strength: [0, 100],
  keep_color: ["none", "luminance", "histogram", "coral"],
  tone: ["none", "match"],
  brush_size: [0.25, 4],
  boldness: [0, 100],
  detail: [0, 100],
};

/**
 * A look with other controls.
 * @param {Look} look
 * @param {Partial<Controls>} controls
 * @returns {Look}
 */
export function withControls(look, controls) {
  return { ...look, controls: { ...look.controls, ...controls } };
}

/**
 * A look in one style, or with one more or one less in the blend. The last one always stays.
 * @param {Look} look
 * @param {string} style
 * @param {boolean} blend add it, or take it out, instead of changing to it
 * @returns {Look}
 */
export function withStyle(look, style, blend = false) {
  if (!blend) return { ...look, styles: [{ style, weight: 1 }] };
  const others = look.styles.filter((share) => share.style !== style);
  if (others.length < look.styles.length) return others.length ? { ...look, styles: others } : look;
  return { ...look, styles: [...others, { style, weight: 1 }].slice(-MOST_STYLES) };
}

/**
 * A look whose blend has these weights. One of 0 leaves its style on the list, but out of the picture.
 * @param {Look} look
 * @param {readonly number[]} weights one for each style
 * @returns {Look}
 */
export function withWeights(look, weights) {
  const styles = look.styles.map((share, index) => ({ ...share, weight: Math.max(0, weights[index] ?? 0) }));
  return styles.some((share) => share.weight > 0) ? { ...look, styles } : look;
}

/**
 * A look with one layer changed; null takes it away.
 * @param {Look} look
 * @param {string} id
 * @param {Partial<Layer> | null} change
 * @returns {Look}
 */
export function withLayer(look, id, change) {
  const layers = look.layers.flatMap((layer) => {
    if (layer.id !== id) return [layer];
    return change === null ? [] : [{ ...layer, ...change }];
  });
  return { ...look, layers };
}

/**
 * A look without the styles that are gone; what is left of them is the ground's.
 * @param {Look} look
 * @param {(style: string) => boolean} known
 * @returns {Look}
 */
export function without(look, known) {
  const styles = look.styles.filter((share) => known(share.style));
  const layers = look.layers.map((layer) =>
    layer.style === "" || layer.style === "none" || known(layer.style) ? layer : { ...layer, style: "" },
  );
  return { ...look, styles: styles.length ? styles : FIRST.styles, layers };
}

/**
 * A look from a file or an older version of the page: what makes no sense is as at the beginning.
 * @param {unknown} data
 * @returns {Look}
 */
export function readLook(data) {
  const given = /** @type {any} */ (data && typeof data === "object" ? data : {});
  /** @type {Record<string, unknown>} */
  const controls = { ...DEFAULTS };
  for (const [name, range] of Object.entries(RANGES)) {
    const value = given.controls?.[name];
    if (typeof range[0] === "string" && /** @type {readonly string[]} */ (range).includes(value)) controls[name] = value;
    if (typeof range[0] === "number" && typeof value === "number" && value >= range[0] && value <= Number(range[1]))
      controls[name] = value;
  }
  const styles = (Array.isArray(given.styles) ? given.styles : [])
    .filter((/** @type {any} */ one) => typeof one?.style === "string" && one.weight >= 0)
    .slice(0, MOST_STYLES)
    .map((/** @type {any} */ one) => ({ style: one.style, weight: Number(one.weight) }));
  const layers = (Array.isArray(given.layers) ? given.layers : []).slice(0, MOST_LAYERS).flatMap(readLayer);
  return {
    styles: styles.some((/** @type {Share} */ share) => share.weight > 0) ? styles : FIRST.styles,
    controls: /** @type {Controls} */ (/** @type {unknown} */ (controls)),
    layers,
  };
}

/**
 * @param {any} given
 * @returns {Layer[]}
 */
function readLayer(given) {
  if (!given || typeof given !== "object") return [];
  const number = (/** @type {unknown} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
    typeof value === "number" && value >= low && value <= high ? value : null;
  return [
    {
      id: typeof given.id === "string" ? given.id : newKey(),
      style: typeof given.style === "string" ? given.style : "none",
      strength: number(given.strength, 0, 100),
      brush_size: number(given.brush_size, 0.25, 4),
      found: ["person", "background", "faces"].includes(given.found) ? given.found : "",
      mask: typeof given.mask === "string" ? given.mask : "",
    },
  ];
}

/**
 * The look that the settings in a saved picture say; masks are not in them.
 * @param {Record<string, any>} settings fields of the service
 * @returns {Look}
 */
export function lookOfSettings(settings) {
  const named = [settings.style ?? []].flat();
  const weights = [settings.weight ?? []].flat();
  const styles = named.map((style, index) => ({ style: String(style), weight: Number(weights[index] ?? 1) }));
  const layers = [settings.regions ?? []].flat().map((region) => ({ ...region, id: newKey(), found: region.mask, mask: "" }));
  return readLook({ styles, controls: settings, layers });
}

/** A key that nothing else has. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(9)), (byte) => byte.toString(36).padStart(2, "0")).join("");
}

/**
 * Whether two pieces of plain data are the same.
 * @param {unknown} one
 * @param {unknown} other
 */
export function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
