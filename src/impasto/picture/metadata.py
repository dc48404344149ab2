"""Metadata: keep those of the photo, and record how the picture was made.

The record is an XMP packet with IPTC's digital source type, https://cv.iptc.org/newscodes/digitalsourcetype/.
`compositeWithTrainedAlgorithmicMedia` means a photograph that a trained model has changed.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from PIL import Image

from impasto.picture import exif, iptc, png_text, xmp_corrections
from impasto.picture.xmp import BrokenPacket, Packet, names_location, parse, value_of

SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

# Largest contents of a JPEG segment, from which the headers of each block are subtracted below.
_SEGMENT = 65533
SEGMENT_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
"""The header of an XMP packet in a JPEG segment."""
_MOST_EXIF, _MOST_XMP = _SEGMENT - len(exif.HEAD), _SEGMENT - len(SEGMENT_HEAD)

_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_WITHOUT_METADATA = {"BMP", "GIF"}
_UPRIGHT = {"AVIF", "HEIF"}  # the decoder turns them upright, as the container says


class Kept(NamedTuple):
    """A picture's metadata.

    Attributes:
        exif: a block that begins with `exif.HEAD`.
        xmp: a packet.
        iptc: records of IPTC's older format.
        texts: keyword and text, as in PNG.
        comment: a comment, as in JPEG.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    texts: tuple[tuple[str, str], ...] = ()
    comment: bytes = b""


def settings_text(made_with: Mapping[str, object]) -> str:
    """Return the settings as one line of JSON."""
    return json.dumps(made_with, ensure_ascii=False, sort_keys=True)


def comment_text(made_with: Mapping[str, object]) -> str:
    """Return the settings and IPTC's digital source type, for files that store only a comment: clips and GIFs."""
    return settings_text({"digital_source_type": SOURCE_TYPE, **made_with})


def made_with_of(kept: Kept) -> dict[str, Any] | None:
    """Return the settings in a picture's metadata: the inverse of `settings_text`.

    A file may contain anything. The result is only guaranteed to be names and JSON values.

    Returns:
        None if Impasto did not make the picture, or its file does not say so.
    """
    try:
        packet = parse(kept.xmp) if b"impasto" in kept.xmp else Packet()
        said = (value_of(description, "impasto:settings") for description in packet.rdf)
        text = next(filter(None, said), "null")
    except BrokenPacket:
        return None
    return _settings_in(text)


def made_with_in(comment: str) -> dict[str, Any] | None:
    """Return the settings in a comment: the inverse of `comment_text`.

    Other programs may have added lines before ours.
    """
    lines = (line for line in reversed(comment.splitlines()) if SOURCE_TYPE in line)
    return _settings_in(next(lines, "null"))


