"""Read the samples of a TIFF page: strips, tiles, planes, any bit depth.

Pillow and libtiff decompress. For them, the strips or tiles of a plane are described as rows of bytes.
"""

from __future__ import annotations

import io
import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

WHITE_IS_ZERO, GRAY, RGB, CMYK, CIELAB, ICCLAB = 0, 1, 2, 5, 8, 9
COLORS = {WHITE_IS_ZERO: 1, GRAY: 1, RGB: 3, CMYK: 4, CIELAB: 3, ICCLAB: 3}
"""Supported photometric interpretations, and their numbers of channels."""

RAW, LOSSLESS = 1, {1, 5, 8, 32773, 32946, 34925, 50000}
"""Compressions that return the samples' exact bytes."""

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
_KINDS = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}
_MOST_CHANNELS = 64
_AT_ONCE = 1 << 25  # bytes that are decoded at a time


class AnySize(TiffImagePlugin.TiffImageFile):
    """A TIFF file without Pillow's size limit, which applies to the whole process. Our own limit is checked before."""

    def load_prepare(self) -> None:
        size = getattr(self, "_tile_size", None)
        if self._im is None and size is not None:
            self.im = Image.core.new(self.mode, size)  # type: ignore[attr-defined]
        super().load_prepare()


class Layout(NamedTuple):
    """The layout of a page's samples in its file."""

    width: int
    height: int
    channels: int
    bits: int
    kind: int
    photometric: int
    compression: int
    planar: bool
    predictor: int
    fill_order: int
    extra: tuple[int, ...]
    block: tuple[int, int]  # width and height of a strip or a tile
    offsets: tuple[int, ...]
    counts: tuple[int, ...]


def layout_of(tags: dict[int, Any]) -> Layout | None:
    """Return the layout; None if tags are missing or wrong, or samples have different sizes."""

    def one(tag: int, usual: int) -> int:
        value = tags.get(tag, usual)
        return int(value[0] if isinstance(value, tuple) else value)

    def many(tag: int, usual: tuple[int, ...] = ()) -> tuple[int, ...]:
        value = tags.get(tag, usual)
        return tuple(int(each) for each in (value if isinstance(value, tuple) else (value,)))

    try:
        width, height, channels = one(256, 0), one(257, 0), one(277, 1)
        bits, kinds = set(many(258, (1,))[:channels]), set(many(339, (UNSIGNED,))[:channels])
        tiled = 324 in tags
        rows = min(one(278, height), height)
        block = (one(322, 0), one(323, 0)) if tiled else (width, rows)
        found = Layout(
            width,
            height,
            channels,
            bits.pop(),
            kinds.pop(),
            one(262, GRAY),
            one(259, RAW),
            one(284, 1) == 2 and channels > 1,
            one(317, 1),
            one(266, 1),
            many(338),
            block,
            many(324 if tiled else 273),
            many(325 if tiled else 279, (0,)),
        )
    except (IndexError, KeyError, TypeError, ValueError):
        return None
    enough = channels >= COLORS.get(found.photometric, 1) and channels <= _MOST_CHANNELS and min(block) > 0
    whole = (
        found.bits <= 32
        if found.kind == UNSIGNED
        else found.bits in ((8, 16, 32) if found.kind == SIGNED else (16, 32, 64))
    )
    same = not bits and not kinds and found.kind in _KINDS and found.bits > 0
    return found if enough and whole and same else None


