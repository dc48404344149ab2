"""IPTC's older metadata (IIM 4.2): captions, names and keywords in JPEG and TIFF files, besides EXIF and XMP."""

from __future__ import annotations

import struct
from collections.abc import Iterator

PHOTOSHOP = b"Photoshop 3.0\0"
_RESOURCE = 0x0404  # number of the IPTC data among Photoshop's resources
_PLACES = {(2, number) for number in (26, 27, 90, 92, 95, 100, 101)}

# The equivalent property of XMP (IPTC Photo Metadata Standard), with the prefixes of `xmp.NAMESPACES`.
_PROPERTIES = {
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
}


def from_resources(data: bytes) -> bytes:
    """Return the IPTC records among Photoshop's resources, which begin with 8BIM; b"" if there are none."""
    data = data.removeprefix(PHOTOSHOP)
    at = 0
    while data[at : at + 4] == b"8BIM" and at + 12 <= len(data):
        (number,) = struct.unpack_from(">H", data, at + 4)
        begin = at + 6 + 2 * (data[at + 6] // 2 + 1)  # skip a name with a length byte, padded to an even size
        if begin + 4 > len(data):
            break
        (size,) = struct.unpack_from(">I", data, begin)
        if number == _RESOURCE:
            return data[begin + 4 : begin + 4 + size]
        at = begin + 4 + size + size % 2
    return b""


def as_resources(records: bytes) -> bytes:
    """Return the records as a block of Photoshop resources, for JPEG's APP13 segment."""
    size = struct.pack(">I", len(records))
    return PHOTOSHOP + b"8BIM" + struct.pack(">H", _RESOURCE) + b"\0\0" + size + records + b"\0" * (len(records) % 2)


def _records(data: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield record, number, value and all bytes of each data set, up to the first damaged one."""
    at = 0
    while at + 5 <= len(data) and data[at] == 0x1C:
        record, number, size = struct.unpack_from(">BBH", data, at + 1)
        begin = at + 5
        if size & 0x8000:  # extended: these bits give the length of the length
            length = size & 0x7FFF
            size, begin = int.from_bytes(data[begin : begin + length], "big"), begin + length
        if begin + size > len(data):
            return
        yield record, number, data[begin : begin + size], data[at : begin + size]
        at = begin + size


def without_location(data: bytes) -> bytes:
    return b"".join(whole for record, number, _, whole in _records(data) if (record, number) not in _PLACES)


def properties(data: bytes) -> dict[str, list[str]]:
    """Return the contents of the records by the names of XMP's properties."""
    found: dict[str, list[str]] = {}
    for record, number, value, _ in _records(data):
        if record == 2 and number in _PROPERTIES and (text := _text(value)):
            found.setdefault(_PROPERTIES[number], []).append(text)
    return found


def _text(value: bytes) -> str:
    value = value.strip(b"\0 ")
    try:
        return value.decode()  # many programs write UTF-8 without declaring it
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")
