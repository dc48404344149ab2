// Where JPEG, PNG and WebP files have their metadata: taken out of a photo, and put into what a canvas has encoded.

import { bare } from "./exif.js";
import { asLatin, joined, latin, startsWith, viewOf, type Bytes } from "./metadata-bytes.js";
import { asResources, fromResources } from "./metadata-iptc.js";
import { putPng, takePng } from "./metadata-png.js";

export type Kind = "jpg" | "png" | "webp";

/** A picture's metadata. ICC profiles are not among them: a canvas gives sRGB, whatever the photo was in. */
export interface Metadata {
  /** A block, from its byte order on. */
  exif: Uint8Array;
  /** A packet. */
  xmp: Uint8Array;
  /** The records of IPTC's older format. */
  iptc: Uint8Array;
  /** Keyword and text, as PNG has them. */
  texts: [key: string, text: string][];
  /** As JPEG has it. */
  comment: Uint8Array;
}

/** Metadata as they lie in a file: not yet turned, and with what did not fit into a JPEG's first packet. */
export type Found = Metadata & { extensions: Uint8Array[] };

const XMP_HEAD = "http://ns.adobe.com/xap/1.0/\0";
const EXTENSION_HEAD = "http://ns.adobe.com/xmp/extension/\0";
const EXIF_HEAD = "Exif\0\0";
const PNG_HEAD = "\x89PNG\r\n\x1a\n";

export function kindOf(file: Uint8Array): Kind | null {
  if (file[0] === 0xff && file[1] === 0xd8) return "jpg";
  if (startsWith(file, PNG_HEAD)) return "png";
  return startsWith(file, "RIFF") && startsWith(file.subarray(8), "WEBP") ? "webp" : null;
}

/** What could be read of a file's metadata, however damaged it is. */
export async function take(file: Uint8Array): Promise<Found> {
  const none = new Uint8Array();
  const found: Found = { exif: none, xmp: none, extensions: [], iptc: none, texts: [], comment: none };
  const kind = kindOf(file);
  if (kind === "jpg") takeJpeg(file, found);
  else if (kind === "png") await takePng(file, found);
  else if (kind === "webp") takeWebp(file, found);
  return found;
}

/** A JPEG's segments before its pixels: where each begins and ends, with its marker. */
function* segments(file: Uint8Array): Generator<{ marker: number; begin: number; end: number; data: Uint8Array }> {
  let at = 2;
  while (at + 4 <= file.length && file[at] === 0xff) {
    const marker = file[at + 1];
    if (marker === 0xff) { // padding
      at++;
      continue;
    }
    const end = at + 2 + ((file[at + 2] << 8) | file[at + 3]);
    if (marker === 0xda || marker === 0xd9 || end < at + 4 || end > file.length) return;
    yield { marker, begin: at, end, data: file.subarray(at + 4, end) };
    at = end;
  }
}

function takeJpeg(file: Uint8Array, found: Found): void {
  const exif: Uint8Array[] = [];
  const iptc: Uint8Array[] = [];
  for (const { marker, data } of segments(file)) {
    if (marker === 0xe1 && startsWith(data, EXIF_HEAD)) exif.push(data.subarray(EXIF_HEAD.length));
    else if (marker === 0xe1 && startsWith(data, XMP_HEAD)) found.xmp = data.subarray(XMP_HEAD.length);
    else if (marker === 0xe1 && startsWith(data, EXTENSION_HEAD)) found.extensions.push(data.subarray(EXTENSION_HEAD.length));
    else if (marker === 0xed) iptc.push(fromResources(data));
    else if (marker === 0xfe) found.comment = data;
  }
  found.exif = joined(exif);
  found.iptc = iptc.findLast((one) => one.length) ?? found.iptc;
}

