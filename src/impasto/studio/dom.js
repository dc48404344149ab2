// Making elements. No markup is ever parsed from text, so that no file's name can be more than a text.

/**
 * @typedef {string | Node | null | undefined | false} Child
 * @typedef {Record<string, any>} Props  "on": {event: listener}; "class"; other names are attributes, or properties if
 *   their value is no text
 */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, props = {}, ...children) {
  const found = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined) continue;
    if (name === "on") for (const [event, listen] of Object.entries(value)) found.addEventListener(event, /** @type {any} */ (listen));
    else if (name === "class") found.className = value;
    else if (typeof value === "string" || name.startsWith("aria-")) found.setAttribute(name, String(value));
    else /** @type {any} */ (found)[name] = value;
  }
  found.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => /** @type {string | Node} */ (child)));
  return found;
}

/**
 * A button.
 * @param {Child} label
 * @param {() => void} act
 * @param {Props} [props]
 */
export function button(label, act, props = {}) {
  return el("button", { type: "button", ...props, on: { click: act, ...(props.on ?? {}) } }, label);
}

/**
 * A slider with its name and its value; a double click on either sets it back.
 * @param {object} given
 * @param {string} given.label
 * @param {string} [given.help]
 * @param {number} given.low
 * @param {number} given.high
 * @param {number} [given.step]
 * @param {number} given.usual what a double click sets
 * @param {(value: number) => string} given.show
 * @param {(value: number) => void} given.move
 * @param {(value: number) => void} given.settle
 * @param {boolean} [given.log] equal steps are equal ratios
 * @returns {{element: HTMLElement, set: (value: number) => void, input: HTMLInputElement}}
 */
export function slider({ label, help = "", low, high, step = 1, usual, show, move, settle, log = false }) {
  const to = (/** @type {number} */ value) => (log ? Math.log2(value) : value);
  const from = (/** @type {string} */ text) => (log ? Math.round(2 ** Number(text) * 100) / 100 : Number(text));
  const output = el("output", {});
  const input = el("input", {
    type: "range",
    min: String(to(low)),
    max: String(to(high)),
    step: String(log ? 0.05 : step),
    title: help || null,
    "aria-label": label,
  });
  const set = (/** @type {number} */ value) => {
    if (from(input.value) !== value) input.value = String(to(value));
    output.textContent = show(value);
    input.setAttribute("aria-valuetext", show(value));
  };
  input.addEventListener("input", () => {
    output.textContent = show(from(input.value));
    input.setAttribute("aria-valuetext", show(from(input.value)));
    move(from(input.value));
  });
  input.addEventListener("change", () => settle(from(input.value)));
  const element = el("label", { class: "slider", title: help || null }, el("span", {}, label), output, input);
  element.addEventListener("dblclick", (event) => {
    event.preventDefault();
    set(usual);
    settle(usual);
  });
  set(usual);
  return { element, set, input };
}

/**
 * Choices of which one is taken.
 * @param {string} label
 * @param {readonly {value: string, label: string, help?: string}[]} choices
 * @param {(value: string) => void} choose
 * @param {string} [usual] what a double click on the name chooses
 * @returns {{element: HTMLElement, set: (value: string) => void}}
 */
export function choice(label, choices, choose, usual) {
  const name = `choice-${Math.random().toString(36).slice(2)}`;
  const inputs = choices.map((one) =>
    el("input", { type: "radio", name, value: one.value, on: { change: () => choose(one.value) } }),
  );
  const labels = choices.map((one, index) => el("label", { title: one.help ?? null }, inputs[index], el("span", {}, one.label)));
  const legend = el("legend", { on: usual === undefined ? {} : { dblclick: () => choose(usual) } }, label);
  const element = el("fieldset", { class: "choice" }, legend, el("div", { class: "segments" }, ...labels));
  return {
    element,
    set: (value) => {
      for (const input of inputs) input.checked = input.value === value;
    },
  };
}

/**
 * Replace all children.
 * @param {Element} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => /** @type {string | Node} */ (child)));
}

/**
 * Replace all children, and leave the focus where it was: at what has the same `data-part` as before, or else at what
 * has come into its place, or else around it.
 * @param {HTMLElement} list
 * @param {...Child} children
 */
export function refill(list, ...children) {
  const focused = /** @type {Document | ShadowRoot} */ (list.getRootNode()).activeElement;
  const within = focused && focused !== list && list.contains(focused);
  const reachable = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll("button, input, select, a[href], [tabindex]")]);
  const index = within ? reachable().indexOf(/** @type {HTMLElement} */ (focused)) : -1;
  const part = focused?.getAttribute("data-part");
  fill(list, ...children);
  if (!within) return;
  const now = reachable().filter((one) => !one.hasAttribute("disabled"));
  const next = (part && now.find((one) => one.dataset.part === part)) || now[Math.min(Math.max(0, index), now.length - 1)];
  if (next) next.focus();
  else focusAround(list);
}

/** Focus an element that Tab passes by, or what shows around it. @param {HTMLElement} element */
function focusAround(element) {
  /** @type {HTMLElement | null} */
  let place = element;
  while (place?.parentElement && place.closest("[hidden]")) place = place.parentElement;
  if (!place) return;
  const bare = !place.hasAttribute("tabindex");
  if (bare) place.tabIndex = -1;
  place.focus({ preventScroll: true });
  if (bare) place.addEventListener("blur", () => place?.removeAttribute("tabindex"), { once: true });
}

/**
 * A picture as a data address, transparent where it is; WebP, or PNG where the browser writes no WebP.
 * @param {ImageBitmap | HTMLCanvasElement} picture
 * @param {number} [side] of the longer side, in pixels, at most
 * @returns {string}
 */
export function addressOf(picture, side = Infinity) {
  const canvas = document.createElement("canvas");
  const share = Math.min(1, side / Math.max(picture.width, picture.height));
  canvas.width = Math.max(1, Math.round(picture.width * share));
  canvas.height = Math.max(1, Math.round(picture.height * share));
  const to = canvas.getContext("2d");
  if (to) {
    to.imageSmoothingQuality = "high";
    to.drawImage(picture, 0, 0, canvas.width, canvas.height);
  }
  return canvas.toDataURL("image/webp", 0.85);
}

/**
 * Call something once nothing has happened for a while.
 * @param {number} milliseconds
 * @param {() => void} act
 */
export function after(milliseconds, act) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(act, milliseconds);
  };
}

/**
 * Save a file to where the browser puts downloads.
 * @param {Blob} data
 * @param {string} name
 */
export function download(data, name) {
  const link = el("a", { href: URL.createObjectURL(data), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Make a toolbar one stop for Tab; the arrow keys walk within.
 * @param {HTMLElement} bar
 */
export function roving(bar) {
  const buttons = () => /** @type {HTMLElement[]} */ ([...bar.querySelectorAll("button")]);
  buttons().forEach((one, index) => (one.tabIndex = index ? -1 : 0));
  bar.addEventListener("keydown", (event) => {
    const all = buttons();
    const from = all.indexOf(/** @type {HTMLElement} */ (event.target));
    const on = getComputedStyle(bar).direction === "rtl" ? -1 : 1;
    const way = { ArrowRight: on, ArrowLeft: -on }[event.key];
    if (!way || from < 0) return;
    const next = all[(from + way + all.length) % all.length];
    for (const one of all) one.tabIndex = one === next ? 0 : -1;
    next.focus();
    event.preventDefault();
  });
}
