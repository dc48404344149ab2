// A painting as the service's fields, and as a command.

/** @typedef {import("./engine.js").Request} Request */
/** @typedef {import("./look.js").Look} Look */

import { DEFAULTS } from "./look.js";

/**
 * The fields of a painting, but for its photo.
 * @param {Request} request
 * @returns {[string, string][]}
 */
export function fieldsOf(request) {
  /** @type {[string, string][]} */
  const fields = [];
  if (request.engine) fields.push(["engine", request.engine]);
  for (const [style, weight] of request.styles) {
    fields.push(["style", style]);
    if (request.styles.length > 1) fields.push(["weight", String(weight)]);
  }
  for (const [name, value] of Object.entries(request.controls))
    if (value !== null && value !== undefined) fields.push([name, String(value)]);
  for (const region of request.regions) {
    fields.push(["mask", region.mask], ["region_style", region.style]);
    if (request.regions.some((one) => one.strength !== null))
      fields.push(["region_strength", String(region.strength ?? 100)]);
    if (request.regions.some((one) => one.brush_size !== null))
      fields.push(["region_brush_size", String(region.brush_size ?? request.controls.brush_size ?? DEFAULTS.brush_size)]);
  }
  return fields;
}

/**
 * The same on the command line.
 * @param {object} given
 * @param {string} given.photo its file's name
 * @param {string} given.target the result's
 * @param {Look} given.look
 * @param {(style: string) => string} given.nameOf a style as it is typed: its name, or its file's
 * @param {readonly string[]} [given.extra] options of the export
 * @param {"stylize" | "video" | "optimize"} [given.verb]
 * @returns {string}
 */
export function commandOf({ photo, target, look, nameOf, extra = [], verb = "stylize" }) {
  const words = ["impasto", verb, photo];
  const shown = look.styles.filter((share) => share.weight > 0);
  for (const { style, weight } of shown)
    words.push("--style", shown.length === 1 ? nameOf(style) : `${nameOf(style)}:${weight}`);
  let drawn = 0;
  for (const layer of look.layers) {
    if (!layer.found && !layer.mask) continue;
    const mask = layer.found || `mask-${++drawn}.png`;
    const parts = layer.style ? [layer.style === "none" ? "none" : nameOf(layer.style)] : [];
    if (layer.style !== "none" && layer.strength !== null) parts.push(`strength=${layer.strength}`);
    if (layer.style !== "none" && layer.brush_size !== null) parts.push(`brush-size=${layer.brush_size}`);
    words.push("--region", `${mask}=${parts.join(",")}`);
  }
  for (const [name, value] of Object.entries(look.controls))
    if (value !== DEFAULTS[/** @type {keyof typeof DEFAULTS} */ (name)])
      words.push(`--${name.replace("_", "-")}`, String(value));
  return [...words, ...extra, "-o", target].map(quoted).join(" ");
}

/**
 * A name for the gallery, or for the command line's presets, made of a title: lower-case letters, digits and hyphens, and
 * not taken.
 * @param {string} title
 * @param {readonly string[]} taken
 * @param {string} [other] where nothing of the title can be in a name
 */
export function nameFor(title, taken, other = "painting") {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 50);
  const base = plain || other;
  let name = base;
  for (let count = 2; taken.includes(name) || name === "none"; count++) name = `${base}-${count}`;
  return name;
}

/** A file's name without its ending. @param {string} name */
export function stemOf(name) {
  return name.replace(/\.[^.]*$/, "") || name;
}

/** @param {string} word */
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}
