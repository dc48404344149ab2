"""PNG and TIFF with 16 bits a channel: Pillow reads the upper eight of them and writes none.

TIFF is written here with 8 bits, too: Pillow leaves out EXIF's sub-directories when it compresses. So are large PNGs:
what is written here is compressed strip by strip, without a copy of the whole.
"""

from __future__ import annotations

import io
import itertools
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

_STRIP_BYTES = 8_000_000
DEEP_RAWMODES = ("RGB;16", "RGBA;16", "RGBX;16")


def read(reopen: Callable[[], Image.Image]) -> NDArray[np.uint16] | None:
    """All 16 bits of a colour picture; None if it has not 16 bits a channel.

    Pillow unpacks 16-bit samples of either byte order and keeps the eight bits that it takes for the high ones.
    Reading once in the right order and once in the wrong one gives both halves.

    Args:
        reopen: opens the picture anew; called twice.
    Returns:
        H x W x 3 or 4.
    """
    picture = reopen()
    tiles = getattr(picture, "tile", [])
    if not tiles or not all(str(_rawmode(tile)).startswith(DEEP_RAWMODES) for tile in tiles):
        return None
    high = np.asarray(picture).astype(np.uint16)
    swapped: Any = reopen()
    swapped.tile = [_with_other_byte_order(tile) for tile in swapped.tile]
    return high << 8 | np.asarray(swapped)


def _rawmode(tile: Any) -> object:
    return tile.args[0] if isinstance(tile.args, tuple) and tile.args else tile.args


def _with_other_byte_order(tile: Any) -> Any:
    mode, order = str(_rawmode(tile))[:-1], str(_rawmode(tile))[-1]
    little = order == "L" or (order == "N" and sys.byteorder == "little")
    swapped = mode + ("B" if little else "L")
    return tile._replace(args=(swapped, *tile.args[1:]) if isinstance(tile.args, tuple) else swapped)


def write_png(samples: NDArray[Any], chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG file (W3C PNG): samples H x W x 3 or 4, uint8 or uint16; chunks (type, data) go before the pixels."""
    height, width, channels = samples.shape
    compressor = zlib.compressobj(6)
    body = []
    above: NDArray[np.uint8] | int = 0
    for strip in _strips(samples):
        rows = strip.astype(strip.dtype.newbyteorder(">")).view(np.uint8).reshape(len(strip), -1)
        # Filter 2 (Up): each row less the one above; it compresses well and is one subtraction.
        filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
        filtered[:, 0] = 2
        filtered[0, 1:] = rows[0] - above
        np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
        above = rows[-1]
        body.append((b"IDAT", compressor.compress(filtered.tobytes())))
    body.append((b"IDAT", compressor.flush()))
    header = struct.pack(">IIBBBBB", width, height, 8 * samples.itemsize, {3: 2, 4: 6}[channels], 0, 0, 0)
    body = [(b"IHDR", header), *chunks, *(part for part in body if part[1]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in body)


def _strips(samples: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Rows of a picture, some megabytes at a time."""
    rows = max(1, _STRIP_BYTES // samples[0].nbytes)
    for first in range(0, len(samples), rows):
        yield samples[first : first + rows]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_text(key: str, text: str) -> tuple[bytes, bytes]:
    """An international text chunk."""
    return b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + text.encode()


def png_profile(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)


def png_density(dpi: tuple[float, float]) -> tuple[bytes, bytes]:
    """Dots per inch, stored as dots per metre."""
    return b"pHYs", struct.pack(">IIB", round(dpi[0] / 0.0254), round(dpi[1] / 0.0254), 1)


def write_tiff(samples: NDArray[Any], tags: dict[int, object]) -> bytes:
    """A little-endian TIFF 6.0 file, deflated: samples H x W x 3 or 4, uint8 or uint16; tags are added."""
    height, width, channels = samples.shape
    little = samples.dtype.newbyteorder("<")
    strips = [(len(strip), zlib.compress(strip.astype(little).tobytes(), 6)) for strip in _strips(samples)]
    sizes = [len(data) for _, data in strips]
    directory = TiffImagePlugin.ImageFileDirectory_v2(ifh=b"II\x2a\0\x08\0\0\0")
    directory[256], directory[257] = width, height
    directory[258] = (8 * samples.itemsize,) * channels
    directory[259] = 8  # deflate
    directory[262] = 2  # RGB
    directory[277] = channels
    directory[278] = strips[0][0]  # rows of a strip
    directory[279] = tuple(sizes)
    directory[284] = 1  # interleaved
    if channels == 4:
        directory[338] = 2  # alpha, not premultiplied
    for tag, value in tags.items():
        directory[tag] = value
    # Pillow adds the length of what it writes: the strips begin behind the directory.
    directory[273] = tuple(itertools.accumulate(sizes[:-1], initial=0))
    out = io.BytesIO()
    directory.save(out)
    return b"".join([out.getvalue(), *(data for _, data in strips)])
