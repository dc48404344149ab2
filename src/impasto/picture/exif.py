"""EXIF blocks: read and write directories without changing their fields (CIPA DC-008, TIFF 6.0).

Pillow decodes and encodes every value, which turns non-ASCII names into question marks and loses types. Here a field
keeps its bytes, its type, and the byte order of the block.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

HEAD = b"Exif\0\0"
ORIENTATION, SOFTWARE, PACKET, IPTC, RESOURCES, PROFILE = 274, 305, 700, 33723, 34377, 34675
DETAILS, POSITION, INTEROPERABILITY = 34665, 34853, 40965
"""Pointers to the directories that are kept: camera settings, GPS position, and interoperability."""

_MAKER_NOTE, _USER_COMMENT, _WIDTH, _HEIGHT, _COLOR_SPACE, _GAMMA = 37500, 37510, 40962, 40963, 40961, 42240

# Tags of the first directory that describe the photo. All others describe the old file's layout.
_KEPT = {269, 270, 271, 272, 282, 283, 285, 296, SOFTWARE, 306, 315, 316, 18246, 18249, 33432, *range(40091, 40096)}
# Tags of other directories that describe the old file: bytes a pixel, gamma, padding, offsets of Microsoft and Samsung.
_STALE = {37122, _GAMMA, 59932, 59933, 40976, 40977}
# Positions in the picture, and pixel density on the sensor, which are valid for one size only.
_IN_PIXELS = {37396, 41492, 41486, 41487, 41488}

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1}
_SHORT, _LONG = 3, 4
_MOST = 2000
"""Largest number of fields that are read from a directory. A few hundred tags exist."""

_PARENTS = {DETAILS: 0, POSITION: 0, INTEROPERABILITY: DETAILS}

Order: TypeAlias = Literal["<", ">"]


class Field(NamedTuple):
    """A field of a directory: type, number of values, and bytes."""

    kind: int
    values: int
    data: bytes


def text_field(text: str) -> Field:
    """Return a text field. Non-ASCII text is UTF-8, as in EXIF 3.0."""
    data = text.encode() + b"\0"
    return Field(2, len(data), data)


class Exif:
    """Directories of fields, by their pointers. The first directory has the key 0.

    Attributes:
        order: the byte order.
        maker_note_at: the offset of the camera maker's note. Its own offsets may count from the block's beginning, so
            it stays in place.
    """

    def __init__(
        self,
        order: Order = "<",
        directories: dict[int, dict[int, Field]] | None = None,
        maker_note_at: int | None = None,
    ) -> None:
        self.order: Order = order
        self.directories = {0: {}} if directories is None else directories
        self.maker_note_at = maker_note_at

    def numbers(self, *values: int, long: bool = True) -> Field:
        """Return a field of integers."""
        data = struct.pack(f"{self.order}{len(values)}{'I' if long else 'H'}", *values)
        return Field(_LONG if long else _SHORT, len(values), data)

    def rational(self, value: float) -> Field:
        from fractions import Fraction

        ratio = Fraction(value).limit_denominator(10_000)
        return Field(5, 1, struct.pack(f"{self.order}2I", ratio.numerator, ratio.denominator))

    def number(self, directory: int, tag: int) -> int | None:
        """Return the first value of an integer field."""
        found = self.directories.get(directory, {}).get(tag)
        kind = None if found is None else {1: "B", 3: "H", 4: "I"}.get(found.kind)
        if found is None or kind is None or not found.values:
            return None
        return int(struct.unpack_from(self.order + kind, found.data)[0])

    def tobytes(self) -> bytes:
        """Return the block, beginning with the byte order; b"" if it is empty."""
        if not any(self.directories.values()):
            return b""
        tables = self._with_pointers()
        note = tables.get(DETAILS, {}).get(_MAKER_NOTE)
        if note is not None and self.maker_note_at is not None and 8 <= self.maker_note_at < 1 << 16:
            return self._laid_out(tables, (self.maker_note_at, self.maker_note_at + len(note.data)))
        return self._laid_out(tables, None)

    def _with_pointers(self) -> dict[int, dict[int, Field]]:
        """Return the directories with pointer fields, which are still 0. Empty directories are left out."""
        tables = {key: dict(fields) for key, fields in self.directories.items() if fields or not key}
        for pointer, parent in reversed(_PARENTS.items()):
            if pointer in tables:
                tables.setdefault(parent, {})[pointer] = self.numbers(0)
        return tables

    def _laid_out(self, tables: Mapping[int, Mapping[int, Field]], reserved: tuple[int, int] | None) -> bytes:
        out = bytearray(8)
        free = 8

        def place(size: int) -> int:
            nonlocal free
            at = free + free % 2
            if reserved and at < reserved[1] and at + size > reserved[0]:
                at = reserved[1] + reserved[1] % 2
            free = at + size
            out.extend(bytes(max(0, free - len(out))))
            return at

        # Place all directories first, so that pointers to them can be written.
        starts = {key: place(6 + 12 * len(tables[key])) for key in sorted(tables)}
        for key, fields in tables.items():
            at = starts[key]
            struct.pack_into(f"{self.order}H", out, at, len(fields))
            for number, (tag, (kind, count, data)) in enumerate(sorted(fields.items())):
                if _PARENTS.get(tag) == key:
                    data = struct.pack(f"{self.order}I", starts[tag])
                where = at + 2 + 12 * number
                struct.pack_into(f"{self.order}HHI", out, where, tag, kind, count)
                if len(data) <= 4:
                    out[where + 8 : where + 8 + len(data)] = data
                    continue
                if reserved and key == DETAILS and tag == _MAKER_NOTE:
                    begin = reserved[0]
                    out.extend(bytes(max(0, reserved[1] - len(out))))
                else:
                    begin = place(len(data))
                out[begin : begin + len(data)] = data
                struct.pack_into(f"{self.order}I", out, where + 8, begin)
        out[:8] = (b"II" if self.order == "<" else b"MM") + struct.pack(f"{self.order}HI", 42, starts[0])
        return bytes(out)


def parse(block: bytes) -> Exif | None:
    """Read the directories of a block or of a whole TIFF file. Fields that lie outside the data are left out.

    Returns:
        None if the data are not an EXIF block.
    """
    while block.startswith(HEAD):
        block = block[len(HEAD) :]
    order: Order
    if block[:4] == b"II*\0" or block[:4] == b"II+\0":
        order = "<"
    elif block[:4] == b"MM\0*" or block[:4] == b"MM\0+":
        order = ">"
    else:
        return None
    big = block[2:3] == b"+" or block[3:4] == b"+"
    found = Exif(order, {})
    try:
        (first,) = struct.unpack_from(order + ("Q" if big else "I"), block, 8 if big else 4)
    except struct.error:
        return None
    found.directories[0], _ = _directory(block, order, first, big=big)
    for pointer, parent in _PARENTS.items():
        entry = found.directories.get(parent, {}).pop(pointer, None)
        if entry is None or entry.kind not in (_LONG, 13, 16, 18) or not entry.values:
            continue
        (at,) = struct.unpack_from(order + ("I" if entry.kind in (_LONG, 13) else "Q"), entry.data)
        found.directories[pointer], places = _directory(block, order, at, big=big)
        found.maker_note_at = found.maker_note_at or places.get(_MAKER_NOTE)
    return found


def _directory(block: bytes, order: Order, at: int, *, big: bool) -> tuple[dict[int, Field], dict[int, int]]:
    """Return a directory's fields, and the offsets of their bytes. For repeated tags, the first one counts."""
    fields: dict[int, Field] = {}
    places: dict[int, int] = {}
    head, entry, room = ("Q", "HHQ", 8) if big else ("H", "HHI", 4)
    if at < 8 or at + struct.calcsize(order + head) > len(block):
        return fields, places
    (number,) = struct.unpack_from(order + head, block, at)
    start, step = at + struct.calcsize(order + head), struct.calcsize(order + entry) + room
    for where in range(start, min(start + step * min(number, _MOST), len(block) - step + 1), step):
        tag, kind, count = struct.unpack_from(order + entry, block, where)
        size = _SIZES.get(kind, 0) * count
        begin = where + step - room
        if size > room:
            (begin,) = struct.unpack_from(order + ("Q" if big else "I"), block, begin)
        if tag not in fields and 0 < size <= len(block) - begin:
            fields[tag], places[tag] = Field(kind, count, block[begin : begin + size]), begin
    return fields, places


