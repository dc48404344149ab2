// XML as XMP packets have it: a small reader and writer, for workers have no DOMParser, and for files that may say anything.

/** Names have their namespace in braces before them, such as {adobe:ns:meta/}xmpmeta. */
export interface Element {
  tag: string;
  attributes: Map<string, string>;
  children: Element[];
  text: string;
  /** What follows the element inside its parent. */
  tail: string;
}

/** Namespaces that are declared at an element, and those around it. */
interface Scope {
  own: Map<string, string>;
  around: Scope | null;
}

const DEEPEST = 100;
const MOST_ELEMENTS = 50_000; // and attributes
const MOST_CHARACTERS = 1 << 23;
const LONGEST_URI = 300; // it stands in each name

const START =
  ":A-Z_a-z\\u00C0-\\u00D6\\u00D8-\\u00F6\\u00F8-\\u02FF\\u0370-\\u037D\\u037F-\\u1FFF\\u200C-\\u200D\\u2070-\\u218F" +
  "\\u2C00-\\u2FEF\\u3001-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFFD\\u{10000}-\\u{EFFFF}";
const NAME = `[${START}][${START}\\-.0-9\\u00B7\\u0300-\\u036F\\u203F-\\u2040]*`;
const OPENING = new RegExp(`<(${NAME})`, "uy");
const ATTRIBUTE = new RegExp(`[ \\t\\r\\n]+(${NAME})[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:"([^"<]*)"|'([^'<]*)')`, "uy");
const OPENED = /[ \t\r\n]*(\/?)>/y;
const CLOSING = new RegExp(`</(${NAME})[ \\t\\r\\n]*>`, "uy");
const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

export function element(tag: string, attributes: Iterable<[string, string]> = []): Element {
  return { tag, attributes: new Map(attributes), children: [], text: "", tail: "" };
}

/** An element, and all that are in it. */
export function* all(from: Element): Generator<Element> {
  yield from;
  for (const child of from.children) yield* all(child);
}

/**
 * Elements side by side, in an element that has no name; null if they are no XML, or more than is reasonable.
 *
 * @param known namespaces by prefix, for those that the text does not declare
 * @param prefixed hears of each declaration
 */
export function read(text: string, known: Record<string, string>, prefixed: (uri: string, prefix: string) => void): Element | null {
  if (text.length > MOST_CHARACTERS) return null;
  try {
    return new Reader(text.replace(/\r\n?/g, "\n"), known, prefixed).read();
  } catch (error) {
    if (error instanceof Broken) return null;
    throw error;
  }
}

class Broken extends Error {}

class Reader {
  #at = 0;
  #count = 0;
  #root = element("");
  #stack: { element: Element; name: string; scope: Scope }[];

  constructor(
    readonly text: string,
    known: Record<string, string>,
    readonly prefixed: (uri: string, prefix: string) => void,
  ) {
    this.#stack = [{ element: this.#root, name: "", scope: { own: new Map(Object.entries(known)), around: null } }];
  }

