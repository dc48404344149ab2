// EXIF as bytes, read and written without a change to what its fields hold (CIPA DC-008, TIFF 6.0): `impasto.picture.exif`.

import { asLatin, startsWith, viewOf, type Bytes } from "./metadata-bytes.js";

/** A field of a directory: its type, how many values it has, and their bytes. */
interface Field {
  kind: number;
  values: number;
  data: Uint8Array;
}

type Fields = Map<number, Field>;

/** Directories of fields, by the pointer that leads to them; the first one is 0. */
export interface Exif {
  little: boolean;
  directories: Map<number, Fields>;
  /** Where the maker's note began: it may count from the block's beginning, and so stays there. 0: nowhere. */
  noteAt: number;
}

const [DETAILS, POSITION, INTEROPERABILITY] = [34665, 34853, 40965];
const PARENTS = new Map([[DETAILS, 0], [POSITION, 0], [INTEROPERABILITY, DETAILS]]);
const [ORIENTATION, MAKER_NOTE, USER_COMMENT, WIDTH, HEIGHT, COLOR_SPACE] = [274, 37500, 37510, 40962, 40963, 40961];

// Of a photo's first directory, what says something about the photo; the rest describes the old file's layout.
const KEPT = new Set([
  269, 270, 271, 272, 282, 283, 285, 296, 305, 306, 315, 316, 18246, 18249, 33432, 40091, 40092, 40093, 40094, 40095,
]);
// What the other ones say of the old file: bytes a pixel, gamma, padding, offsets in Microsoft's and Samsung's files.
const STALE = [37122, 42240, 59932, 59933, 40976, 40977];
// Positions in the picture, and its density on the sensor: they hold for one size only.
const IN_PIXELS = [37396, 41492, 41486, 41487, 41488];

const SIZES: Record<number, number> = {
  1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1,
};
const [SHORT, LONG, POINTER] = [3, 4, 13];
const MOST_FIELDS = 2000; // of a directory; there are some hundred tags

/** A block without the head that JPEG has before it. */
export function bare(block: Uint8Array): Uint8Array {
  while (startsWith(block, "Exif\0\0")) block = block.subarray(6);
  return block;
}

/** The directories of a block; a field that lies outside of it is left out. Null if it is no such block. */
export function parse(given: Uint8Array): Exif | null {
  const block = bare(given);
  const little = startsWith(block, "II*\0");
  if ((!little && !startsWith(block, "MM\0*")) || block.length < 8) return null;
  const found: Exif = { little, directories: new Map(), noteAt: 0 };
  const view = viewOf(block);
  let room = block.length; // fields that lie over one another cannot fill more than the block
  const directory = (at: number): Fields => {
    const fields: Fields = new Map();
    if (at < 8 || at + 2 > block.length) return fields;
    const count = Math.min(view.getUint16(at, found.little), MOST_FIELDS);
    for (let number = 0, where = at + 2; number < count && where + 12 <= block.length; number++, where += 12) {
      const tag = view.getUint16(where, found.little);
      const kind = view.getUint16(where + 2, found.little);
      const values = view.getUint32(where + 4, found.little);
      const size = (SIZES[kind] ?? 0) * values;
      const begin = size > 4 ? view.getUint32(where + 8, found.little) : where + 8;
      if (fields.has(tag) || size <= 0 || size > block.length - begin || size > room) continue;
      fields.set(tag, { kind, values, data: block.subarray(begin, begin + size) });
      room -= size;
      if (tag === MAKER_NOTE) found.noteAt ||= begin;
    }
    return fields;
  };
  found.directories.set(0, directory(view.getUint32(4, found.little)));
  for (const [pointer, parent] of PARENTS) {
    const fields = found.directories.get(parent);
    const field = fields?.get(pointer);
    fields?.delete(pointer);
    if (field && (field.kind === LONG || field.kind === POINTER))
      found.directories.set(pointer, directory(viewOf(field.data).getUint32(0, found.little)));
  }
  return found;
}

