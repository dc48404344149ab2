// Which part of a picture shows. A view is by fractions of the picture, so that one view holds for pictures of any size.

/**
 * @typedef {object} View
 * @property {number} times larger than the fitted picture, from 1
 * @property {number} x of the middle, a fraction of the picture's width
 * @property {number} y of the middle, a fraction of the picture's height
 * @typedef {{x: number, y: number}} Point as fractions of the pane
 */

/** The most screen pixels a pixel of the picture gets on a side. */
const MOST = 4;

/** Below this width, in CSS pixels, results may stand one above the other. */
const NARROW = 600;

/** The whole picture. @type {Readonly<View>} */
export const WHOLE = { times: 1, x: 0.5, y: 0.5 };

/**
 * The nearest view that shows nothing beside the picture.
 * @param {View} view
 * @param {number} most how many times larger at most
 * @returns {View}
 */
export function within(view, most) {
  const times = Math.min(Math.max(1, view.times), Math.max(1, most));
  const rim = 0.5 / times;
  const inside = (/** @type {number} */ at) => Math.min(1 - rim, Math.max(rim, at));
  return { times, x: inside(view.x), y: inside(view.y) };
}

/**
 * A view zoomed, with the point of the picture that lies under a point of the pane kept there.
 * @param {View} view
 * @param {number} times
 * @param {Point} at
 * @param {number} most
 */
export function zoomed(view, times, at, most) {
  const next = Math.min(Math.max(1, times), Math.max(1, most));
  const move = 1 / view.times - 1 / next;
  return within({ times: next, x: view.x + (at.x - 0.5) * move, y: view.y + (at.y - 0.5) * move }, most);
}

/**
 * A view after its picture was dragged.
 * @param {View} view
 * @param {Point} by fractions of the pane
 * @param {number} most
 */
export function panned(view, by, most) {
  return within({ ...view, x: view.x - by.x / view.times, y: view.y - by.y / view.times }, most);
}

/**
 * The stops of zoom: fitted, then by half an octave through 1:1 to 4:1.
 * @param {number} fit screen pixels a pixel of the fitted picture has on a side
 * @returns {number[]} times larger than fitted, rising from 1
 */
export function stopsOf(fit) {
  const stops = [1];
  for (let octave = -6; octave <= Math.log2(MOST); octave += 0.5) if (2 ** octave > fit * 1.05) stops.push(2 ** octave / fit);
  return stops;
}

/**
 * The stop that a click in the fitted picture goes to: 1:1, or twice the size where that is no closer.
 * @param {number} fit
 */
export function closer(fit) {
  const [one, most] = [1 / fit, MOST / fit];
  return one > 1.05 ? one : Math.max(1, Math.min(2, most));
}

/**
 * The stop after a view's zoom, or before it.
 * @param {number[]} stops
 * @param {number} times
 * @param {1 | -1} way
 */
export function nextStop(stops, times, way) {
  if (way > 0) return stops.find((stop) => stop > times * 1.01) ?? stops[stops.length - 1];
  return stops.findLast((stop) => stop < times / 1.01) ?? 1;
}

/**
 * The index of the stop that is nearest, by ratio.
 * @param {number[]} stops
 * @param {number} times
 */
export function nearestStop(stops, times) {
  const far = stops.map((stop) => Math.abs(Math.log(stop / times)));
  return far.indexOf(Math.min(...far));
}

/**
 * The largest size of two equal pictures in a box: side by side, or one above the other where the box is narrow and
 * that makes them larger.
 * @param {{width: number, height: number}} box
 * @param {number} ratio width by height of a picture
 * @param {number} caption height of the line above each
 * @param {number} gap between the two
 * @returns {{stacked: boolean, width: number, height: number}} in whole pixels
 */
export function arranged(box, ratio, caption, gap) {
  const beside = Math.min((box.width - gap) / 2, (box.height - caption) * ratio);
  const above = Math.min(box.width, ((box.height - gap) / 2 - caption) * ratio);
  const stacked = box.width < NARROW && above > beside;
  const width = Math.max(1, Math.floor(stacked ? above : beside));
  return { stacked, width, height: Math.max(1, Math.round(width / ratio)) };
}
