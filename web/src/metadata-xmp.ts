// XMP packets (ISO 16684-1), read as programs have written them: `impasto.picture.xmp` for browsers.

import { all, element, parts, quoted, read, write, type Element } from "./metadata-xml.js";

export const NAMESPACES: Record<string, string> = {
  x: "adobe:ns:meta/",
  rdf: "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
  xml: "http://www.w3.org/XML/1998/namespace",
  dc: "http://purl.org/dc/elements/1.1/",
  xmp: "http://ns.adobe.com/xap/1.0/",
  xmpMM: "http://ns.adobe.com/xap/1.0/mm/",
  xmpNote: "http://ns.adobe.com/xmp/note/",
  tiff: "http://ns.adobe.com/tiff/1.0/",
  exif: "http://ns.adobe.com/exif/1.0/",
  photoshop: "http://ns.adobe.com/photoshop/1.0/",
  crs: "http://ns.adobe.com/camera-raw-settings/1.0/",
  Iptc4xmpCore: "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
  Iptc4xmpExt: "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
  GPano: "http://ns.google.com/photos/1.0/panorama/",
  GCamera: "http://ns.google.com/photos/1.0/camera/",
  "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
  stArea: "http://ns.adobe.com/xmp/sType/Area#",
  stDim: "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
  MP: "http://ns.microsoft.com/photo/1.2/",
  impasto: "https://impasto.invalid/ns/1.0/", // a name, not an address
};

/** Values by a property's name with its prefix, such as dc:creator. */
export type Properties = Map<string, string[]>;

/** A property's name with its namespace in braces, from that with its usual prefix. */
export function fullName(text: string): string {
  const [prefix, local] = text.split(":");
  return `{${NAMESPACES[prefix]}}${local}`;
}

export const fullNames = (prefix: string, locals: string) => locals.split(" ").map((local) => fullName(`${prefix}:${local}`));

const [RDF, DESCRIPTION, ABOUT, LI] = fullNames("rdf", "RDF Description about li");
const ABOUT_IT = new Set([ABOUT, "about"]); // older programs leave out the prefix
const OURS = new Set(["Iptc4xmpExt:DigitalSourceType", "xmp:CreatorTool", "impasto:settings"].map(fullName));
// What editing has left behind: the first to go where there is not room enough.
const HISTORY = new Set([
  ...fullNames("xmpMM", "History Pantry Ingredients"),
  ...fullNames("photoshop", "DocumentAncestors History"),
]);
const ALTERNATIVES = new Set(["dc:title", "dc:description", "dc:rights"]);
const LISTS: Record<string, string> = { "dc:creator": "rdf:Seq", "dc:subject": "rdf:Bag" };
const ENCODER = new TextEncoder();

/** A packet's RDF, and the prefixes that it has for its namespaces. */
export class Packet {
  rdf = element(RDF);
  prefixes = new Map<string, string>();

  /** The packet, with the wrapper by which programs find it. */
  toString(): string {
    const prefixes = distinct(this.prefixes, this.rdf);
    const declared = [...prefixes].filter(([uri]) => uri !== NAMESPACES.xml);
    const out = ['<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n', `<x:xmpmeta xmlns:x="${NAMESPACES.x}">`];
    write(this.rdf, prefixes, out, declared.map(([uri, prefix]) => ` xmlns:${prefix}="${quoted(uri)}"`).join(""));
    out.push('</x:xmpmeta>\n<?xpacket end="w"?>');
    return out.join("");
  }

  /** Each property: its name, and its value or its element. */
  *properties(): Generator<[name: string, value: string | Element]> {
    for (const description of this.rdf.children) {
      for (const [name, value] of description.attributes) if (!ABOUT_IT.has(name)) yield [name, value];
      for (const child of description.children) yield [child.tag, child];
    }
  }

  /** The elements that have properties. */
  structures(): Element[] {
    return [...all(this.rdf)].filter((one) => one.children.length || one.attributes.size);
  }

  /** Leave out each property whose name is unwanted, however deep. */
  leaveOut(unwanted: (name: string) => boolean): void {
    leaveOut(this.rdf, unwanted);
    const saysMore = (one: Element) => one.children.length > 0 || [...one.attributes.keys()].some((name) => !ABOUT_IT.has(name));
    this.rdf.children = this.rdf.children.filter(saysMore);
  }

  /** Say what it does not say yet. */
  add(properties: Properties): void {
    const said = new Set([...this.properties()].map(([name]) => name));
    const news = [...properties].filter(([name]) => !said.has(fullName(name)));
    if (!news.length) return;
    const description = this.#description();
    for (const [name, values] of news) {
      const kind = ALTERNATIVES.has(name) ? "rdf:Alt" : LISTS[name];
      if (!kind) {
        description.attributes.set(fullName(name), values[0]);
        continue;
      }
      const items = put(put(description, element(fullName(name))), element(fullName(kind)));
      if (kind === "rdf:Alt") put(items, element(LI, [[fullName("xml:lang"), "x-default"]])).text = values[0];
      else for (const value of values) put(items, element(LI)).text = value;
    }
  }

  /** Say how the picture was made, instead of what was said of that before. */
  mark(properties: Record<string, string>): void {
    this.leaveOut((name) => OURS.has(name));
    const description = this.#description();
    for (const [name, value] of Object.entries(properties)) description.attributes.set(fullName(name), value);
  }