function putJpeg(file: Bytes, given: Metadata): BlobPart[] | null {
  const first: BlobPart[] = [file.subarray(0, 2)];
  const others: BlobPart[] = [];
  let rest = 2;
  for (const { marker, begin, end, data } of segments(file)) {
    // An encoder may have written metadata of its own.
    const isOld = marker === 0xfe || marker === 0xed || (marker === 0xe1 && [EXIF_HEAD, XMP_HEAD].some((head) => startsWith(data, head)));
    if (!isOld) (marker === 0xe0 ? first : others).push(file.subarray(begin, end));
    rest = end;
  }
  if (rest === 2) return null;
  const ours: [number, Uint8Array][] = [
    [0xe1, given.exif.length ? joined([asLatin(EXIF_HEAD), given.exif]) : given.exif],
    [0xe1, given.xmp.length ? joined([asLatin(XMP_HEAD), given.xmp]) : given.xmp],
    [0xed, given.iptc.length ? asResources(given.iptc) : given.iptc],
    [0xfe, given.comment],
  ];
  for (const [marker, data] of ours)
    if (data.length) first.push(joined([Uint8Array.of(0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 0xff), data]));
  return [...first, ...others, file.subarray(rest)];
}

/** A WebP's chunks. */
function* webpChunks(file: Uint8Array): Generator<{ kind: string; data: Uint8Array }> {
  const view = viewOf(file);
  for (let at = 12; at + 8 <= file.length; ) {
    const size = view.getUint32(at + 4, true);
    if (size > file.length - at - 8) return;
    yield { kind: latin(file.subarray(at, at + 4)), data: file.subarray(at + 8, at + 8 + size) };
    at += 8 + size + (size % 2);
  }
}

function takeWebp(file: Uint8Array, found: Found): void {
  for (const { kind, data } of webpChunks(file)) {
    if (kind === "EXIF") found.exif = bare(data);
    if (kind === "XMP ") found.xmp = data;
  }
}

function putWebp(file: Uint8Array, given: Metadata): BlobPart[] | null {
  const own = [...webpChunks(file)].filter(({ kind }) => kind !== "EXIF" && kind !== "XMP ");
  const extended = own.find(({ kind }) => kind === "VP8X")?.data ?? extendedOf(own);
  if (!extended || extended.length < 10) return null;
  const head = joined([extended]);
  head[0] = (head[0] & ~0x0c) | (given.exif.length ? 0x08 : 0) | (given.xmp.length ? 0x04 : 0);
  const all = [{ kind: "VP8X", data: head }, ...own.filter(({ kind }) => kind !== "VP8X")];
  if (given.exif.length) all.push({ kind: "EXIF", data: joined([given.exif]) });
  if (given.xmp.length) all.push({ kind: "XMP ", data: joined([given.xmp]) });
  const body = all.map(({ kind, data }) => {
    const out = new Uint8Array(8 + data.length + (data.length % 2));
    out.set(asLatin(kind));
    viewOf(out).setUint32(4, data.length, true);
    out.set(data, 8);
    return out;
  });
  const start = new Uint8Array(12);
  start.set(asLatin("RIFF\0\0\0\0WEBP"));
  viewOf(start).setUint32(4, body.reduce((sum, one) => sum + one.length, 4), true);
  return [start, ...body];
}

/** The VP8X chunk for a file that has none yet, from the head of its only picture. */
function extendedOf(own: { kind: string; data: Uint8Array }[]): Uint8Array | null {
  const picture = own.find(({ kind }) => kind === "VP8 " || kind === "VP8L");
  if (!picture || picture.data.length < 10) return null;
  const view = viewOf(picture.data);
  const lossless = picture.kind === "VP8L";
  const bits = lossless ? view.getUint32(1, true) : 0; // 14 for each side less 1, then alpha
  const width = lossless ? bits & 0x3fff : (view.getUint16(6, true) & 0x3fff) - 1;
  const height = lossless ? (bits >>> 14) & 0x3fff : (view.getUint16(8, true) & 0x3fff) - 1;
  const alpha = lossless ? (bits >>> 28) & 1 : own.some(({ kind }) => kind === "ALPH");
  const side = (value: number) => [value & 0xff, value >> 8, 0];
  return Uint8Array.of(alpha ? 0x10 : 0, 0, 0, 0, ...side(width), ...side(height));
}

/** A file with these metadata instead of its own; null if it is not whole. */
export function put(file: Bytes, kind: Kind, given: Metadata): BlobPart[] | null {
  return { jpg: putJpeg, png: putPng, webp: putWebp }[kind](file, given);
}
