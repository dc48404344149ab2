// Where PNG files have their metadata: EXIF, and texts, of which one is the packet (W3C PNG).

import type { Found, Metadata } from "./containers.js";
import { asLatin, joined, latin, startsWith, viewOf, type Bytes } from "./metadata-bytes.js";

const PACKET = "XML:com.adobe.xmp";
const MOST_TEXT = 1 << 24; // bytes of all texts of a file, opened
const MOST_TEXTS = 1000;

/** A PNG's chunks. */
function* chunks(file: Uint8Array): Generator<{ kind: string; begin: number; end: number; data: Uint8Array }> {
  const view = viewOf(file);
  for (let at = 8; at + 12 <= file.length; ) {
    const size = view.getUint32(at);
    const kind = latin(file.subarray(at + 4, at + 8));
    const end = at + 12 + size;
    yield { kind, begin: at, end, data: file.subarray(at + 8, at + 8 + size) };
    if (kind === "IEND") return;
    at = end;
  }
}

export async function takePng(file: Uint8Array, found: Found): Promise<void> {
  const room = { left: MOST_TEXT };
  let count = 0;
  for (const { kind, end, data } of chunks(file)) {
    if (kind === "eXIf") found.exif = data;
    if (!["tEXt", "zTXt", "iTXt"].includes(kind) || end > file.length || ++count > MOST_TEXTS) continue;
    const zero = data.indexOf(0);
    if (zero < 0) continue;
    let [rest, packed] = [data.subarray(zero + 1), kind === "zTXt"];
    if (packed) rest = rest.subarray(1); // the method, which is deflate
    if (kind === "iTXt") {
      packed = rest[0] === 1;
      const language = rest.indexOf(0, 2);
      const translated = language < 0 ? -1 : rest.indexOf(0, language + 1);
      if (translated < 0) continue;
      rest = rest.subarray(translated + 1);
    }
    const text = packed ? await inflated(rest, room) : rest;
    if (!packed) room.left -= rest.length;
    if (!text || room.left < 0) continue;
    const key = latin(data.subarray(0, zero));
    if (key === PACKET) found.xmp = text;
    else found.texts.push([key, kind === "iTXt" ? new TextDecoder().decode(text) : latin(text)]);
  }
}

/** What data opens to; null if they are damaged, or there is no room for it. */
async function inflated(data: Uint8Array, room: { left: number }): Promise<Uint8Array | null> {
  try {
    const reader = new Blob([joined([data])]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    const found: Uint8Array[] = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return joined(found);
      room.left -= value.length;
      if (room.left < 0) {
        void reader.cancel().catch(() => {});
        return null;
      }
      found.push(value);
    }
  } catch {
    return null;
  }
}

export function putPng(file: Bytes, given: Metadata): BlobPart[] | null {
  const ours: BlobPart[] = given.exif.length ? [chunk("eXIf", given.exif)] : [];
  for (const [key, text] of given.texts) ours.push(textChunk(key, text, key === "impasto" || !isAscii(text)));
  if (given.xmp.length) ours.push(textChunk(PACKET, new TextDecoder("utf-8", { ignoreBOM: true }).decode(given.xmp), true));
  const out: BlobPart[] = [file.subarray(0, 8)];
  let put = false;
  for (const { kind, begin, end, data } of chunks(file)) {
    if (kind === "eXIf" || (kind === "iTXt" && startsWith(data, PACKET))) continue; // the encoder's own
    if (kind === "IDAT" && !put) {
      out.push(...ours);
      put = true;
    }
    out.push(file.subarray(begin, end));
  }
  return put ? out : null;
}

const isAscii = (text: string) => /^[\0-\x7f]*$/.test(text);

function textChunk(key: string, text: string, international: boolean): Bytes {
  const value = new TextEncoder().encode(text.replaceAll("\0", ""));
  return chunk(international ? "iTXt" : "tEXt", joined([asLatin(key), new Uint8Array(international ? 5 : 1), value]));
}

function chunk(kind: string, data: Uint8Array): Bytes {
  const out = new Uint8Array(data.length + 12);
  const view = viewOf(out);
  view.setUint32(0, data.length);
  out.set(asLatin(kind), 4);
  out.set(data, 8);
  view.setUint32(data.length + 8, crc(out.subarray(4, data.length + 8)));
  return out;
}

const CRC = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc(bytes: Uint8Array): number {
  let sum = ~0;
  for (const byte of bytes) sum = CRC[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  return ~sum >>> 0;
}
