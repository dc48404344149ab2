// What the keys of the pair screen do. None of them is a letter or a digit, which speech input would set off.

/** @typedef {"a" | "b" | "none" | "in" | "out" | "left" | "right" | "up" | "down" | "back" | "pause"} Act */

/** @type {Record<string, Act>} */
const PLAIN = { ArrowLeft: "a", ArrowRight: "b", ArrowDown: "none", PageUp: "in", PageDown: "out", Backspace: "back", Escape: "pause" };

/** @type {Record<string, Act>} */
const SHIFTED = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };

/** What moves the page where it is taller than the window. */
const SCROLLING = new Set(["ArrowDown", "PageUp", "PageDown"]);

/** The keys in words. */
export const KEYS = [
  ["←", "A"],
  ["→", "B"],
  ["↓", "No difference"],
  ["Page Up, Page Down", "Zoom in, zoom out"],
  ["Shift + arrows", "Move in the zoomed pictures"],
  ["Backspace", "One question back"],
  ["Esc", "Pause"],
];

/** What may be held down. @type {ReadonlySet<Act>} */
export const REPEATS = new Set(["in", "out", "left", "right", "up", "down"]);

/**
 * What a key means; null for keys that mean nothing here, or that the focused slider uses.
 * @param {KeyboardEvent} event
 * @returns {Act | null}
 */
export function actOf(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  const act = (event.shiftKey ? SHIFTED : PLAIN)[event.key] ?? null;
  const tall = document.documentElement.scrollHeight > innerHeight + 4;
  if (tall && SCROLLING.has(event.key) && !event.shiftKey) return null; // a small or enlarged window is scrolled
  const slider = event.target instanceof HTMLInputElement && event.target.type === "range";
  return slider && act !== "back" && act !== "pause" ? null : act;
}
