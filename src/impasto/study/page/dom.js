// Making elements. No markup is ever parsed from text.

/**
 * @typedef {string | Node | null | false} Child
 * @typedef {Record<string, any>} Props "on": {event: listener}; other names are attributes, or properties if their
 *   value is no text
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
    if (name === "on") for (const [event, listen] of Object.entries(value)) found.addEventListener(event, /** @type {any} */ (listen));
    else if (typeof value === "string") found.setAttribute(name, value);
    else /** @type {any} */ (found)[name] = value;
  }
  fill(found, ...children);
  return found;
}

/**
 * A button.
 * @param {string} label
 * @param {(event: MouseEvent) => void} act
 * @param {Props} [props]
 */
export function button(label, act, props = {}) {
  return el("button", { type: "button", ...props, on: { click: act } }, label);
}

/**
 * Replace all children.
 * @param {Element} parent
 * @param {...Child} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(.../** @type {(string | Node)[]} */ (children.filter((child) => child !== null && child !== false)));
}

/**
 * Set a text, and leave the element alone if it has that text: a live region speaks only of changes.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A heading that can take the focus when its screen appears. @param {string} text */
export function heading(text) {
  return el("h1", { tabIndex: -1 }, text);
}

/**
 * Save a file to where the browser puts downloads.
 * @param {File} file
 */
export function download(file) {
  const link = el("a", { href: URL.createObjectURL(file), download: file.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
