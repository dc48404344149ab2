"""Pixels as Krita keeps them: rows of B, G, R, A, with 8 bits a channel or 16, the low byte first.

Krita's Python has no NumPy. Slices with a step move all bytes of a channel at once.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from . import png

if TYPE_CHECKING:
    from collections.abc import Sequence

_SWAPPED = {8: (2, 1, 0, 3), 16: (4, 5, 2, 3, 0, 1, 6, 7)}  # R, G, B, A, and back
_ROWS = 256  # that are written at once
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
        """The part that both have; `empty` if there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        right = min(self.x + self.width, other.x + other.width)
        bottom = min(self.y + self.height, other.y + other.height)
        return Area(x, y, max(0, right - x), max(0, bottom - y))

    def grown(self, margin: int) -> Area:
        """Wider by a margin at each side."""
        return Area(self.x - margin, self.y - margin, self.width + 2 * margin, self.height + 2 * margin)


def to_png(pixels: bytes, width: int, height: int, bits: int) -> bytes:
    """A PNG file of the pixels: RGB if all of them are opaque, else RGBA."""
    channels = 3 if is_opaque(pixels, bits) else 4
    order = _SWAPPED[bits][: channels * bits // 8]
    writer = png.Writer(width, height, channels, bits)
    step = _ROWS * width * bits // 2
    for start in range(0, len(pixels), step):
        writer.add(bytes(_reordered(pixels[start : start + step], order, bits // 2)))
    return writer.finish()


def from_rgba(data: bytes, bits: int) -> bytes:
    """Krita's pixels of R, G, B, A in this order; with 16 bits, the low byte first."""
    return bytes(_reordered(data, _SWAPPED[bits], bits // 2))


def cropped(pixels: bytes, area: Area, part: Area, bits: int) -> bytes:
    """The pixels of a part of an area."""
    size = bits // 2
    stride = area.width * size
    left, right = (part.x - area.x) * size, (part.x - area.x + part.width) * size
    top = part.y - area.y
    return b"".join(pixels[row * stride + left : row * stride + right] for row in range(top, top + part.height))


def masked(pixels: bytes, mask: bytes, bits: int) -> bytes:
    """The pixels with their opacity multiplied by a mask's; the mask has one byte a pixel, 255 for all of it."""
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
    """Whether no pixel lets anything through."""
    return all(pixels[place :: bits // 2].count(_OPAQUE) * (bits // 2) == len(pixels) for place in _alpha(bits))


def is_blank(pixels: bytes, bits: int) -> bool:
    """Whether there is nothing to be seen."""
    return all(pixels[place :: bits // 2].count(0) * (bits // 2) == len(pixels) for place in _alpha(bits))


def _alpha(bits: int) -> Sequence[int]:
    """Where the bytes of a pixel's opacity lie."""
    return (3,) if bits == 8 else (6, 7)


def _shared(opacity: int, share: int) -> int:
    return (opacity * share + 127) // 255


def _reordered(pixels: bytes, order: Sequence[int], size: int) -> bytearray:
    """Of each pixel, `size` bytes long, the bytes at these places in this order."""
    out = bytearray(len(pixels) // size * len(order))
    for new, old in enumerate(order):
        out[new :: len(order)] = pixels[old::size]
    return out
