// Metadata: what is kept of a photo's own, and what says how a picture was made, as the command line writes them.

import { kindOf, put, take, type Found, type Kind, type Metadata } from "./containers.js";
import * as exif from "./exif.js";
import { joined, latin, viewOf } from "./metadata-bytes.js";
import * as iptc from "./metadata-iptc.js";
import { fit, turn } from "./metadata-corrections.js";
import { fieldsOf, isObject, type Settings } from "./metadata-settings.js";
import { decoded, namesLocation, NAMESPACES, Packet, parse, valueOf, type Properties } from "./metadata-xmp.js";

export type { Kind, Metadata, Settings };

/** What goes into a picture: its size, the settings that made it (null: nothing says so), and what of the photo's own. */
export interface How {
  size: [width: number, height: number];
  settings: object | null;
  /** "place": all but where the photo was taken. */
  keep: "all" | "place" | "none";
}

// A photograph that a trained model has changed (https://cv.iptc.org/newscodes/digitalsourcetype/).
export const SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";

const SEGMENT = 65533; // what a segment of a JPEG file holds
const [MOST_EXIF, MOST_XMP] = [SEGMENT - "Exif\0\0".length, SEGMENT - NAMESPACES.xmp.length - 1];
const UNLIMITED = 2 ** 31;
const MOST_TEXT = 4_000_000; // characters of a PNG's text; libpng refuses chunks of more than 8 MB
const MIME = { jpg: "image/jpeg", png: "image/png", webp: "image/webp" };
// Made anew, or of the old file: profiles in hexadecimal, the mark, thumbnails, the old header.
const STALE_TEXTS = ["raw profile type ", "thumb::", "png:", "exif:", "xml:com.adobe.xmp", "impasto"];
// The property of XMP that says the same as a PNG's text.
const TEXT_PROPERTIES: Record<string, string> = {
  title: "dc:title",
  author: "dc:creator",
  artist: "dc:creator",
  description: "dc:description",
  copyright: "dc:rights",
};

const nothing = (): Metadata => ({
  exif: new Uint8Array(),
  xmp: new Uint8Array(),
  iptc: new Uint8Array(),
  texts: [],
  comment: new Uint8Array(),
});

/** A photo's metadata without what no longer holds once it is upright, as decoders turn it. Whatever the file is, it does not throw. */
export async function readMetadata(file: Blob): Promise<Metadata> {
  try {
    return upright(await take(new Uint8Array(await file.arrayBuffer())));
  } catch {
    return nothing(); // metadata written by broken software are no reason to refuse the photo
  }
}

/** A picture that a canvas has encoded, with metadata. */
export async function withMetadata(result: Blob, kind: Kind, kept: Metadata, how: How): Promise<Blob> {
  const file = new Uint8Array(await result.arrayBuffer());
  const real = kindOf(file) ?? kind; // a browser that cannot encode a kind gives PNG instead
  const photo = how.keep === "none" ? nothing() : how.keep === "place" ? withoutLocation(kept) : kept;
  const given = written(photo, real, how.size, isObject(how.settings) && Object.keys(how.settings).length ? how.settings : null);
  const parts = put(file, real, given);
  return parts ? new Blob(parts, { type: MIME[real] }) : result;
}

/** The settings of a picture that Impasto has made, as fields of the service; null of any other. A file may say anything. */
export function settingsOf(kept: Metadata): Settings | null {
  try {
    const descriptions = parse(decoded(kept.xmp))?.rdf.children ?? [];
    const text = descriptions.map((one) => valueOf(one, "impasto:settings")).find(Boolean);
    const found: unknown = JSON.parse(text ?? "null");
    return isObject(found) ? fieldsOf(found) : null;
  } catch {
    return null;
  }
}

function upright(found: Found): Metadata {
  const block = exif.parse(found.exif);
  // Browsers turn by EXIF alone; what XMP says of that goes when the picture is written.
  const orientation = block ? exif.orientationOf(block) : 1;
  let xmp = withExtension(found.xmp, found.extensions);
  const packet = orientation === 1 ? null : parse(decoded(xmp));
  if (packet) {
    turn(packet, orientation);
    xmp = encoded(packet);
  }
  const isOurs = latin(found.comment).includes(SOURCE_TYPE);
  return {
    exif: block ? exif.bytesOf(exif.ofPhoto(block, orientation)) : new Uint8Array(),
    xmp: xmp.slice(), // a part of the file would keep all of it in memory
    iptc: found.iptc.slice(),
    texts: found.texts.filter(([key, text]) => text && !STALE_TEXTS.some((start) => key.toLowerCase().startsWith(start))),
    comment: isOurs ? new Uint8Array() : found.comment.slice(),
  };
}