  read(): Element {
    const { text } = this;
    while (this.#at < text.length) {
      const next = text.indexOf("<", this.#at);
      const end = next < 0 ? text.length : next;
      this.#characters(plain(text.slice(this.#at, end)));
      this.#at = end;
      if (next < 0) break;
      if (text.startsWith("<!--", end)) this.#until("-->", 4);
      else if (text.startsWith("<![CDATA[", end)) this.#characters(this.#until("]]>", 9));
      else if (text.startsWith("<?", end)) this.#until("?>", 2);
      else if (text.startsWith("</", end)) this.#close();
      else this.#open(); // a document type has no name there, and is refused
    }
    if (this.#stack.length > 1) throw new Broken();
    return this.#root;
  }

  #until(end: string, skipped: number): string {
    const start = this.#at + skipped;
    const found = this.text.indexOf(end, start);
    if (found < 0) throw new Broken();
    this.#at = found + end.length;
    return this.text.slice(start, found);
  }

  #characters(text: string): void {
    const { element } = this.#stack[this.#stack.length - 1];
    const last = element.children[element.children.length - 1];
    if (last) last.tail += text;
    else element.text += text;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text);
    if (found) this.#at = pattern.lastIndex;
    return found;
  }

  #open(): void {
    const name = this.#match(OPENING)?.[1];
    if (!name || this.#stack.length >= DEEPEST) throw new Broken();
    const given: [string, string][] = [];
    const scope: Scope = { own: new Map(), around: this.#stack[this.#stack.length - 1].scope };
    for (let found; (found = this.#match(ATTRIBUTE)); ) {
      const value = plain((found[2] ?? found[3]).replace(/[\t\n]/g, " "));
      const prefix = found[1] === "xmlns" ? "" : found[1].startsWith("xmlns:") ? found[1].slice(6) : null;
      if (prefix === null) given.push([found[1], value]);
      else this.#declare(scope, prefix, value);
      this.#counted();
    }
    const closed = this.#match(OPENED)?.[1];
    if (closed === undefined) throw new Broken();
    const around = this.#stack[this.#stack.length - 1];
    const made = element(full(name, scope, true), given.map(([key, value]) => [full(key, scope, false), value]));
    if (made.attributes.size < given.length) throw new Broken(); // the same one twice
    this.#counted();
    around.element.children.push(made);
    if (!closed) this.#stack.push({ element: made, name, scope: scope.own.size ? scope : around.scope });
  }

  #declare(scope: Scope, prefix: string, uri: string): void {
    if (scope.own.has(prefix) || (prefix && !uri) || prefix === "xmlns") throw new Broken();
    if (uri.includes("}") || uri.length > LONGEST_URI) throw new Broken();
    scope.own.set(prefix, uri);
    if (prefix) this.prefixed(uri, prefix);
  }

  #close(): void {
    const name = this.#match(CLOSING)?.[1];
    if (!name || this.#stack.length < 2 || this.#stack.pop()?.name !== name) throw new Broken();
  }

  #counted(): void {
    if (++this.#count > MOST_ELEMENTS) throw new Broken();
  }
}

/** Text without entities; those that XML does not have are of a document type, and refused. */
function plain(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:(\w+);|#(\d{1,7});|#x([0-9a-fA-F]{1,6});)?/g, (_, name: string, number: string, digits: string) => {
    if (name && Object.hasOwn(ENTITIES, name)) return ENTITIES[name];
    const code = number ? Number(number) : parseInt(digits, 16);
    if (name || !(code > 0 && code <= 0x10ffff) || (code >= 0xd800 && code < 0xe000)) throw new Broken();
    return String.fromCodePoint(code);
  });
}

function full(name: string, scope: Scope, isElement: boolean): string {
  const colon = name.indexOf(":");
  const [prefix, local] = colon < 0 ? ["", name] : [name.slice(0, colon), name.slice(colon + 1)];
  if (colon < 0 && !isElement) return local;
  if (!local || local.includes(":")) throw new Broken();
  for (let one: Scope | null = scope; one; one = one.around) {
    const uri = one.own.get(prefix);
    if (uri !== undefined) return uri ? `{${uri}}${local}` : local;
  }
  if (prefix || colon === 0) throw new Broken();
  return local;
}

const WRITTEN: Record<string, string> = {
  "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", '"': "&quot;", "\n": "&#10;", "\t": "&#9;",
};
const written = (text: string) => text.replace(/[&<>\r]/g, (one) => WRITTEN[one]);

/** A value between quotation marks. */
export const quoted = (text: string) => text.replace(/[&<>\r"\n\t]/g, (one) => WRITTEN[one]);

/** An element as text; `declared` goes into its tag. */
export function write(from: Element, prefixes: Map<string, string>, out: string[], declared = ""): void {
  const named = (name: string) => {
    const [uri, local] = parts(name);
    const prefix = uri && prefixes.get(uri);
    return prefix ? `${prefix}:${local}` : local;
  };
  const tag = named(from.tag);
  out.push(`<${tag}${declared}`);
  for (const [name, value] of from.attributes) out.push(` ${named(name)}="${quoted(value)}"`);
  out.push(">", written(from.text));
  for (const child of from.children) write(child, prefixes, out);
  out.push(`</${tag}>`, written(from.tail));
}

/** A full name's namespace and what follows it. */
export function parts(name: string): [uri: string, local: string] {
  const end = name[0] === "{" ? name.lastIndexOf("}") : -1;
  return [name.slice(1, Math.max(1, end)), name.slice(end + 1)];
}
