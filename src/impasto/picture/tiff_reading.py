"""Read TIFF files that Pillow does not support, or reduces to eight bits.

Pillow opens every file for its tags, and decodes the layouts it knows. This module interprets the samples of all
others: 9 to 32 bits, floats, premultiplied colors.
"""

from __future__ import annotations

import ctypes
import functools
import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from impasto.errors import PictureError
from impasto.picture.samples import float_shades
from impasto.picture.tiff_samples import (
    CIELAB,
    CMYK,
    COLORS,
    FLOAT,
    ICCLAB,
    LOSSLESS,
    RAW,
    RGB,
    SIGNED,
    UNSIGNED,
    WHITE_IS_ZERO,
    AnySize,
    Layout,
    layout_of,
    read,
)
from impasto.pixels.arrays import Samples, stored, strips

_PREMULTIPLIED, _ALPHA = 1, 2
_COMPRESSIONS = {22610: "JPEG XR", 34712: "JPEG 2000", 34887: "LERC", 50002: "JPEG XL", 52546: "JPEG XL"}
_MOST_PAGES = 100
_READ_AS = {  # tags that stand in for a layout that Pillow does not know
    258: (8, 8, 8),
    259: 1,
    262: 2,
    277: 3,
    284: 1,
    338: (),
    339: (1,),
}


class Tiff(AnySize):
    """A TIFF file of any layout. If Pillow does not know the layout, only tags and size are available."""

    known: bool
    tags: dict[int, Any]

    @property
    def plain(self) -> bool:
        """True if Pillow reads all of the file."""
        layout = layout_of(self.tags)
        if layout is None or layout.compression not in LOSSLESS or layout.photometric not in COLORS:
            return self.known
        return self.known and layout.bits <= 8 and layout.kind == UNSIGNED and not layout.planar

    def _setup(self) -> None:
        self.tags = {tag: self.tag_v2[tag] for tag in self.tag_v2}
        channels = self.tags.get(277, 1)
        self.known = isinstance(channels, int) and channels <= TiffImagePlugin.MAX_SAMPLESPERPIXEL
        if self.known:
            try:
                super()._setup()
            except (KeyError, SyntaxError, TypeError, ValueError, IndexError):
                self.known = False
        if not self.known:
            for tag, value in _READ_AS.items():
                self.tag_v2[tag] = value
            super()._setup()
        if not self.plain:  # Pillow must not turn it: all pictures are turned later
            self._size = (self.tag_v2[256], self.tag_v2[257])


def open_file(data: bytes, name: str) -> Tiff:
    """Open a file's first page, or the largest page if the first one is a thumbnail."""
    if data.startswith(b"MM\0+"):
        raise _not_read(name, "BigTIFF in big-endian byte order")
    _silence_libtiff()
    image = Tiff(io.BytesIO(data), "")
    if not _is_reduced(image.tags):
        return image
    sizes = [0 if _is_reduced(image.tags) else image.width * image.height for _ in _pages(image)]
    image.seek(sizes.index(max(sizes)))
    return image


def _pages(image: Tiff) -> Iterator[int]:
    """Move the image to each of its pages, and yield their numbers."""
    for page in range(_MOST_PAGES):
        try:
            image.seek(page)
        except Exception:  # noqa: BLE001 - there are no more pages, or the next one is damaged
            return
        yield page


def note_pages(data: bytes, name: str) -> None:
    """Warn about a file with several pages that are neither thumbnails nor masks."""
    full = page_count(data)
    if full > 1:
        which = "largest" if _is_reduced(Tiff(io.BytesIO(data), "").tags) else "first"
        more = " or more" if full == _MOST_PAGES else ""
        warnings.warn(f"{name} has {full}{more} pages; only the {which} is painted", stacklevel=3)


def page_count(data: bytes) -> int:
    """Return the number of pages that are neither thumbnails nor masks, at most 100."""
    image = Tiff(io.BytesIO(data), "")
    return sum(not _is_reduced(image.tags) and not _is_mask(image.tags) for _ in _pages(image))


def not_kept(data: bytes) -> str:
    """Describe what rewriting the file would lose: pages, Photoshop's layers, channels, bits; "" if nothing."""
    tags = Tiff(io.BytesIO(data), "").tags
    bits = tags.get(258, 8)
    bits = max(bits) if isinstance(bits, (tuple, list)) else bits
    extra = tags.get(338, ())
    if page_count(data) > 1:
        return "contains several pages, and only one would be kept"
    if 37724 in tags:
        return "contains Photoshop layers, which would be lost"
    if isinstance(extra, (tuple, list)) and len(extra) > 1:
        return "contains additional channels, which would be lost"
    if not isinstance(bits, int) or bits > 16 or tags.get(339, 1) in (3, (3, 3, 3), (3, 3, 3, 3)):
        return "has more than 16 bits a channel, or floating point"
    return ""


def _is_mask(tags: dict[int, Any]) -> bool:
    kind = tags.get(254, 0)
    return bool(isinstance(kind, int) and kind & 4)