/** How the picture must be turned, 1..8; 1 where nothing says so. */
export function orientationOf(found: Exif): number {
  const said = numberIn(found, 0, ORIENTATION);
  return said !== null && said >= 1 && said <= 8 ? said : 1;
}

/** What is kept of a photo's EXIF once it is turned upright: no thumbnail, no orientation, no dangling pointer. */
export function ofPhoto(found: Exif, orientation: number): Exif {
  const kept: Exif = { ...found, directories: new Map() };
  kept.directories.set(0, new Map([...(found.directories.get(0) ?? [])].filter(([tag]) => KEPT.has(tag))));
  const before = found.directories.get(DETAILS);
  if (before?.size) {
    const gone = new Set(orientation === 1 ? STALE : [...STALE, ...IN_PIXELS]);
    // A pointer's own type stands for a directory that would be left out.
    const details = new Map([...before].filter(([tag, { kind }]) => !gone.has(tag) && kind !== 13 && kind !== 18));
    details.set(COLOR_SPACE, numbers(found, [1], SHORT)); // sRGB
    if (orientation >= 5) {
      const [width, height] = [details.get(WIDTH), details.get(HEIGHT)];
      for (const [tag, value] of [[WIDTH, height], [HEIGHT, width]] as const)
        if (value) details.set(tag, value);
        else details.delete(tag);
    }
    kept.directories.set(DETAILS, details);
  }
  const position = found.directories.get(POSITION);
  if (position?.size) kept.directories.set(POSITION, position);
  const rules = found.directories.get(INTEROPERABILITY);
  if (rules?.size) {
    // Its rule says the color space: R98 is sRGB.
    const rule = { kind: 2, values: 4, data: new TextEncoder().encode("R98\0") };
    const version = { kind: 7, values: 4, data: new TextEncoder().encode("0100") };
    kept.directories.set(INTEROPERABILITY, new Map([...rules, [1, rule], [2, version]]));
  }
  return kept;
}

/** Give a photo's EXIF another size; what is counted in pixels is left out if it changed. */
export function fit(found: Exif, [width, height]: readonly [number, number]): void {
  const details = found.directories.get(DETAILS);
  if (!details) return;
  const same = numberIn(found, DETAILS, WIDTH) === width && numberIn(found, DETAILS, HEIGHT) === height;
  if (details.has(WIDTH)) details.set(WIDTH, numbers(found, [width], LONG));
  if (details.has(HEIGHT)) details.set(HEIGHT, numbers(found, [height], LONG));
  if (!same) for (const tag of IN_PIXELS) details.delete(tag);
}

/** Leave out the place, and the maker's note, which may name it in a form of its own. */
export function leaveOutLocation(found: Exif): void {
  found.directories.delete(POSITION);
  found.directories.get(DETAILS)?.delete(MAKER_NOTE);
}

/** The block in at most so many bytes: the maker's note goes first, then the user's comment, then the largest field. */
export function within(found: Exif, most: number): Bytes {
  let data = bytesOf(found);
  if (data.length > most && found.noteAt) {
    found.noteAt = 0;
    data = bytesOf(found);
  }
  for (const tag of [MAKER_NOTE, USER_COMMENT])
    if (data.length > most && found.directories.get(DETAILS)?.delete(tag)) data = bytesOf(found);
  while (data.length > most) {
    const fields = [...found.directories.values()].flatMap((one) => [...one].map(([tag, { data }]) => ({ one, tag, size: data.length })));
    if (!fields.length) break;
    fields.sort((one, other) => other.size - one.size);
    let excess = data.length - most;
    for (const { one, tag, size } of fields) {
      if (excess <= 0) break;
      one.delete(tag);
      excess -= 12 + (size > 4 ? size + (size % 2) : 0);
    }
    data = bytesOf(found);
  }
  return data;
}