def of_photo(found: Exif, orientation: int) -> Exif:
    """Return the EXIF that is valid after turning a photo upright: no thumbnail, orientation or dangling pointer."""
    turned = orientation != 1
    kept = Exif(found.order, {}, found.maker_note_at)
    kept.directories[0] = {tag: value for tag, value in found.directories[0].items() if tag in _KEPT}
    if details := found.directories.get(DETAILS):
        gone = _STALE | (_IN_PIXELS if turned else set())
        # Types 13 and 18 are pointers to directories, which would not be copied.
        details = {tag: value for tag, value in details.items() if tag not in gone and value.kind not in (13, 18)}
        details[_COLOR_SPACE] = found.numbers(1, long=False)  # sRGB
        if orientation in (5, 6, 7, 8):
            swapped = {_WIDTH: details.pop(_HEIGHT, None), _HEIGHT: details.pop(_WIDTH, None)}
            details |= {tag: value for tag, value in swapped.items() if value is not None}
        kept.directories[DETAILS] = details
    if position := found.directories.get(POSITION):
        kept.directories[POSITION] = position
    if found.directories.get(INTEROPERABILITY):
        # The interoperability index gives the color space: R98 is sRGB.
        rule = {1: text_field("R98"), 2: Field(7, 4, b"0100")}
        kept.directories[INTEROPERABILITY] = found.directories[INTEROPERABILITY] | rule
    return kept


