// What the figures share: their frame, labeled controls, tiles of a picture, colors of the theme, motion.

/** Pixels between the tiles of a picture (tools/site/concept_pictures.py). */
const GAP = 8;

/**
 * An element with attributes and children; attributes that are functions are listeners.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  set(node, attributes);
  node.append(...children);
  return node;
}

/**
 * The same in SVG.
 * @param {string} name
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function draw(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  set(node, attributes);
  node.append(...children);
  return node;
}

/**
 * @param {Element} node
 * @param {Record<string, any>} attributes
 */
export function set(node, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key, value);
    else if (value === false || value === null || value === undefined) node.removeAttribute(key);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
}

/**
 * The figure's frame in place of its picture: a stage for panels, and controls below.
 * @param {HTMLElement} figure
 */
export function frame(figure) {
  const stage = make("div", { class: "figure-stage" });
  const controls = make("div", { class: "figure-controls" });
  const live = make("div", { class: "figure-live" }, stage, controls);
  const image = figure.querySelector("img");
  image?.setAttribute("hidden", "");
  figure.prepend(live);
  return { stage, controls };
}

/**
 * A panel with a canvas.
 * @param {number} width
 * @param {number} height
 * @param {string} label what it shows, for those who do not see it
 * @param {{title?: string, kind?: string}} [how]
 */
export function panel(width, height, label, { title = "", kind = "" } = {}) {
  const canvas = make("canvas", { width, height, role: "img", "aria-label": label });
  const caption = make("span", { class: "figure-title" }, title);
  const box = make("div", { class: `figure-panel ${kind}` }, canvas, ...(title ? [caption] : []));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return { box, canvas, context, caption };
}

/**
 * A panel with a drawing in SVG.
 * @param {number} width
 * @param {number} height
 * @param {Record<string, any>} about attributes of the drawing: what it shows, for those who do not see it
 * @param {string} kind
 */
export function chart(width, height, about, kind) {
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, ...about });
  return { box: make("div", { class: `figure-panel ${kind}` }, svg), svg };
}

/**
 * A slider with its label and value.
 * @param {string} label
 * @param {{min: number, max: number, step: number, value: number, format?: (value: number) => string}} how
 * @param {(value: number) => void} change
 */
export function slider(label, { min, max, step, value, format = String }, change) {
  const input = make("input", { type: "range", min, max, step, value });
  const output = make("output", {}, format(value));
  input.addEventListener("input", () => {
    output.textContent = format(input.valueAsNumber);
    change(input.valueAsNumber);
  });
  const node = make("label", {}, label, input, output);
  return {
    node,
    input,
    get value() {
      return input.valueAsNumber;
    },
    /** @param {number} next */
    put(next) {
      input.value = String(next);
      output.textContent = format(input.valueAsNumber);
    },
  };
}

/**
 * A list to choose from.
 * @param {string} label
 * @param {string[]} names
 * @param {(index: number) => void} change
 */
export function choice(label, names, change) {
  const select = make("select", {}, ...names.map((name) => make("option", {}, name)));
  select.addEventListener("change", () => change(select.selectedIndex));
  return { node: make("label", {}, label, select), select };
}

/**
 * A box to tick.
 * @param {string} label
 * @param {boolean} on
 * @param {(on: boolean) => void} change
 */
export function toggle(label, on, change) {
  const input = make("input", { type: "checkbox" });
  input.checked = on;
  input.addEventListener("change", () => change(input.checked));
  return { node: make("label", {}, input, label), input };
}

/**
 * @param {string} label
 * @param {() => void} act
 */
export function button(label, act) {
  return make("button", { type: "button", click: act }, label);
}

/** A line of text that is read out when it changes. */
export function says() {
  return make("p", { class: "figure-says", "aria-live": "polite" });
}

/**
 * The tiles of a figure's picture, or of another one, as a function: number to pixels.
 * @param {HTMLElement} figure
 * @param {number} columns
 * @param {number} rows
 * @param {string} [source] another picture beside the figure's own
 */
export async function tiles(figure, columns, rows, source) {
  const own = /** @type {HTMLImageElement} */ (figure.querySelector("img"));
  const image = new Image();
  image.src = source ? new URL(source, import.meta.url).href : own.src;
  await image.decode();
  const width = (image.naturalWidth + GAP) / columns - GAP;
  const height = (image.naturalHeight + GAP) / rows - GAP;
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = /** @type {any} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.drawImage(image, 0, 0);
  /** @param {number} index */
  function tile(index) {
    const x = (index % columns) * (width + GAP);
    const y = Math.floor(index / columns) * (height + GAP);
    return /** @type {ImageData} */ (context.getImageData(x, y, width, height));
  }
  return { tile, width, height };
}

/**
 * Colors of the theme.
 * @param {Element} node
 */
export function colors(node) {
  const style = getComputedStyle(node);
  const read = (/** @type {string} */ name, /** @type {string} */ other) =>
    style.getPropertyValue(name).trim() || other;
  return {
    text: read("--md-default-fg-color", "#222"),
    pale: read("--md-default-fg-color--light", "#666"),
    faint: read("--md-default-fg-color--lightest", "#0001"),
    ground: read("--md-default-bg-color", "#fff"),
    accent: read("--md-accent-fg-color", "#b8431f"),
    other: "#3f7fb5",
  };
}

/**
 * Call when the theme changes.
 * @param {() => void} redraw
 */
export function onTheme(redraw) {
  new MutationObserver(redraw).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
}

/**
 * Call for every frame while a node is seen and the page is shown. Returns what starts and stops. No figure moves
 * before its reader presses Play, whether or not less motion is preferred (prefers-reduced-motion).
 * @param {Element} node
 * @param {(seconds: number) => void} step
 */
export function motion(node, step) {
  let runs = false;
  let seen = true;
  let last = 0;
  let request = 0;
  new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    turn();
  }).observe(node);
  /** @param {number} now */
  function next(now) {
    step(Math.min(0.1, last ? (now - last) / 1000 : 0));
    last = now;
    request = requestAnimationFrame(next);
  }
  function turn() {
    cancelAnimationFrame(request);
    last = 0;
    if (runs && seen) request = requestAnimationFrame(next);
  }
  return {
    get runs() {
      return runs;
    },
    /** @param {boolean} on */
    set(on) {
      runs = on;
      turn();
    },
  };
}

/**
 * Numbers drawn by chance that are the same every time.
 * @param {number} seed
 */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Luminance of YIQ. @param {number} r @param {number} g @param {number} b */
export const luma = (r, g, b) => 0.299 * r + 0.587 * g + 0.114 * b;