def _is_reduced(tags: dict[int, Any]) -> bool:
    kind, old_kind = tags.get(254, 0), tags.get(255, 0)
    return bool(isinstance(kind, int) and kind & 1) or old_kind == 2


@functools.cache
def _silence_libtiff() -> None:
    """Keep libtiff from writing to the terminal. Pillow reports what matters.

    The handlers belong to Pillow's own copy of the library, which its module is linked with.
    """
    try:
        library = ctypes.CDLL(Image.core.__file__)  # type: ignore[attr-defined]
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(library, name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)
    except (AttributeError, OSError):  # the module is linked in another way
        pass


def decode(image: Tiff, data: bytes, name: str) -> tuple[Image.Image, Samples | None]:
    """Decode a page.

    Returns:
        An image of eight bits; or `image` itself, not decoded, and H x W x 1 to 4 samples: gray or RGB, with or without
            alpha, uint16.
    Raises:
        PictureError: Impasto does not read the layout.
    """
    if image.plain:
        image.load()
        return image, None
    layout = layout_of(image.tags)
    if layout is None or layout.compression not in LOSSLESS or layout.photometric not in COLORS:
        raise _unknown(image.tags, name)
    samples = read(layout, data)
    if layout.photometric == CMYK or layout.photometric in (CIELAB, ICCLAB):
        eight = _eight_bits(samples, layout)
        eight.info = image.info
        return eight, None
    color = COLORS[layout.photometric]
    shades = _shades(samples[:, :, :color], layout, name)
    if layout.photometric == WHITE_IS_ZERO:
        shades = np.uint16(65535) - shades
    alpha = _alpha(layout, color)
    if alpha is not None:
        cover = _shades(samples[:, :, alpha : alpha + 1], layout, "")
        if layout.extra[:1] and layout.extra[alpha - color] == _PREMULTIPLIED:
            for rows in strips(*shades.shape[:2]):
                share = np.maximum(cover[rows], 1).astype(np.float32) / np.float32(65535)
                shades[rows] = stored((shades[rows] / np.float32(65535)) / share, np.uint16)
        shades = np.concatenate([shades, cover], axis=2)
    if layout.bits > 8 or layout.kind == FLOAT:
        return image, shades
    upper = (shades >> 8).astype(np.uint8)
    eight = Image.fromarray(upper[:, :, 0] if upper.shape[2] == 1 else upper)
    eight.info = image.info
    return eight, None


def _alpha(layout: Layout, color: int) -> int | None:
    """Return the index of the alpha channel."""
    for index, kind in enumerate(layout.extra[: layout.channels - color]):
        if kind in (_PREMULTIPLIED, _ALPHA):
            return color + index
    unsaid = not layout.extra and layout.photometric == RGB and layout.channels == 4
    return color if unsaid else None


def _shades(values: NDArray[Any], layout: Layout, name: str) -> NDArray[np.uint16]:
    """Convert samples to 0..65535.

    32-bit integers below 65536 are taken for 16 bits. Negative integers are taken for a range around zero.
    """
    if layout.kind == FLOAT:
        return float_shades(values, name)
    if layout.bits == 16 and layout.kind == UNSIGNED:
        return values.astype(np.uint16, copy=False)
    low, high = 0, (1 << layout.bits) - 1
    if layout.kind == SIGNED:
        high >>= 1
        low = -high - 1 if values.min(initial=0) < 0 else 0
    if layout.bits == 32 and low == 0 and values.max(initial=0) <= 65535:
        high = 65535
    out = np.empty(values.shape, np.uint16)
    for rows in strips(*values.shape[:2]):
        out[rows] = np.rint((values[rows].astype(np.float64) - low) * (65535 / (high - low)))
    return out


def _eight_bits(samples: NDArray[Any], layout: Layout) -> Image.Image:
    """Return a CMYK or LAB image in Pillow's form."""
    eight = (samples[:, :, : COLORS[layout.photometric]] >> (layout.bits - 8)).astype(np.uint8)
    if layout.photometric == ICCLAB:
        eight[:, :, 1:] ^= 128
    mode = "CMYK" if layout.photometric == CMYK else "LAB"
    return Image.frombytes(mode, (layout.width, layout.height), eight.tobytes(), "raw", mode)


def _unknown(tags: dict[int, Any], name: str) -> PictureError:
    """Return the error that names the unsupported part of a file."""
    compression, bits = tags.get(259, RAW), tags.get(258, (1,))
    if compression not in TiffImagePlugin.COMPRESSION_INFO:
        what = f"compression {_COMPRESSIONS.get(compression, compression)}"
    elif not isinstance(bits, tuple) or not all(isinstance(each, int) and 0 < each <= 64 for each in bits):
        return PictureError(f"{name} is damaged or truncated", "", code="damaged-file")
    elif len(bits) == 1:
        what = f"{bits[0]} bits, photometric interpretation {tags.get(262)}"
    else:
        what = f"channels of {bits} bits, photometric interpretation {tags.get(262)}"
    return _not_read(name, what)


def _not_read(name: str, what: str) -> PictureError:
    message = f"{name}: Impasto does not read this kind of TIFF ({what})"
    return PictureError(message, "save it as PNG or as plain TIFF", code="unknown-format")
