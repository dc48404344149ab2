"""Correct or remove XMP properties that are no longer valid after a photo is turned, painted and resized."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from impasto.picture.xmp import ORIENTATIONS, Packet, full_name, full_names, number_in, put, value_of

# Not valid for a painted picture: the old file's samples and thumbnail, digests of changed data, ...
_STALE = (
    ORIENTATIONS
    | full_names("tiff", "BitsPerSample Compression PhotometricInterpretation PlanarConfiguration SamplesPerPixel")
    | full_names("tiff", "YCbCrCoefficients YCbCrPositioning YCbCrSubSampling ReferenceBlackWhite TransferFunction")
    | full_names("tiff", "PrimaryChromaticities WhitePoint NativeDigest")
    | full_names("exif", "CompressedBitsPerPixel Gamma NativeDigest")
    | full_names("photoshop", "ICCProfile LegacyIPTCDigest")
    | full_names("xmp", "Thumbnails")
    # ... and references to pictures, clips or packets that are not in the file.
    | full_names("xmpNote", "HasExtendedXMP")
    | full_names("GCamera", "HdrPlusMakernote hdrp_makernote ShotLogData shot_log_data")
)
_PROMISES = ("MotionPhoto", "MicroVideo", "OLivePhoto")  # in several makers' namespaces
# Whole namespaces of that kind: raw development, gain maps, depth maps, sound, embedded files.
_STALE_NAMESPACES = (
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
)
# Positions in the picture, and pixel density on the sensor, which are valid for one size only.
_IN_PIXELS = full_names("exif", "SubjectArea SubjectLocation FocalPlaneXResolution FocalPlaneYResolution") | full_names(
    "exif", "FocalPlaneResolutionUnit"
)
# Face regions in forms that are not turned with the picture.
_REGIONS = {full_name("MP:RegionInfo"), full_name("Iptc4xmpExt:ImageRegion")}
_AREA, _APPLIED = full_name("mwg-rs:Area"), full_name("mwg-rs:AppliedToDimensions")


def turn(packet: Packet, orientation: int) -> None:
    """Adapt a packet's sizes and areas to the upright picture."""
    packet.leave_out(lambda name: name in ORIENTATIONS | _IN_PIXELS | _REGIONS)
    pairs = [
        ("tiff:ImageWidth", "tiff:ImageLength"),
        ("exif:PixelXDimension", "exif:PixelYDimension"),
        ("stArea:w", "stArea:h"),
    ]
    for element in packet.structures():
        for first, second in pairs if orientation in (5, 6, 7, 8) else ():
            one, other = value_of(element, first), value_of(element, second)
            if one is not None and other is not None:
                put(element, first, other)
                put(element, second, one)
        if element.tag == _AREA:
            for area in element.iter():
                _turn_area(area, orientation)


def fit(packet: Packet, width: int, height: int, mime: str) -> None:
    """Adapt a packet to the new file, and remove properties of the old one: size, samples, thumbnail, clip."""
    sizes = {value_of(element, "exif:PixelXDimension") for element in packet.rdf.iter()} - {None}
    unwanted = _STALE | (_IN_PIXELS if sizes != {str(width)} else set())
    packet.leave_out(lambda name: name in unwanted or _is_stale(name))
    values = {
        "tiff:ImageWidth": width,
        "tiff:ImageLength": height,
        "exif:PixelXDimension": width,
        "exif:PixelYDimension": height,
        "exif:ColorSpace": 1,  # sRGB
        "photoshop:ColorMode": 3,  # RGB
        "dc:format": mime,
    }
    for element in packet.structures():
        for name, value in values.items():
            if value_of(element, name) is not None:
                put(element, name, str(value))
        if element.tag == _APPLIED:
            for part in element.iter():
                for name, value in (("stDim:w", width), ("stDim:h", height)):
                    if value_of(part, name) is not None:
                        put(part, name, str(value))
        _scale_panorama(element, width, height)


def _is_stale(name: str) -> bool:
    uri, _, local = name[1:].rpartition("}")
    return uri.startswith(_STALE_NAMESPACES) or local.startswith(_PROMISES)


def _turn_area(area: Element, orientation: int) -> None:
    """Turn a region's center as `samples.upright` turns the picture. Its sides have been swapped before."""
    x, y = number_in(area, "stArea:x"), number_in(area, "stArea:y")
    if x is None or y is None:
        return
    if orientation in (5, 6, 7, 8):
        x, y = y, x
    if orientation in (2, 3, 6, 7):
        x = 1 - x
    if orientation in (3, 4, 7, 8):
        y = 1 - y
    put(area, "stArea:x", f"{x:.6g}")
    put(area, "stArea:y", f"{y:.6g}")


def _scale_panorama(element: Element, width: int, height: int) -> None:
    """Scale a panorama's positions and sizes to a picture of this size (Google's Photo Sphere metadata)."""
    for size, side, others in (
        (width, "Width", ("FullPanoWidthPixels", "CroppedAreaLeftPixels", "LargestValidInteriorRectLeft")),
        (height, "Height", ("FullPanoHeightPixels", "CroppedAreaTopPixels", "LargestValidInteriorRectTop")),
    ):
        area = f"GPano:CroppedAreaImage{side}Pixels"
        before = number_in(element, area) or number_in(element, f"GPano:FullPano{side}Pixels")
        if not before or before == size:
            continue
        for local in (*others, f"LargestValidInteriorRect{side}"):
            value = number_in(element, f"GPano:{local}")
            if value is not None:
                put(element, f"GPano:{local}", str(round(value * size / before)))
        put(element, area, str(size))