  /** A new description of the same thing: Adobe's programs refuse a packet that speaks of two. */
  #description(): Element {
    const about = this.rdf.children.flatMap((one) => [one.attributes.get(ABOUT), one.attributes.get("about")]);
    return put(this.rdf, element(DESCRIPTION, [[ABOUT, about.find(Boolean) ?? ""]]));
  }

  /** The packet in at most so many bytes: history goes first, then the largest properties; our mark stays. */
  within(most: number): Uint8Array<ArrayBuffer> {
    let data = ENCODER.encode(this.toString());
    if (data.length > most) {
      this.leaveOut((name) => HISTORY.has(name));
      data = ENCODER.encode(this.toString());
    }
    for (let share = 1; data.length > most; share *= 4) {
      const sizes = [...this.properties()].filter(([name]) => !OURS.has(name)).map(([name, value]) => [size(value), name] as const);
      if (!sizes.length) return new Uint8Array();
      sizes.sort(([one], [other]) => other - one);
      // What a property takes is an estimate: where it was too high, the next round leaves out more.
      let excess = (data.length - most) * share;
      const gone = new Set<string>();
      for (const [length, name] of sizes) {
        if (excess <= 0) break;
        excess -= length;
        gone.add(name);
      }
      this.leaveOut((name) => gone.has(name));
      data = ENCODER.encode(this.toString());
    }
    return data;
  }
}

// Characters that XML does not have, as they are and as numbers.
const CONTROLS =
  /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\u{d800}-\u{dfff}]|&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]));/giu;

/** Read a packet, wrapped or bare, padded with anything; null if it cannot be read. */
export function parse(packet: string): Packet | null {
  const text = packet.replace(CONTROLS, "");
  const begin = text.search(/<(?!\?|!--)/);
  if (begin < 0) return null;
  const found = new Packet();
  const prefixed = (uri: string, prefix: string) => {
    if (!found.prefixes.has(uri)) found.prefixes.set(uri, prefix);
  };
  const root = read(text.slice(begin, text.lastIndexOf(">") + 1), NAMESPACES, prefixed);
  if (!root) return null;
  for (const one of all(root)) {
    if (one.tag !== RDF) continue;
    one.tail = "";
    found.rdf = one;
    return found;
  }
  return null;
}

/** A packet's characters; its first bytes tell its encoding (ISO 16684-1, 7.3.2). */
export function decoded(data: Uint8Array): string {
  if ((data[0] === 0xff && data[1] === 0xfe) || (data[0] === 0x3c && !data[1])) return new TextDecoder("utf-16le").decode(data);
  if ((data[0] === 0xfe && data[1] === 0xff) || (!data[0] && data[1] === 0x3c)) return new TextDecoder("utf-16be").decode(data);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    return new TextDecoder("windows-1252").decode(data);
  }
}

/** A simple property of a description or a structure: an attribute, or an element with text. */
export function valueOf(structure: Element, name: string): string | null {
  const full = fullName(name);
  const value = structure.attributes.get(full);
  if (value !== undefined) return value;
  const child = structure.children.find((one) => one.tag === full);
  return !child || child.children.length ? null : child.text.trim();
}

/** Change a simple property that is there. */
export function change(structure: Element, name: string, value: string): void {
  const full = fullName(name);
  const child = structure.children.find((one) => one.tag === full);
  if (structure.attributes.has(full)) structure.attributes.set(full, value);
  else if (child) child.text = value;
}

const PLACE = new RegExp(
  "gps|lat+itude|longt?itude|altitude|geotag|iso6709" +
    "|^(city|sub-?location|(geo-?)?location(created|shown|id|name)?|(province|province-?)?state|country(code|name)?|worldregion)$",
  "i",
);

/** Whether the name of a property or of a text stands for a place. */
export function namesLocation(name: string): boolean {
  if (name.includes("/geo/wgs84_pos#")) return true;
  const last = name.split(/[:}/]/).pop() ?? "";
  return PLACE.test(last) || /^(?:(com\.apple\.quicktime\.)?location\b|.xyz$)/i.test(last);
}

function put(into: Element, child: Element): Element {
  into.children.push(child);
  return child;
}

function leaveOut(from: Element, unwanted: (name: string) => boolean): void {
  for (const name of [...from.attributes.keys()]) if (unwanted(name)) from.attributes.delete(name);
  from.children = from.children.filter((child) => !unwanted(child.tag));
  for (const child of from.children) leaveOut(child, unwanted);
}

function size(value: string | Element): number {
  if (typeof value === "string") return value.length;
  let sum = 0;
  for (const one of all(value)) {
    sum += 2 * one.tag.length + one.text.length;
    for (const [name, text] of one.attributes) sum += name.length + text.length;
  }
  return sum;
}

/** A prefix of its own for each namespace in use: the packet's, the usual one, or a number. */
function distinct(known: Map<string, string>, rdf: Element): Map<string, string> {
  const usual = new Map(Object.entries(NAMESPACES).map(([prefix, uri]) => [uri, prefix]));
  const found = new Map([[NAMESPACES.xml, "xml"]]);
  const taken = new Set(["x", "xml"]);
  const numbers = new Map<string, number>();
  for (const one of all(rdf)) {
    for (const name of [one.tag, ...one.attributes.keys()]) {
      const [uri] = parts(name);
      if (!uri || found.has(uri)) continue;
      const wanted = known.get(uri) ?? usual.get(uri) ?? "ns";
      let [prefix, number] = [wanted, numbers.get(wanted) ?? 1];
      while (taken.has(prefix)) prefix = `${wanted}${++number}`;
      numbers.set(wanted, number);
      taken.add(prefix);
      found.set(uri, prefix);
    }
  }
  return found;
}
