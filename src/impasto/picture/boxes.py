"""Read properties from the boxes of a file that Pillow does not return: color, crop, depth, channel order.

The formats are AVIF and HEIF (ISO/IEC 23008-12) and JPEG 2000 (ISO/IEC 15444-1, annex I).
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

_NCLX = re.compile(rb"colrnclx(....)", re.DOTALL)


class Said(NamedTuple):
    """Properties of the file's main picture."""

    cicp: tuple[int, int] | None = None  # primaries and transfer of ITU-T H.273
    crop: tuple[int, int, int, int] | None = None  # left, top, right, bottom, in the stored picture
    bits: int = 8  # a channel


def read(data: bytes) -> Said:
    """Read the properties of a file's main picture. If the boxes cannot be read, return defaults."""
    properties: list[tuple[bytes, bytes]] = []
    with contextlib.suppress(struct.error, IndexError, ValueError, ZeroDivisionError, KeyError):
        properties = _properties(data)
    cicp, crop, bits, size = None, None, 8, (0, 0)
    with contextlib.suppress(struct.error, IndexError, ValueError, ZeroDivisionError):
        for kind, body in properties:
            if kind == b"ispe":
                size = struct.unpack_from(">II", body, 4)
            elif kind == b"colr" and body[:4] == b"nclx":
                cicp = struct.unpack_from(">HH", body, 4)
            elif kind == b"av1C":
                bits = (12 if body[2] & 0x20 else 10) if body[2] & 0x40 else 8
            elif kind == b"pixi":
                bits = body[5]
            elif kind == b"clap":
                crop = _crop(body, size)
    if cicp is None and (said := _NCLX.search(data[: 1 << 16])):  # an image sequence, or the tiles of a grid
        cicp = struct.unpack(">HH", said[1])
    return Said(cicp, crop, bits)


class Jp2(NamedTuple):
    """Properties of a JPEG 2000 picture.

    Attributes:
        color: the indices of the color channels, in their order; () if unknown.
        alpha: the index of the alpha channel, or None.
        premultiplied: True if colors are multiplied by alpha.
        profile: an ICC profile, or b"".
    """

    color: tuple[int, ...] = ()
    alpha: int | None = None
    premultiplied: bool = False
    profile: bytes = b""


def read_jp2(data: bytes) -> Jp2:
    """Read the header of a JPEG 2000 file. If it is missing or cannot be read, return defaults."""
    header = next((body for kind, body in _boxes(data) if kind == b"jp2h"), b"")
    color, alpha, premultiplied, profile = {}, None, False, b""
    with contextlib.suppress(struct.error):
        for kind, body in _boxes(header):
            if kind == b"colr" and body[:1] in (b"\2", b"\3"):
                profile = profile or body[3:]
            if kind != b"cdef":
                continue
            for index in range(*struct.unpack_from(">H", body)):
                channel, meaning, place = struct.unpack_from(">HHH", body, 2 + 6 * index)
                if meaning == 0:
                    color[place] = channel
                elif meaning in (1, 2) and place == 0:
                    alpha, premultiplied = channel, meaning == 2
    return Jp2(tuple(color[place] for place in sorted(color)), alpha, premultiplied, profile)


def _properties(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return kind and body of each property of the main picture, in order."""
    meta = next((body for kind, body in _boxes(data) if kind == b"meta"), b"")
    boxes = dict(_boxes(meta[4:]))
    pitm = boxes[b"pitm"]
    (main,) = struct.unpack_from(">I" if pitm[0] else ">H", pitm, 4)
    inside = dict(_boxes(boxes[b"iprp"]))
    known = list(_boxes(inside[b"ipco"]))
    return [known[index - 1] for item, index in _associations(inside[b"ipma"]) if item == main and index]


def _associations(body: bytes) -> Iterator[tuple[int, int]]:
    """Yield the number of an item and the number of one of its properties, counted from 1."""
    wide_item, wide_index = body[0] > 0, bool(body[3] & 1)
    (count,), at = struct.unpack_from(">I", body, 4), 8
    for _ in range(count):
        (item,) = struct.unpack_from(">I" if wide_item else ">H", body, at)
        at += 4 if wide_item else 2
        properties, at = body[at], at + 1
        for _ in range(properties):
            (index,) = struct.unpack_from(">H" if wide_index else ">B", body, at)
            at += 2 if wide_index else 1
            yield item, index & (0x7FFF if wide_index else 0x7F)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        begin = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, begin)
            begin += 8
        end = at + size if size else len(data)
        if end <= at:
            break
        yield kind, data[begin:end]
        at = end


def _crop(body: bytes, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Return the crop box of a clean aperture, which stores a size and the offset of its center."""
    numbers = struct.unpack_from(">iiiiiiii", body)
    width, height, right, down = (Fraction(*numbers[i : i + 2]) for i in range(0, 8, 2))
    left = round(right + (size[0] - width) / 2)
    top = round(down + (size[1] - height) / 2)
    box = (left, top, left + round(width), top + round(height))
    inside = 0 <= left < box[2] <= size[0] and 0 <= top < box[3] <= size[1]
    return box if inside and box != (0, 0, *size) else None