def at_size(block: bytes, width: int, height: int) -> Exif:
    """Return a photo's block for a picture of another size. Values in pixels are removed if the size changed."""
    found = parse(block) or Exif()
    details = found.directories.get(DETAILS, {})
    before = found.number(DETAILS, _WIDTH), found.number(DETAILS, _HEIGHT)
    for tag, value in ((_WIDTH, width), (_HEIGHT, height)):
        if tag in details:
            details[tag] = found.numbers(value)
    if before != (width, height):
        for tag in _IN_PIXELS & details.keys():
            del details[tag]
    return found


def within(found: Exif, most: int) -> tuple[bytes, list[str]]:
    """Return the block in at most `most` bytes, and the names of the fields that were removed for that."""
    out: list[str] = []
    data = found.tobytes()
    if len(data) > most and found.maker_note_at is not None:
        found.maker_note_at = None
        data = found.tobytes()
    for name, tag in (("the maker note", _MAKER_NOTE), ("the user comment", _USER_COMMENT)):
        if len(data) > most and found.directories.get(DETAILS, {}).pop(tag, None) is not None:
            out.append(name)
            data = found.tobytes()
    while len(data) > most:
        sizes = {
            (len(value.data), key, tag) for key, fields in found.directories.items() for tag, value in fields.items()
        }
        _, key, tag = max(sizes)
        del found.directories[key][tag]
        out.append(f"tag {tag}")
        data = found.tobytes()
    return data, out


def without_location(block: bytes) -> bytes:
    """Return the block without the position, and without the maker's note, which may contain it in its own form."""
    found = parse(block)
    if found is None:
        return b""
    found.directories.pop(POSITION, None)
    found.directories.get(DETAILS, {}).pop(_MAKER_NOTE, None)
    data = found.tobytes()
    return HEAD + data if data else b""
