"""Krita's pixels: rows of B, G, R, A with 8 or 16 bits a channel, low byte first.

Krita's Python has no NumPy. Slices with a step process all bytes of a channel at once.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from . import png

if TYPE_CHECKING:
    from collections.abc import Sequence

_SWAPPED = {8: (2, 1, 0, 3), 16: (4, 5, 2, 3, 0, 1, 6, 7)}  # R, G, B, A, and back
_ROWS = 256  # rows to write at once
_OPAQUE = 255


class Area(NamedTuple):
    """A rectangle of a document, in pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def empty(self) -> bool:
        return self.width <= 0 or self.height <= 0

    def inside(self, other: Area) -> Area:
        """Return the intersection; `empty` if there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Area(x, y, max(0, right - x), max(0, bottom - y))

    def grown(self, margin: int) -> Area:
        """Return the area with a margin added at each side."""
        return Area(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)


def to_png(pixels: bytes, width: int, height: int, bits: int) -> bytes:
    """Encode the pixels as a PNG file: RGB if all are opaque, else RGBA."""
    channels = 3 if is_opaque(pixels, bits) else 4
    order = _SWAPPED[bits][: channels * bits // 8]
    writer = png.Writer(width, height, channels, bits)
    step = _ROWS * width * bits // 2
    for start in range(0, len(pixels), step):
        writer.add(bytes(_reordered(pixels[start : start + step], order, bits // 2)))
    return writer.finish()


def from_rgba(data: bytes, bits: int) -> bytes:
    """Convert pixels of R, G, B, A to Krita's; 16-bit numbers have the low byte first."""
    return bytes(_reordered(data, _SWAPPED[bits], bits // 2))


def cropped(pixels: bytes, area: Area, part: Area, bits: int) -> bytes:
    """Return the pixels of a part of an area."""
    size = bits // 2
    stride = area.width * size
    left, right = (part.x - area.x) * size, (part.x - area.x + part.width) * size
    top = part.y - area.y
    return b"".join(pixels[row * stride + left : row * stride + right] for row in range(top, top + part.height))


def masked(pixels: bytes, mask: bytes, bits: int) -> bytes:
    """Multiply the pixels' opacity by a mask with one byte a pixel, 255 for fully selected."""
    out = bytearray(pixels)
    if is_opaque(pixels, bits):
        for place in _alpha(bits):
            out[place :: bits // 2] = mask
    elif bits == 8:
        out[3::4] = bytes(map(_shared, pixels[3::4], mask))
    else:
        values = array("H", pixels)
        values[3::4] = array("H", map(_shared, values[3::4], mask))
        out[:] = values.tobytes()
    return bytes(out)


def is_opaque(pixels: bytes, bits: int) -> bool:
    """Return whether all pixels are opaque."""
    return all(pixels[place :: bits // 2].count(_OPAQUE) * (bits // 2) == len(pixels) for place in _alpha(bits))


def is_blank(pixels: bytes, bits: int) -> bool:
    """Return whether all pixels are fully transparent."""
    return all(pixels[place :: bits // 2].count(0) * (bits // 2) == len(pixels) for place in _alpha(bits))


def _alpha(bits: int) -> Sequence[int]:
    """Return the positions of a pixel's opacity bytes."""
    return (3,) if bits == 8 else (6, 7)


def _shared(opacity: int, share: int) -> int:
    return (opacity * share + 127) // 255


def _reordered(pixels: bytes, order: Sequence[int], size: int) -> bytearray:
    """Reorder the bytes of each pixel of `size` bytes: those at these positions, in this order."""
    out = bytearray(len(pixels) // size * len(order))
    for new, old in enumerate(order):
        out[new :: len(order)] = pixels[old::size]
    return out
