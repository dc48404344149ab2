// @vitest-environment node
import { describe, expect, test } from "vitest";
import { readMetadata, settingsOf, SOURCE_TYPE, withMetadata, type How, type Kind } from "../src/metadata.js";

const latin = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0));
const utf8 = (text: string) => new TextEncoder().encode(text);
const bytes = (...parts: (Uint8Array | number[] | string)[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(parts.flatMap((one) => [...(typeof one === "string" ? latin(one) : one)]));
const u16 = (value: number) => [value >> 8, value & 255];
const u32 = (value: number) => [...u16(value >>> 16), ...u16(value & 0xffff)];
const low = (value: number) => u32(value).reverse();
const contents = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());
const text = (data: Uint8Array) => new TextDecoder("latin1").decode(data);

// Files as canvases encode them, as far as their containers go.
const segment = (marker: number, data: Uint8Array) => bytes([0xff, marker], u16(data.length + 2), data);
const PIXELS = bytes([0xff, 0xda, 0, 4, 1, 2], "pixels", [0xff, 0xd9]);
const JFIF = segment(0xe0, bytes("JFIF\0", [1, 1, 0, 0, 1, 0, 1, 0, 0]));
const jpeg = (...segments: Uint8Array[]) => bytes([0xff, 0xd8], JFIF, ...segments, PIXELS);
const crc = (data: Uint8Array) => {
  let sum = 0xffffffff;
  for (const byte of data) for (let bit = 0; bit < 8; bit++) sum = ((sum ^ (byte >> bit)) & 1 ? 0xedb88320 : 0) ^ (sum >>> 1);
  return ~sum >>> 0;
};
const chunk = (kind: string, data: Uint8Array) => bytes(u32(data.length), kind, data, u32(crc(bytes(kind, data))));
const IHDR = chunk("IHDR", bytes(u32(50), u32(37), [8, 2, 0, 0, 0]));
const [IDAT, IEND] = [chunk("IDAT", bytes("pixels")), chunk("IEND", bytes())];
const png = (...chunks: Uint8Array[]) => bytes("\x89PNG\r\n\x1a\n", IHDR, IDAT, ...chunks, IEND);
const riff = (kind: string, data: Uint8Array) => bytes(kind, low(data.length), data, data.length % 2 ? [0] : []);
const webp = (...chunks: Uint8Array[]) => bytes("RIFF", low(4 + bytes(...chunks).length), "WEBP", ...chunks);
const lossy = riff("VP8 ", bytes([0, 0, 0, 0x9d, 0x01, 0x2a, 50, 0, 37, 0], "pixels"));
const lossless = (alpha: number) => riff("VP8L", bytes([0x2f], low(49 | (36 << 14) | (alpha << 28)), "pixel"));

/** EXIF in big-endian order; values are texts or numbers, [pointer] leads to another directory. */
interface Directory {
  [tag: number]: string | number | Directory;
}
function exif(first: Directory): Uint8Array {
  const out: number[] = [...latin("MM\0*"), ...u32(8)];
  const directory = (fields: Directory): number => {
    const at = out.length;
    const entries = Object.entries(fields);
    out.push(...u16(entries.length), ...new Array(12 * entries.length + 4).fill(0));
    entries.forEach(([tag, value], index) => {
      let entry = [4, ...u32(1), ...u32(typeof value === "number" ? value : 0)];
      if (typeof value === "object") entry = [4, ...u32(1), ...u32(directory(value))];
      if (typeof value === "string") {
        entry = [2, ...u32(value.length + 1), ...u32(out.length)];
        out.push(...latin(`${value}\0`), ...(value.length % 2 ? [] : [0]));
      }
      [...u16(Number(tag)), 0, ...entry].forEach((byte, offset) => (out[at + 2 + 12 * index + offset] = byte));
    });
    return at;
  };
  directory(first);
  return Uint8Array.from(out);
}
/** What a block says, read back: numbers and texts by tag. */
function said(block: Uint8Array, at?: number): Record<number, string | number> {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const start = at ?? view.getUint32(4);
  const found: Record<number, string | number> = {};
  for (let index = 0; index < view.getUint16(start); index++) {
    const where = start + 2 + 12 * index;
    const [kind, count, value] = [view.getUint16(where + 2), view.getUint32(where + 4), view.getUint32(where + 8)];
    const isText = kind === 2 && count > 4;
    found[view.getUint16(where)] = isText ? text(block.subarray(value, value + count - 1)) : kind === 3 ? value >>> 16 : value;
  }
  return found;
}

const [DETAILS, GPS] = [34665, 34853];
const CAMERA = exif({
  256: 4000, 257: 3000, 271: "Maker", 274: 6, 513: 99,
  [DETAILS]: { 36867: "2020:01:01 10:00:00", 37500: "note of the maker", 40962: 4000, 40963: 3000 },
  [GPS]: { 29: "2020:01:01" },
});
const AREA =
  "<r:Area xmlns:r='http://www.metadataworkinggroup.com/schemas/regions/' s:x='0.25' s:y='0.3' s:w='0.1' s:h='0.2'/>";
const packet = (inside = "") =>
  '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">' +
  '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="uuid:1" ' +
  'xmlns:e="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:s="http://ns.adobe.com/xmp/sType/Area#" ' +
  'xmlns:p="http://ns.adobe.com/photoshop/1.0/" xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="6" ' +
  'e:GPSLatitude="48,12N" e:PixelXDimension="4000" e:PixelYDimension="3000" p:City="Wien" xmp:CreatorTool="Old">' +
  `<own:title xmlns:own="urn:own">Gr\u00fc\u00dfe &amp; &lt;K\u00fcsse&gt;</own:title>${AREA}${inside}` +
  "</rdf:Description></rdf:RDF></x:xmpmeta>" +
  '<?xpacket end="w"?>';
const XMP = bytes("http://ns.adobe.com/xap/1.0/\0", utf8(packet()));
const record = (number: number, value: string) => bytes([0x1c, 2, number], u16(value.length), value);
const IPTC = bytes(record(5, "Title"), record(90, "Wien"));
const RESOURCES = bytes("Photoshop 3.0\0", "8BIM", u16(0x0404), [0, 0], u32(IPTC.length), IPTC, IPTC.length % 2 ? [0] : []);
const PHOTO = jpeg(segment(0xe1, bytes("Exif\0\0", CAMERA)), segment(0xe1, XMP), segment(0xed, RESOURCES), segment(0xfe, bytes("by hand")));

const SETTINGS = {
  version: "1.2",
  program: "Impasto",
  engine: "light",
  style: "udnie:0.75 + great-wave:0.25",
  controls: { strength: 70, keep_color: "coral", size: null, detail: 1e9 },
  regions: ["faces=the-scream,strength=40", "mask.png=udnie"],
};
const RESULTS: [Kind, string, Uint8Array<ArrayBuffer>][] = [
  ["jpg", "image/jpeg", jpeg()],
  ["png", "image/png", png()],
  ["webp", "image/webp", webp(lossy)],
];
const HOW: How = { size: [37, 50], settings: SETTINGS, keep: "all" };
const blobOf = (data: Uint8Array) => new Blob([data as Uint8Array<ArrayBuffer>]);
const photo = (data: Uint8Array) => readMetadata(blobOf(data));
const painted = async (file: Uint8Array, how: Partial<How> = {}, kind: Kind = "jpg", result = jpeg()) =>
  withMetadata(blobOf(result), kind, await photo(file), { ...HOW, ...how });

describe.each(RESULTS)("a %s", (kind, type, result) => {
  const paintedAs = (how: Partial<How> = {}) => painted(PHOTO, how, kind, result);

  test("keeps the photo's EXIF, upright and at the result's size", async () => {
    const blob = await paintedAs();
    expect(blob.type).toBe(type);
    const { exif } = await readMetadata(blob);
    const first = said(exif);
    expect(first).toMatchObject({ 271: "Maker" });
    for (const tag of [256, 257, 274, 513]) expect(first).not.toHaveProperty(String(tag)); // no orientation is 1
    expect(new DataView(exif.buffer).getUint32(8 + 2 + 12 * Object.keys(first).length)).toBe(0); // no thumbnail
    expect(said(exif, Number(first[DETAILS]))).toMatchObject({ 36867: "2020:01:01 10:00:00", 40961: 1, 40962: 37, 40963: 50 });
    expect(said(exif, Number(first[GPS]))).toEqual({ 29: "2020:01:01" });
  });

  test("keeps the photo's XMP, turned, and says how it was made", async () => {
    const xmp = new TextDecoder().decode((await readMetadata(await paintedAs())).xmp);
    expect(xmp).toContain("<own:title>Gr\u00fc\u00dfe &amp; &lt;K\u00fcsse&gt;</own:title>");
    expect(xmp).toContain('e:PixelXDimension="37" e:PixelYDimension="50"');
    expect(xmp).toContain('s:x="0.7" s:y="0.25" s:w="0.2" s:h="0.1"');
    expect(xmp).toContain(`Iptc4xmpExt:DigitalSourceType="${SOURCE_TYPE}" xmp:CreatorTool="Impasto 1.2"`);
    expect(xmp).toContain('impasto:settings="{&quot;controls&quot;: {&quot;detail&quot;: 1000000000, ');
    expect(xmp).not.toMatch(/Orientation|"Old"/);
    const about = xmp.match(/<rdf:Description rdf:about="[^"]*"/g) ?? [];
    expect([about.length > 1, new Set(about).size]).toEqual([true, 1]); // programs refuse a packet that speaks of two things
  });

  test("gives its settings back", async () => {
    expect(settingsOf(await readMetadata(await paintedAs()))).toEqual({
      style: ["udnie", "great-wave"],
      weight: [0.75, 0.25],
      engine: "light",
      strength: 70,
      keep_color: "coral",
      regions: [{ mask: "faces", style: "the-scream", strength: 40, brush_size: null }],
      left_out: 1,
    });
    expect(settingsOf(await readMetadata(await paintedAs({ settings: null })))).toBeNull();
  });

  test("leaves out the place, or all that is the photo's", async () => {
    const away = await contents(await paintedAs({ keep: "place" }));
    expect(text(away)).toMatch(/Maker\0.*own:title/s);
    expect(text(away)).not.toMatch(/GPS|Wien|note of the maker/);
    expect(said((await photo(away)).exif)).not.toHaveProperty(String(GPS));
    const none = await paintedAs({ keep: "none" });
    expect(text(await contents(none))).not.toMatch(/Maker|own:title|Wien|by hand|Title/);
    expect(settingsOf(await readMetadata(none))).not.toBeNull();
  });

  test("stays as it is where there is nothing to say", async () => {
    expect(text(await contents(await paintedAs({ keep: "none", settings: null })))).toContain("pixel");
    const again = await readMetadata(await paintedAs({ keep: "none", settings: null }));
    expect([again.exif.length, again.xmp.length, again.texts.length]).toEqual([0, 0, 0]);
  });

  test("is marked once, however often it is painted", async () => {
    const once = await contents(await paintedAs());
    const blob = await painted(once, { settings: { ...SETTINGS, style: "other" } }, kind, once);
    const found = await readMetadata(blob);
    expect(settingsOf(found)).toMatchObject({ style: ["other"], weight: [1] });
    expect(text(await contents(blob)).match(/impasto:settings/g)).toHaveLength(1);
    expect(text(await contents(blob)).match(/Maker\0/g)).toHaveLength(1);
  });
});

describe("a JPEG", () => {
  test("has its segments where they belong, and its pixels as they were", async () => {
    const file = text(await contents(await painted(PHOTO)));
    expect(file).toMatch(/^\xff\xd8\xff\xe0..JFIF\0.*\xff\xe1..Exif\0\0.*\xff\xe1..http:.*\xff\xed..Photoshop.*\xff\xfe..by hand\xff\xda/s);
    expect(file.endsWith(text(PIXELS))).toBe(true);
  });

  test("keeps our mark and what fits of a packet above 64 kB", async () => {
    const large = packet(`<own:large xmlns:own="urn:own">${"a".repeat(70_000)}</own:large>`);
    const file = await contents(await painted(webp(lossy, riff("XMP ", utf8(large)))));
    expect(file.length).toBeLessThan(10_000);
    expect(text(file)).toContain("own:title");
    expect(settingsOf(await photo(file))).toMatchObject({ engine: "light" });
  });

  test("has EXIF that fits, without the largest fields", async () => {
    const block = exif({ 270: "d".repeat(40_000), 271: "Maker", 315: "a".repeat(30_000) });
    const found = said((await photo(await contents(await painted(png(chunk("eXIf", block)))))).exif);
    expect(found).toMatchObject({ 271: "Maker", 315: "a".repeat(30_000) });
    expect(found).not.toHaveProperty("270");
  });

  test("is read with the part of its packet that did not fit into a segment", async () => {
    const name = "0123456789ABCDEF".repeat(2);
    const more = utf8(packet('<own:more xmlns:own="urn:own">of it</own:more>'));
    const parts = [more.subarray(100), more.subarray(0, 100)].map((part, index) =>
      segment(0xe1, bytes("http://ns.adobe.com/xmp/extension/\0", name, u32(more.length), u32(index ? 0 : 100), part)));
    const first = packet().replace("xmp:CreatorTool", `xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="${name}" xmp:CreatorTool`);
    const file = text(await contents(await painted(jpeg(segment(0xe1, bytes("http://ns.adobe.com/xap/1.0/\0", utf8(first))), ...parts))));
    expect(file).toContain("<own:more>of it</own:more>");
    expect(file).not.toContain("HasExtendedXMP");
  });
});

describe("a PNG", () => {
  test("has whole chunks before its pixels", async () => {
    const file = await contents(await painted(PHOTO, {}, "png", png()));
    const view = new DataView(file.buffer);
    const kinds: string[] = [];
    for (let at = 8; at < file.length; at += 12 + view.getUint32(at)) {
      const end = at + 8 + view.getUint32(at);
      kinds.push(text(file.subarray(at + 4, at + 8)));
      expect(view.getUint32(end)).toBe(crc(file.subarray(at + 4, end)));
    }
    expect(kinds).toEqual(["IHDR", "eXIf", "tEXt", "iTXt", "iTXt", "IDAT", "IEND"]);
    expect(text(file)).toMatch(/tEXtComment\0by hand.*iTXtimpasto\0\0\0\0\0\{"controls": .*iTXtXML:com.adobe.xmp\0\0\0\0\0<\?xpacket/s);
  });

  test("is read with its texts, also packed ones, which other kinds have in XMP", async () => {
    const stream = new Blob(["Painter \xdc"].map((one) => latin(one))).stream().pipeThrough(new CompressionStream("deflate"));
    const packed = new Uint8Array(await new Response(stream).arrayBuffer());
    const file = png(
      chunk("zTXt", bytes("Author\0\0", packed)),
      chunk("iTXt", bytes("Title\0\0\0de\0Titel\0", utf8("Gr\u00fc\u00dfe"))),
      chunk("tEXt", bytes("Location\0here")),
      chunk("zTXt", bytes("Broken\0\0", packed.subarray(0, 5))),
    );
    expect((await photo(file)).texts).toEqual([["Author", "Painter \xdc"], ["Title", "Gr\u00fc\u00dfe"], ["Location", "here"]]);
    const xmp = new TextDecoder().decode((await photo(await contents(await painted(file, { keep: "place" })))).xmp);
    expect(xmp).toContain('<rdf:li xml:lang="x-default">Gr\u00fc\u00dfe</rdf:li>');
    expect(xmp).toContain("<dc:creator><rdf:Seq><rdf:li>Painter \xdc</rdf:li>");
    expect(text(await contents(await painted(file, { keep: "place" }, "png", png())))).not.toContain("Location");
  });

  test("is what a browser gives that cannot encode another kind", async () => {
    const blob = await painted(PHOTO, {}, "webp", png());
    expect(blob.type).toBe("image/png");
    expect(settingsOf(await readMetadata(blob))).not.toBeNull();
  });
});

describe("a WebP", () => {
  test.each([
    ["lossy", webp(lossy), 0x0c],
    ["lossless", webp(lossless(0)), 0x0c],
    ["lossless with alpha", webp(lossless(1)), 0x1c],
    ["lossy with alpha", webp(riff("ALPH", bytes("abc")), lossy), 0x1c],
    ["extended", webp(riff("VP8X", bytes([0x10, 0, 0, 0, 49, 0, 0, 36, 0, 0])), riff("ALPH", bytes("abc")), lossy), 0x1c],
  ])("says what is in it: %s", async (_, result, flags) => {
    const file = await contents(await painted(PHOTO, {}, "webp", result));
    const view = new DataView(file.buffer);
    expect(view.getUint32(4, true)).toBe(file.length - 8);
    expect([...file.subarray(12, 30)]).toEqual([...bytes("VP8X", low(10), [flags, 0, 0, 0, 49, 0, 0, 36, 0, 0])]);
    expect(text(file).match(/VP8X/g)).toHaveLength(1);
    expect(text(file)).toMatch(/pixel.*EXIF....MM.*XMP /s);
  });
});

describe("a file that is broken or hostile", () => {
  const many = (fields: number[][]) => bytes("MM\0*", u32(8), u16(fields.length), ...fields);

  test.each([...Array(20).keys()])("gives what could be read: %i", async (part) => {
    for (const file of [PHOTO, png(chunk("eXIf", CAMERA)), webp(lossy, riff("EXIF", CAMERA), riff("XMP ", utf8(packet())))]) {
      const kept = await photo(file.slice(0, Math.floor((file.length * part) / 20)));
      expect(settingsOf(kept)).toBeNull();
      expect(settingsOf(await readMetadata(await withMetadata(new Blob([jpeg()]), "jpg", kept, HOW)))).not.toBeNull();
    }
  });

  test("keeps EXIF that comes before the damage", async () => {
    const file = PHOTO.slice(0, 20 + 10 + CAMERA.length + 100);
    expect(said((await photo(file)).exif)).toMatchObject({ 271: "Maker" });
  });

  test("has directories that lead into one another, and fields over one another", async () => {
    const loops = many([[...u16(DETAILS), 0, 4, ...u32(1), ...u32(8)], [...u16(GPS), 0, 4, ...u32(1), ...u32(8)]]);
    expect((await photo(webp(lossy, riff("EXIF", loops)))).exif.length).toBeLessThan(200);
    const fields = Array.from({ length: 1500 }, (_, index) => [...u16(40_100 + index), 0, 1, ...u32(15_000), ...u32(8)]);
    const nested = bytes(many([[...u16(DETAILS), 0, 4, ...u32(1), ...u32(26)]]), u32(0), u16(1500), ...fields);
    const { exif } = await photo(webp(lossy, riff("EXIF", nested)));
    expect(exif.length).toBeGreaterThan(15_000);
    expect(exif.length).toBeLessThan(2 * nested.length);
  });

  test.each([
    ["a document type", `<!DOCTYPE a [<!ENTITY b "c">]>${packet()}`],
    ["an entity", packet("&b;")],
    ["nesting without end", packet("<e:a>".repeat(5000))],
    ["more elements than is reasonable", packet("<e:a/>".repeat(55_000))],
    ["a tag that is not closed", packet("<e:a>")],
    ["an unknown prefix", packet("<z:a/>")],
    ["the same attribute twice", packet('<e:a e:b="" e:b=""/>')],
    ["no XML", "<".repeat(1000)],
  ])("has a packet with %s, which is left out", async (_, xmp) => {
    const file = await contents(await painted(webp(lossy, riff("XMP ", utf8(xmp)))));
    expect(text(file)).not.toContain("own:title");
    expect(settingsOf(await photo(file))).not.toBeNull();
  });

  test("opens to no more memory than is reasonable", async () => {
    const stream = new Blob([new Uint8Array(1 << 25)]).stream().pipeThrough(new CompressionStream("deflate"));
    const bomb = new Uint8Array(await new Response(stream).arrayBuffer());
    expect((await photo(png(chunk("zTXt", bytes("Bomb\0\0", bomb))))).texts).toEqual([]);
  });

  test("is no picture at all", async () => {
    for (const file of [bytes(), bytes("RIFF"), bytes([0xff, 0xd8]), bytes("<svg/>")]) {
      const kept = await photo(file);
      expect([kept.exif.length, kept.xmp.length]).toEqual([0, 0]);
      const blob = await withMetadata(new Blob([file]), "png", kept, HOW);
      expect(await contents(blob)).toEqual(file);
    }
  });
});

describe("settings in a file", () => {
  const saying = async (settings: object | string) => {
    const json = typeof settings === "string" ? settings : JSON.stringify(settings);
    const escaped = json.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
    const marked = packet(`<i:settings xmlns:i="https://impasto.invalid/ns/1.0/">${escaped}</i:settings>`);
    return settingsOf(await photo(webp(lossy, riff("XMP ", utf8(marked)))));
  };

  test.each(["a + b.jpg", "sky:0.5.jpg", "strength=3.jpg", "Gr\u00f6\u00dfe.png"])("may name a painting %s", async (name) => {
    expect(await saying({ style: `${name}:0.25 + udnie:0.75`, regions: [`person=${name}`] })).toMatchObject({
      style: [name, "udnie"],
      weight: [0.25, 0.75],
      regions: [{ mask: "person", style: name, strength: 100, brush_size: null }],
    });
    expect(await saying({ style: name })).toMatchObject({ style: [name], weight: [1] });
  });

  test.each([
    { style: ["udnie"] }, { style: "a:1 + b:2".repeat(1000) }, { style: "a:0 + b:0" }, { style: "a\u200bb" }, { style: "" },
    { controls: {} }, "[1]", "null", "{", "[".repeat(100_000), '{"__proto__": {"style": "udnie"}}',
  ])("say nothing where there is no style: %j", async (settings) => {
    expect(await saying(settings)).toBeNull();
  });

  test("are left out where they are out of range", async () => {
    const controls = { strength: 1e9, detail: "a", size: 1.5, seed: 2, tone: "x", brush_size: true, nonsense: 1 };
    const regions = ["faces=udnie,strength=500", "faces=udnie,brush-size=90", "dogs=udnie", 7, "person=a:1 + b:1", "person=udnie"];
    expect(await saying({ style: "udnie", engine: "/bin/sh", controls, regions })).toEqual({
      style: ["udnie"],
      weight: [1],
      seed: 2,
      regions: [{ mask: "person", style: "udnie", strength: 100, brush_size: null }],
      left_out: 5,
    });
  });
});
