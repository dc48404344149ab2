// What of a photo's XMP no longer holds once it is turned, painted and resized: `impasto.picture.xmp_corrections`.

import { all, parts, type Element } from "./metadata-xml.js";
import { change, fullName, fullNames, valueOf, type Packet } from "./metadata-xmp.js";

const ORIENTATIONS = [fullName("tiff:Orientation"), fullName("exif:Orientation")];
// What does not hold for a painted picture: the old file's samples, its thumbnail, digests of what has changed ...
const STALE = [
  ...ORIENTATIONS,
  ...fullNames("tiff", "BitsPerSample Compression PhotometricInterpretation PlanarConfiguration SamplesPerPixel"),
  ...fullNames("tiff", "YCbCrCoefficients YCbCrPositioning YCbCrSubSampling ReferenceBlackWhite TransferFunction"),
  ...fullNames("tiff", "PrimaryChromaticities WhitePoint NativeDigest"),
  ...fullNames("exif", "CompressedBitsPerPixel Gamma NativeDigest"),
  ...fullNames("photoshop", "ICCProfile LegacyIPTCDigest"),
  ...fullNames("xmp", "Thumbnails"),
  // ... and what promises pictures, clips or packets that are not in the file.
  ...fullNames("xmpNote", "HasExtendedXMP"),
  ...fullNames("GCamera", "HdrPlusMakernote hdrp_makernote ShotLogData shot_log_data"),
];
const PROMISES = ["MotionPhoto", "MicroVideo", "OLivePhoto"]; // in the vocabularies of several makers
// Whole vocabularies of that kind: development of a raw file, gain maps, depth maps, sound, embedded files.
const STALE_NAMESPACES = [
  "http://ns.adobe.com/camera-raw-",
  "http://ns.adobe.com/hdr-gain-map/",
  "http://ns.adobe.com/hdr-metadata/",
  "http://ns.apple.com/HDRGainMap/",
  "http://ns.apple.com/pixeldatainfo/",
  "http://ns.apple.com/depthData/",
  "http://ns.apple.com/semanticSegmentationMatte/",
  "http://ns.google.com/photos/1.0/container/",
  "http://ns.google.com/photos/1.0/depthmap/",
  "http://ns.google.com/photos/1.0/image/",
  "http://ns.google.com/photos/1.0/audio/",
  "http://ns.google.com/photos/1.0/focus/",
  "http://ns.google.com/photos/dd/1.0/",
  "http://ns.xiaomi.com/photos/1.0/camera/",
  "http://ns.oplus.com/photos/1.0/camera/",
];
// Positions in the picture, and its density on the sensor: they hold for one size only.
const IN_PIXELS = fullNames("exif", "SubjectArea SubjectLocation FocalPlaneXResolution FocalPlaneYResolution FocalPlaneResolutionUnit");
// Regions of faces in other forms than the one that is turned with the picture.
const REGIONS = [fullName("MP:RegionInfo"), fullName("Iptc4xmpExt:ImageRegion")];
const [AREA, APPLIED] = fullNames("mwg-rs", "Area AppliedToDimensions");
const EXCHANGED = [
  ["tiff:ImageWidth", "tiff:ImageLength"],
  ["exif:PixelXDimension", "exif:PixelYDimension"],
  ["stArea:w", "stArea:h"],
];

/** Make a packet say of the upright picture what it said of the one that lay in the file. */
export function turn(packet: Packet, orientation: number): void {
  const gone = new Set([...ORIENTATIONS, ...IN_PIXELS, ...REGIONS]);
  packet.leaveOut((name) => gone.has(name));
  for (const structure of packet.structures()) {
    for (const [first, second] of orientation >= 5 ? EXCHANGED : []) {
      const [one, other] = [valueOf(structure, first), valueOf(structure, second)];
      if (one === null || other === null) continue;
      change(structure, first, other);
      change(structure, second, one);
    }
    if (structure.tag === AREA) for (const area of all(structure)) turnArea(area, orientation);
  }
}

/** Make a packet say nothing of the old file: not its size, its samples, its thumbnail or its clip. */
export function fit(packet: Packet, [width, height]: readonly [number, number], mime: string): void {
  const sizes = new Set<string>();
  for (const one of all(packet.rdf)) {
    const value = valueOf(one, "exif:PixelXDimension");
    if (value !== null) sizes.add(value);
  }
  const sameSize = sizes.size === 1 && sizes.has(String(width));
  const gone = new Set(sameSize ? STALE : [...STALE, ...IN_PIXELS]);
  packet.leaveOut((name) => gone.has(name) || isStale(name));
  const values = {
    "tiff:ImageWidth": width,
    "tiff:ImageLength": height,
    "exif:PixelXDimension": width,
    "exif:PixelYDimension": height,
    "exif:ColorSpace": 1, // sRGB
    "photoshop:ColorMode": 3, // RGB
    "dc:format": mime,
  };
  const correct = (structure: Element, all: Record<string, number | string>) => {
    for (const [name, value] of Object.entries(all))
      if (valueOf(structure, name) !== null) change(structure, name, String(value));
  };
  for (const structure of packet.structures()) {
    correct(structure, values);
    if (structure.tag === APPLIED) for (const one of all(structure)) correct(one, { "stDim:w": width, "stDim:h": height });
    scalePanorama(structure, width, "Width", ["FullPanoWidthPixels", "CroppedAreaLeftPixels", "LargestValidInteriorRectLeft"]);
    scalePanorama(structure, height, "Height", ["FullPanoHeightPixels", "CroppedAreaTopPixels", "LargestValidInteriorRectTop"]);
  }
}

function isStale(name: string): boolean {
  const [uri, local] = parts(name);
  return STALE_NAMESPACES.some((start) => uri.startsWith(start)) || PROMISES.some((start) => local.startsWith(start));
}

/** Turn a region's center with the picture; its sides have been exchanged before. */
function turnArea(area: Element, orientation: number): void {
  let [x, y] = [numberIn(area, "stArea:x"), numberIn(area, "stArea:y")];
  if (x === null || y === null) return;
  if (orientation >= 5) [x, y] = [y, x];
  if ([2, 3, 6, 7].includes(orientation)) x = 1 - x;
  if ([3, 4, 7, 8].includes(orientation)) y = 1 - y;
  change(area, "stArea:x", String(Number(x.toPrecision(6))));
  change(area, "stArea:y", String(Number(y.toPrecision(6))));
}

/** Give a panorama's places and sizes the scale of a picture of this size (Google's Photo Sphere metadata). */
function scalePanorama(structure: Element, size: number, side: string, others: string[]): void {
  const area = `GPano:CroppedAreaImage${side}Pixels`;
  const before = numberIn(structure, area) || numberIn(structure, `GPano:FullPano${side}Pixels`);
  if (!before || before === size) return;
  for (const local of [...others, `LargestValidInteriorRect${side}`]) {
    const value = numberIn(structure, `GPano:${local}`);
    if (value !== null) change(structure, `GPano:${local}`, String(Math.round((value * size) / before)));
  }
  change(structure, area, String(size));
}

/** A property's number, if it is one of a usual size. */
function numberIn(structure: Element, name: string): number | null {
  const text = valueOf(structure, name)?.trim() ?? "";
  const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  return Math.abs(number) < 1e9 ? number : null;
}