def read(layout: Layout, data: bytes) -> NDArray[Any]:
    """Return all samples, H x W x channels, in the machine's byte order."""
    width, height = layout.block
    across, down = math.ceil(layout.width / width), math.ceil(layout.height / height)
    planes, channels = (layout.channels, 1) if layout.planar else (1, layout.channels)
    row_bytes = math.ceil(width * channels * layout.bits / 8)
    if len(layout.offsets) < planes * across * down or not layout.height:
        raise EOFError("strips are missing")
    at_once = max(1, _AT_ONCE // max(1, row_bytes * height * across))  # rows of strips or tiles to decode at a time
    out: NDArray[Any] | None = None
    for plane in range(planes):
        for first in range(0, down, at_once):
            last = min(down, first + at_once)
            part = slice((plane * down + first) * across, (plane * down + last) * across)
            tiled = across > 1 or width != layout.width
            rows = (last - first) * across * height if tiled else min(layout.height, last * height) - first * height
            raw = _bytes(layout, data, part, row_bytes, rows)
            values = _values(raw, layout, data[:2], width * channels).reshape(rows, width, channels)
            if layout.predictor == 2:
                values = np.cumsum(values, axis=1, dtype=values.dtype)
            if out is None:
                out = np.empty((layout.height, layout.width, layout.channels), values.dtype)
            into = out[first * height :, :, plane : plane + 1] if layout.planar else out[first * height :]
            for index in range((last - first) * across if tiled else 1):
                top, left = index // across * height, index % across * width
                piece = values[index * height : (index + 1) * height] if tiled else values
                target = into[top : top + len(piece), left : left + width]
                target[:] = piece[: target.shape[0], : target.shape[1]]
    assert out is not None
    return out


def _bytes(layout: Layout, data: bytes, part: slice, row_bytes: int, rows: int) -> NDArray[np.uint8]:
    """Return the bytes of some rows of a plane, with its strips or tiles one below the other."""
    offsets, counts = layout.offsets[part], layout.counts[part]
    if len(counts) != len(offsets) or not all(counts):
        counts = (row_bytes * layout.block[1],) * len(offsets)
    pieces = [data[begin : begin + size] for begin, size in zip(offsets, counts, strict=True)]
    if layout.compression == RAW:
        raw = np.frombuffer(b"".join(pieces), np.uint8)[: rows * row_bytes]
        if len(raw) < rows * row_bytes:
            raise EOFError("samples are missing")
        if layout.fill_order == 2:
            raw = np.packbits(np.unpackbits(raw, bitorder="little"))
        return raw.reshape(rows, row_bytes)
    directory = TiffImagePlugin.ImageFileDirectory_v2(ifh=b"II\x2a\0\x08\0\0\0")
    directory[256], directory[257] = row_bytes, rows
    directory[258], directory[262], directory[277] = 8, GRAY, 1
    directory[259], directory[266] = layout.compression, layout.fill_order
    directory[278] = layout.block[1]
    directory[279] = tuple(map(len, pieces))
    # Pillow adds the size of the directory to these offsets, so the strips begin after it.
    directory[273] = tuple(itertools.accumulate(map(len, pieces[:-1]), initial=0))
    file = io.BytesIO()
    directory.save(file)
    file.write(b"".join(pieces))
    file.seek(0)
    return np.asarray(AnySize(file, ""))


def _values(raw: NDArray[np.uint8], layout: Layout, order: bytes, count: int) -> NDArray[Any]:
    """Convert rows of bytes to rows of numbers.

    Args:
        order: the byte order, II or MM.
        count: numbers in a row.
    """
    size = layout.bits // 8
    if layout.bits not in (8, 16, 32, 64):
        return _packed(raw, layout.bits, order, count)
    if layout.predictor == 3:  # Adobe's float predictor: bytes grouped by significance, as differences
        channels = 1 if layout.planar else layout.channels
        summed = np.cumsum(raw.reshape(len(raw), -1, channels), axis=1, dtype=np.uint8)
        parts = summed.reshape(len(raw), size, count).transpose(0, 2, 1)
        return np.ascontiguousarray(parts).view(f">f{size}").reshape(len(raw), count).astype(f"f{size}")
    kind = np.dtype(("<" if order == b"II" else ">") + _KINDS[layout.kind] + str(size))
    return np.ascontiguousarray(raw).view(kind).astype(kind.newbyteorder("="), copy=False)


def _packed(raw: NDArray[np.uint8], bits: int, order: bytes, count: int) -> NDArray[np.uint32]:
    """Unpack numbers of any bit depth, most significant bit first, as TIFF packs them."""
    out = np.empty((len(raw), count), np.uint32)
    weights = (1 << np.arange(bits - 1, -1, -1, dtype=np.uint64)).astype(np.float64)
    if bits == 24 and order == b"II":
        padded = np.zeros((len(raw), count, 4), np.uint8)
        padded[:, :, :3] = raw[:, : 3 * count].reshape(len(raw), count, 3)
        return padded.view("<u4")[:, :, 0].astype(np.uint32)
    step = max(1, (1 << 22) // max(1, count * bits))
    for top in range(0, len(raw), step):
        each = np.unpackbits(raw[top : top + step], axis=1)[:, : count * bits]
        out[top : top + step] = each.reshape(-1, count, bits) @ weights
    return out
