"""Write PNG and TIFF, 8 or 16 bits a channel: in strips, as many at once as there are processors.

Pillow writes no 16 bits, leaves out EXIF's sub-directories where it compresses TIFF, and takes longer for a PNG than
the painter for the picture in it. What takes so long is looking for repeated strings, of which painted pictures have
next to none: only runs of one byte are looked for here, and files are some 5 % larger.
"""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.system.sessions import threads

_STRIP_BYTES = 500_000
_ADLER = 65521  # Adler-32's modulus


def write_png(samples: NDArray[Any], chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG file (W3C PNG): samples H x W x 3 or 4, uint8 or uint16; chunks (type, data) go before the pixels."""
    height, width, channels = samples.shape
    strips = _strips(samples)
    with ThreadPoolExecutor(threads()) as pool:
        done = list(pool.map(partial(_png_strip, samples), strips))
    sums, sizes, parts = zip(*done, strict=True)
    # One zlib stream: what the strips are deflated to, one after the other, and the sum of all.
    end = b"\x03\0" + struct.pack(">I", _adler(sums, sizes))  # an empty last block
    header = struct.pack(">IIBBBBB", width, height, 8 * samples.itemsize, {3: 2, 4: 6}[channels], 0, 0, 0)
    body = [(b"IDAT", part) for part in (b"\x78\x9c", *parts, end)]
    body = [(b"IHDR", header), *chunks, *body, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in body)


def _png_strip(samples: NDArray[Any], strip: slice) -> tuple[int, int, bytes]:
    """Some rows, filtered: their Adler-32, how many bytes they are, and what these are deflated to."""
    rows = _rows(samples[strip])
    above = np.empty_like(rows)
    above[1:] = rows[:-1]
    above[0] = _rows(samples[strip.start - 1 : strip.start])[0] if strip.start else 0
    pixel = samples.shape[2] * samples.itemsize
    left = np.zeros_like(rows)
    left[:, pixel:] = rows[:, :-pixel]
    # Filter 3 (Average): each byte less the mean of those to its left and above. Of the five it is the best for painted
    # pictures next to Paeth, which takes ten times as long.
    filtered = np.empty((len(rows), rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = 3
    np.subtract(rows, (left >> 1) + (above >> 1) + (left & above & 1), out=filtered[:, 1:])
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15, strategy=zlib.Z_RLE)
    data = deflate.compress(filtered.data) + deflate.flush(zlib.Z_FULL_FLUSH)
    return zlib.adler32(filtered.data), filtered.size, data


def _rows(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """The rows' bytes, the higher ones first."""
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder(">")).view(np.uint8).reshape(len(samples), -1)


def _adler(sums: tuple[int, ...], sizes: tuple[int, ...]) -> int:
    """The Adler-32 (RFC 1950) of several pieces in a row, from that of each."""
    low, high = 1, 0
    for each, size in zip(sums, sizes, strict=True):
        high = (high + (each >> 16) + size * (low - 1)) % _ADLER
        low = (low + (each & 0xFFFF) - 1) % _ADLER
    return high << 16 | low


def _strips(samples: NDArray[Any]) -> list[slice]:
    """Rows of a picture, half a megabyte at a time."""
    rows = max(1, _STRIP_BYTES // samples[0].nbytes)
    return [slice(first, min(first + rows, len(samples))) for first in range(0, len(samples), rows)]


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
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    height, width, channels = samples.shape
    rows = _strips(samples)
    with ThreadPoolExecutor(threads()) as pool:
        strips = list(pool.map(partial(_tiff_strip, samples), rows))
    sizes = [len(data) for data in strips]
    directory = ImageFileDirectory_v2(ifh=b"II\x2a\0\x08\0\0\0")
    directory[256], directory[257] = width, height
    directory[258] = (8 * samples.itemsize,) * channels
    directory[259] = 8  # deflate
    directory[262] = 2  # RGB
    directory[277] = channels
    directory[278] = rows[0].stop  # rows of a strip
    directory[279] = tuple(sizes)
    directory[284] = 1  # interleaved
    directory[317] = 2  # each pixel less the one to its left
    if channels == 4:
        directory[338] = 2  # alpha, not premultiplied
    for tag, value in tags.items():
        directory[tag] = value
    # Pillow adds the length of what it writes: the strips begin behind the directory.
    directory[273] = tuple(itertools.accumulate(sizes[:-1], initial=0))
    out = io.BytesIO()
    directory.save(out)
    return b"".join([out.getvalue(), *strips])


def _tiff_strip(samples: NDArray[Any], strip: slice) -> bytes:
    rows = samples[strip]
    differences = np.empty(rows.shape, samples.dtype.newbyteorder("<"))
    differences[:, 0] = rows[:, 0]
    np.subtract(rows[:, 1:], rows[:, :-1], out=differences[:, 1:])
    deflate = zlib.compressobj(6, strategy=zlib.Z_RLE)
    return deflate.compress(differences.data) + deflate.flush()