def _settings_in(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def program_text(made_with: Mapping[str, object]) -> str:
    """Return the program and its version."""
    return f"{made_with.get('program', 'Impasto')} {made_with.get('version', '')}".strip()


def read(image: Image.Image, data: bytes | None = None) -> tuple[int, Kept]:
    """Return a picture's orientation (1: upright), and its metadata, corrected for the upright picture.

    The orientation comes from EXIF, else from XMP.

    Args:
        data: the picture's file; None for an image in memory, whose EXIF may have been changed.
    """
    try:
        return _read(image, data)
    except Exception:  # broken metadata must not prevent reading the photo
        return 1, Kept()


def _read(image: Image.Image, data: bytes | None) -> tuple[int, Kept]:
    info = image.info
    texts = _texts(image, data)
    tiff = exif.parse(data) if image.format == "TIFF" and data else None
    if image.format == "AVIF":
        # The block as stored: Pillow re-encodes it if the container turns the picture.
        *_, raw, orientation, _ = image._decoder.get_info()  # type: ignore[attr-defined]
        block = exif.parse(raw or b"")
    else:
        block = tiff or exif.parse(_exif_block(image, texts))
        orientation = block and block.number(0, exif.ORIENTATION)
        if data is None:
            orientation = image.getexif().get(exif.ORIENTATION)
    xmp = _with_extension(_xmp_packet(info, texts, tiff), getattr(image, "applist", ()))
    if orientation not in range(1, 9):
        orientation = 1 if image.format in _UPRIGHT else _orientation(xmp)
    kept = exif.of_photo(block, orientation).tobytes() if block else b""
    comment = info.get("comment", b"")
    comment = comment if isinstance(comment, bytes) else str(comment).encode()
    if SOURCE_TYPE.encode() in comment:  # the record of an earlier painting
        comment = b""
    # Pillow turns decoded TIFF files upright, and resets the orientation.
    left = orientation if tiff is None else image.getexif().get(exif.ORIENTATION, 1)
    return left, Kept(
        exif.HEAD + kept if kept else b"",
        _turned(xmp, orientation),
        _iptc_records(info, texts, tiff),
        png_text.kept(texts),
        comment,
    )


def _texts(image: Image.Image, data: bytes | None) -> list[tuple[str, str]]:
    if image.format != "PNG":
        return []
    if data is not None:
        return png_text.read(data)
    return [(str(key), str(text)) for key, text in getattr(image, "text", {}).items()]


def _exif_block(image: Image.Image, texts: list[tuple[str, str]]) -> bytes:
    hidden = (data for data in png_text.raw_profiles(texts, "exif", "app1") if not data.startswith(SEGMENT_HEAD))
    block = image.info.get("exif") or next(hidden, b"")
    return bytes(block) if block else image.getexif().tobytes()


def _xmp_packet(info: Mapping[Any, Any], texts: list[tuple[str, str]], tiff: exif.Exif | None) -> bytes:
    if tiff is not None:
        field = tiff.directories[0].get(exif.PACKET)
        return b"" if field is None else field.data
    packet = dict(texts).get(png_text.PACKET) or info.get("xmp") or info.get(png_text.PACKET)
    if not packet:
        hidden = (data for data in png_text.raw_profiles(texts, "app1") if data.startswith(SEGMENT_HEAD))
        return png_text.raw_profile(texts, "xmp") or next(hidden, b"").removeprefix(SEGMENT_HEAD)
    if isinstance(packet, tuple):  # bytes, stored as numbers in a TIFF file
        return bytes(packet)
    return packet.encode("utf-8", "replace") if isinstance(packet, str) else bytes(packet)


def _with_extension(xmp: bytes, segments: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the packet with the part that did not fit into the first JPEG segment.

    Source: XMP specification, part 3, 1.1.3.1.
    """
    found = re.search(rb"HasExtendedXMP[^0-9A-Fa-f]{1,4}([0-9A-Fa-f]{32})", xmp)
    if not found:
        return xmp
    parts = {}
    for _, data in segments:
        if data.startswith(head := _EXTENSION + found[1]):
            parts[int.from_bytes(data[len(head) + 4 : len(head) + 8], "big")] = data[len(head) + 8 :]
    try:
        packet = parse(xmp)
        extension = parse(b"".join(data for _, data in sorted(parts.items())))
    except BrokenPacket:
        return xmp
    packet.rdf.extend(extension.rdf)
    packet.prefixes |= extension.prefixes | packet.prefixes
    return packet.tobytes()


def _iptc_records(info: Mapping[Any, Any], texts: list[tuple[str, str]], tiff: exif.Exif | None) -> bytes:
    if tiff is not None:
        first = tiff.directories[0]
        if exif.IPTC in first:
            return first[exif.IPTC].data.rstrip(b"\0")
        return iptc.from_resources(first[exif.RESOURCES].data) if exif.RESOURCES in first else b""
    resources = info.get("photoshop")
    if isinstance(resources, dict):
        return bytes(resources.get(0x0404, b""))
    return iptc.from_resources(png_text.raw_profile(texts, "iptc", "8bim"))


def _orientation(xmp: bytes) -> int:
    if b"Orientation" not in xmp.replace(b"\0", b""):  # UTF-16 has a 0 in every second byte
        return 1
    try:
        return parse(xmp).orientation() or 1
    except BrokenPacket:
        return 1


def _turned(xmp: bytes, orientation: int) -> bytes:
    """Return the packet of the upright picture. A broken packet stays, so that `written` can warn about it."""
    if orientation == 1 or not xmp:
        return xmp
    try:
        packet = parse(xmp)
    except BrokenPacket:
        return xmp
    xmp_corrections.turn(packet, orientation)
    return packet.tobytes()


def read_dpi(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 1 <= across <= 1e5 and 1 <= down <= 1e5 else None


def without_location(kept: Kept) -> Kept:
    """Remove the location of a photo: positions, and place names in fields for places."""
    try:
        packet = parse(kept.xmp) if kept.xmp else None
    except BrokenPacket:
        packet = None
    if packet is not None:
        packet.leave_out(names_location)
    return Kept(
        exif.without_location(kept.exif) if kept.exif else b"",
        b"" if packet is None else packet.tobytes(),
        iptc.without_location(kept.iptc),
        tuple((key, text) for key, text in kept.texts if not names_location(key)),
        kept.comment,
    )


def written(
    kept: Kept, file_format: str, size: tuple[int, int], made_with: Mapping[str, object], name: str = ""
) -> Kept:
    """Return the metadata for a file of this format.

    Sizes are updated, and values that no longer hold are removed. Metadata that are too large for the format are
    shortened, with a warning. Metadata that the format cannot store move to XMP.

    Args:
        size: width and height of the picture.
        made_with: program, version, style, controls, or any JSON object. If it is empty, no record is written.
        name: the name of the photo's file, for the warning.
    """
    if file_format in _WITHOUT_METADATA:
        return Kept()
    name = name or "the picture"
    jpeg = file_format == "JPEG"
    block, left = exif.within(exif.at_size(kept.exif, *size), _MOST_EXIF if jpeg else 1 << 31)
    _say_left_out(name, "EXIF", left)
    said: dict[str, list[str]] = {}
    if file_format not in ("JPEG", "TIFF"):
        said |= iptc.properties(kept.iptc)
    if file_format != "PNG":
        said |= png_text.properties(kept.texts)
    xmp = _packet(kept.xmp, file_format, size, made_with, said, name)
    records, texts, comment = kept.iptc, kept.texts, kept.comment
    if jpeg and len(iptc.as_resources(records)) > _SEGMENT:
        _say_left_out(name, "IPTC", ["all of it"])
        records = b""
    if file_format == "PNG" and comment and "Comment" not in dict(texts):
        texts = (*texts, ("Comment", _decoded(comment)))
    elif jpeg and not comment:
        comment = dict(texts).get("Comment", "").encode("utf-8", "replace")
    long = [key for key, text in texts if len(text) > png_text.MOST]
    if long and file_format == "PNG":
        warnings.warn(f"{name}: texts of more than 4 MB are left out: {', '.join(long)}", stacklevel=2)
        texts = tuple((key, text) for key, text in texts if key not in long)
    return Kept(exif.HEAD + block if block else b"", xmp, records, texts, comment[:_SEGMENT])


def _packet(
    photo_packet: bytes,
    file_format: str,
    size: tuple[int, int],
    made_with: Mapping[str, object],
    said: Mapping[str, list[str]],
    name: str,
) -> bytes:
    if not (photo_packet or made_with or said):
        return b""
    packet = Packet()
    if photo_packet:
        try:
            packet = parse(photo_packet)
        except BrokenPacket as error:
            warnings.warn(f"{name}: XMP is left out: {error}", stacklevel=2)
            if not (made_with or said):
                return b""
        xmp_corrections.fit(packet, *size, f"image/{file_format.lower()}")
    packet.add(said)
    if made_with:
        packet.mark(
            {
                "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE,
                "xmp:CreatorTool": program_text(made_with),
                "impasto:settings": settings_text(made_with),
            }
        )
    most = _MOST_XMP if file_format == "JPEG" else 1 << 31
    data, left = packet.within(most)
    if len(data) > most:
        data, left = b"", ["all of it"]
    _say_left_out(name, "XMP", left)
    return data


def _say_left_out(name: str, what: str, left: Sequence[str]) -> None:
    if left:
        named = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
        warnings.warn(f"{name}: a JPEG file stores at most 64 kB of {what}; left out: {named}", stacklevel=2)


def _decoded(comment: bytes) -> str:
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("cp1252", "replace")
