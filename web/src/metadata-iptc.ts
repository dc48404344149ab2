// IPTC's older metadata (IIM 4.2), which JPEG files carry beside EXIF and XMP: `impasto.picture.iptc`.

import { asLatin, joined, startsWith, viewOf, type Bytes } from "./metadata-bytes.js";
import type { Properties } from "./metadata-xmp.js";

const PHOTOSHOP = "Photoshop 3.0\0";
const RECORDS = 0x0404; // among Photoshop's resources
const PLACES = new Set([26, 27, 90, 92, 95, 100, 101]);

// The property of XMP that says the same (IPTC Photo Metadata Standard).
const PROPERTIES: Record<number, string> = {
  5: "dc:title",
  25: "dc:subject",
  40: "photoshop:Instructions",
  80: "dc:creator",
  85: "photoshop:AuthorsPosition",
  90: "photoshop:City",
  92: "Iptc4xmpCore:Location",
  95: "photoshop:State",
  100: "Iptc4xmpCore:CountryCode",
  101: "photoshop:Country",
  103: "photoshop:TransmissionReference",
  105: "photoshop:Headline",
  110: "photoshop:Credit",
  115: "photoshop:Source",
  116: "dc:rights",
  120: "dc:description",
  122: "photoshop:CaptionWriter",
};

/** The records in a JPEG's segment of Photoshop's resources; empty if there are none. */
export function fromResources(segment: Uint8Array): Uint8Array {
  const view = viewOf(segment);
  let at = startsWith(segment, PHOTOSHOP) ? PHOTOSHOP.length : 0;
  while (at + 12 <= segment.length && view.getUint32(at) === 0x3842494d) { // 8BIM
    const begin = at + 6 + 2 * ((segment[at + 6] >> 1) + 1); // a name, with its length before it, in an even number of bytes
    if (begin + 4 > segment.length) break;
    const size = view.getUint32(begin);
    if (view.getUint16(at + 4) === RECORDS) return segment.subarray(begin + 4, begin + 4 + size);
    at = begin + 4 + size + (size % 2);
  }
  return new Uint8Array();
}

/** Photoshop's block of resources, as a JPEG's segment has it. */
export function asResources(records: Uint8Array): Bytes {
  const head = PHOTOSHOP.length + 12;
  const out = new Uint8Array(head + records.length + (records.length % 2));
  const view = viewOf(out);
  out.set(asLatin(PHOTOSHOP));
  view.setUint32(head - 12, 0x3842494d);
  view.setUint16(head - 8, RECORDS);
  view.setUint32(head - 4, records.length);
  out.set(records, head);
  return out;
}

/** Each data set; what follows a damaged one is left out. */
function* dataSets(data: Uint8Array): Generator<{ record: number; number: number; value: Uint8Array; whole: Uint8Array }> {
  let at = 0;
  while (at + 5 <= data.length && data[at] === 0x1c) {
    let [begin, size] = [at + 5, (data[at + 3] << 8) | data[at + 4]];
    if (size & 0x8000) { // the length has a length of its own
      const length = size & 0x7fff;
      if (length > 4) return; // more than any file holds
      size = 0;
      for (const byte of data.subarray(begin, begin + length)) size = 256 * size + byte;
      begin += length;
    }
    if (begin + size > data.length) return;
    yield { record: data[at + 1], number: data[at + 2], value: data.subarray(begin, begin + size), whole: data.subarray(at, begin + size) };
    at = begin + size;
  }
}

export function withoutLocation(records: Uint8Array): Uint8Array {
  const kept = [...dataSets(records)].filter(({ record, number }) => record !== 2 || !PLACES.has(number));
  return joined(kept.map(({ whole }) => whole));
}

/** What the records say, by the names of XMP's properties. */
export function properties(records: Uint8Array): Properties {
  const found: Properties = new Map();
  for (const { record, number, value } of dataSets(records)) {
    const name = record === 2 ? PROPERTIES[number] : undefined;
    const text = name && textOf(value).replace(/^[\0 ]+|[\0 ]+$/g, "");
    if (name && text) found.set(name, [...(found.get(name) ?? []), text]);
  }
  return found;
}

/** Text of which nobody says how it is written: many programs write UTF-8 without saying so. */
export function textOf(value: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return new TextDecoder("windows-1252").decode(value);
  }
}
