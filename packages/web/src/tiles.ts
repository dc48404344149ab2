// Large pictures in overlapping tiles, normalized by the statistics of a sample: `impasto.engines.tiles` for browsers.

import { empty, part, parts, put, round, type Pixels, type Place } from "./pixels.js";

const [LARGEST, SMALLEST] = [1280, 256];
const GRID = 4;
const PATCH = 128;
const SAMPLED = 4_000_000;

export interface Tile {
  outer: Place;
  inner: Place;
}

/**
 * All tiles of a picture, of about this many pixels a side without their overlap.
 * @param multiple of pixels, at which they begin
 */
export function* tiles(width: number, height: number, side: number, multiple: number, overlap: number): Generator<Tile> {
  for (const [top, bottom] of parts(height, side, multiple))
    for (const [left, right] of parts(width, side, multiple))
      yield {
        inner: { top, left, bottom, right },
        outer: {
          top: Math.max(0, top - overlap),
          left: Math.max(0, left - overlap),
          bottom: Math.min(height, bottom + overlap),
          right: Math.min(width, right + overlap),
        },
      };
}

/** How large tiles may be; null if the whole picture fits. */
export function tileSide(pixels: number, budget: number, bytesPerPixel: number, overlap: number): number | null {
  if (pixels * bytesPerPixel <= budget && pixels <= LARGEST ** 2 * 4) return null;
  const side = Math.trunc(Math.sqrt(budget / bytesPerPixel)) - 2 * overlap;
  return Math.max(SMALLEST, Math.min(LARGEST, Math.floor(side / GRID) * GRID));
}

/** Patches spread evenly over a large photo, side by side in one picture that its statistics are taken from. */
export function montage(photo: Pixels, largest: number): Pixels {
  const { width, height } = photo;
  const side = Math.min(PATCH, width, height);
  const count = Math.max(2, Math.trunc(Math.sqrt(Math.min(largest, SAMPLED)) / side));
  const found = empty(count * side, count * side, photo.channels);
  const start = (room: number, index: number) =>
    Math.min(room, round((room * index) / Math.max(1, count - 1) / GRID) * GRID);
  for (let row = 0; row < count; row++)
    for (let column = 0; column < count; column++) {
      const [top, left] = [start(height - side, row), start(width - side, column)];
      const patch = part(photo, { top, left, bottom: top + side, right: left + side });
      put(patch, found, { top: row * side, left: column * side, bottom: (row + 1) * side, right: (column + 1) * side });
    }
  return found;
}