/** The packet with the part that did not fit into a JPEG's first segment (XMP specification, part 3, 1.1.3.1). */
function withExtension(xmp: Uint8Array, extensions: Uint8Array[]): Uint8Array {
  if (!extensions.length) return xmp;
  const text = decoded(xmp);
  const name = /HasExtendedXMP[^0-9A-Fa-f]{1,4}([0-9A-Fa-f]{32})/.exec(text)?.[1];
  const ours = extensions.filter((one) => one.length >= 40 && latin(one.subarray(0, 32)) === name);
  const placeOf = (one: Uint8Array) => viewOf(one).getUint32(36);
  const parts = new Map(ours.map((one) => [placeOf(one), one.subarray(40)]));
  const rest = joined([...parts].sort(([one], [other]) => one - other).map(([, part]) => part));
  const [packet, extension] = [parse(text), parse(decoded(rest))];
  if (!packet || !extension) return xmp;
  packet.rdf.children.push(...extension.rdf.children);
  packet.prefixes = new Map([...extension.prefixes, ...packet.prefixes]);
  return encoded(packet);
}

const encoded = (packet: Packet) => new TextEncoder().encode(packet.toString());

/** Leave out where a photo was taken: positions, and the names of places in fields made for them. */
function withoutLocation(kept: Metadata): Metadata {
  const block = exif.parse(kept.exif);
  if (block) exif.leaveOutLocation(block);
  const packet = parse(decoded(kept.xmp));
  packet?.leaveOut(namesLocation);
  return {
    exif: block ? exif.bytesOf(block) : new Uint8Array(),
    xmp: packet ? encoded(packet) : new Uint8Array(),
    iptc: iptc.withoutLocation(kept.iptc),
    texts: kept.texts.filter(([key]) => !namesLocation(key)),
    comment: kept.comment,
  };
}

/** The metadata of a picture as a file of this kind gets them; what the kind has no place for goes into XMP. */
function written(kept: Metadata, kind: Kind, size: [number, number], settings: Settings | null): Metadata {
  const found = nothing();
  const block = exif.parse(kept.exif);
  if (block) {
    exif.fit(block, size);
    found.exif = exif.within(block, kind === "jpg" ? MOST_EXIF : UNLIMITED);
  }
  const said: Properties = new Map([
    ...(kind === "jpg" ? [] : iptc.properties(kept.iptc)),
    ...(kind === "png" ? [] : textProperties(kept.texts)),
  ]);
  found.xmp = packetOf(kept.xmp, kind, size, settings, said);
  const texts = new Map(kept.texts);
  if (kind === "jpg") {
    if (iptc.asResources(kept.iptc).length <= SEGMENT) found.iptc = kept.iptc;
    found.comment = (kept.comment.length ? kept.comment : new TextEncoder().encode(texts.get("Comment") ?? "")).subarray(0, SEGMENT);
  }
  if (kind === "png") {
    found.texts = [...kept.texts];
    if (kept.comment.length && !texts.has("Comment")) found.texts.push(["Comment", iptc.textOf(kept.comment)]);
    found.texts = found.texts.filter(([, text]) => text.length <= MOST_TEXT);
    if (settings) found.texts.push(["impasto", settingsText(settings)]);
  }
  return found;
}

function packetOf(photos: Uint8Array, kind: Kind, size: [number, number], settings: Settings | null, said: Properties): Uint8Array {
  const read = parse(decoded(photos));
  if (!read && !settings && !said.size) return new Uint8Array();
  const packet = read ?? new Packet();
  if (read) fit(packet, size, MIME[kind]);
  packet.add(said);
  if (settings) {
    packet.mark({
      "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE,
      "xmp:CreatorTool": `${settings.program ?? "Impasto"} ${settings.version ?? ""}`.trim(),
      "impasto:settings": settingsText(settings),
    });
  }
  return packet.within(kind === "jpg" ? MOST_XMP : UNLIMITED);
}

function textProperties(texts: Metadata["texts"]): Properties {
  const found: Properties = new Map();
  for (const [key, text] of texts) {
    const name = Object.hasOwn(TEXT_PROPERTIES, key.toLowerCase()) ? TEXT_PROPERTIES[key.toLowerCase()] : null;
    if (name) found.set(name, [...(found.get(name) ?? []), text]);
  }
  return found;
}

/** The settings as one line of JSON, spaced and sorted as Python's json module does. */
function settingsText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(settingsText).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}: ${settingsText(one)}`).join(", ")}}`;
}