/** The block, from its byte order on; empty if nothing is in it. */
export function bytesOf(found: Exif): Bytes {
  if (![...found.directories.values()].some((fields) => fields.size)) return new Uint8Array();
  const tables = withPointers(found);
  const note = tables.get(DETAILS)?.get(MAKER_NOTE);
  const stays = note && found.noteAt >= 8 && found.noteAt < 1 << 16;
  return laidOut(found.little, tables, stays ? [found.noteAt, found.noteAt + note.data.length] : [0, 0]);
}

/** The directories with fields for the pointers among them, still 0; those without a field are left out. */
function withPointers(found: Exif): Map<number, Fields> {
  const tables = new Map<number, Fields>();
  for (const [key, fields] of found.directories) if (fields.size || !key) tables.set(key, new Map(fields));
  if (!tables.has(0)) tables.set(0, new Map());
  for (const [pointer, parent] of [...PARENTS].reverse()) {
    if (!tables.has(pointer)) continue;
    const fields = tables.get(parent) ?? new Map<number, Field>();
    tables.set(parent, fields.set(pointer, numbers(found, [0], LONG)));
  }
  return tables;
}

function laidOut(little: boolean, tables: Map<number, Fields>, reserved: [number, number]): Bytes {
  let most = 16 + reserved[1];
  for (const fields of tables.values()) {
    most += 8 + 12 * fields.size;
    for (const { data } of fields.values()) most += data.length + 1;
  }
  const out = new Uint8Array(most);
  const view = viewOf(out);
  let [free, length] = [8, 8];
  const place = (size: number) => {
    let at = free + (free % 2);
    if (at < reserved[1] && at + size > reserved[0]) at = reserved[1] + (reserved[1] % 2);
    free = at + size;
    length = Math.max(length, free);
    return at;
  };
  // A directory that is pointed to gets its place when its pointer is written.
  const starts = new Map([...tables.keys()].sort((a, b) => a - b).map((key) => [key, place(6 + 12 * (tables.get(key)?.size ?? 0))]));
  for (const [key, fields] of tables) {
    let where = starts.get(key) ?? 0;
    view.setUint16(where, fields.size, little);
    where += 2;
    for (const [tag, { kind, values, data }] of [...fields].sort(([one], [other]) => one - other)) {
      view.setUint16(where, tag, little);
      view.setUint16(where + 2, kind, little);
      view.setUint32(where + 4, values, little);
      if (PARENTS.get(tag) === key && starts.has(tag)) {
        view.setUint32(where + 8, starts.get(tag) ?? 0, little);
      } else if (data.length <= 4) {
        out.set(data, where + 8);
      } else {
        const isNote = reserved[1] && key === DETAILS && tag === MAKER_NOTE;
        const begin = isNote ? reserved[0] : place(data.length);
        length = Math.max(length, begin + data.length);
        out.set(data, begin);
        view.setUint32(where + 8, begin, little);
      }
      where += 12;
    }
  }
  out.set(asLatin(little ? "II*\0" : "MM\0*"));
  view.setUint32(4, starts.get(0) ?? 8, little);
  return out.slice(0, length);
}

function numbers({ little }: Exif, values: number[], kind: number): Field {
  const data = new Uint8Array(values.length * SIZES[kind]);
  const view = viewOf(data);
  if (kind === SHORT) values.forEach((value, index) => view.setUint16(2 * index, value, little));
  else values.forEach((value, index) => view.setUint32(4 * index, value, little));
  return { kind, values: values.length, data };
}

/** The first value of an integer field. */
function numberIn({ little, directories }: Exif, directory: number, tag: number): number | null {
  const field = directories.get(directory)?.get(tag);
  if (!field) return null;
  const view = viewOf(field.data);
  if (field.kind === 1) return view.getUint8(0);
  if (field.kind === SHORT) return view.getUint16(0, little);
  return field.kind === LONG ? view.getUint32(0, little) : null;
}
