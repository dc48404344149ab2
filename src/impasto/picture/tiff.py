"""Write TIFF with 8 or 16 bits a channel.

Pillow does not write 16-bit colors, and drops EXIF's sub-directories from compressed files.
"""

from __future__ import annotations

import itertools
import zlib
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.picture.exif import Exif, Order
from impasto.picture.strips import STRIP_BYTES, in_strips, strip_rows


def write_tiff(samples: NDArray[Any], found: Exif | None = None, *, strip_bytes: int = STRIP_BYTES) -> bytes:
    """Make a TIFF 6.0 file with deflate compression.

    Args:
        samples: H x W x 3 or 4, uint8 or uint16.
        found: EXIF directories to include. They set the byte order.
        strip_bytes: bytes that are compressed at a time.
    """
    found = found or Exif()
    height, width, channels = samples.shape
    rows = strip_rows(samples, strip_bytes)
    strips = in_strips(rows, height, partial(_strip, samples, found.order))
    sizes = [len(data) for data in strips]
    own = {
        256: found.numbers(width),
        257: found.numbers(height),
        258: found.numbers(*(8 * samples.itemsize,) * channels, long=False),
        259: found.numbers(8, long=False),  # deflate
        262: found.numbers(2, long=False),  # RGB
        273: found.numbers(*sizes),  # placeholder for the strips' offsets, which are set below
        277: found.numbers(channels, long=False),
        278: found.numbers(min(rows, height)),  # rows in a strip
        279: found.numbers(*sizes),
        284: found.numbers(1, long=False),  # interleaved
        317: found.numbers(2, long=False),  # predictor: difference from the left pixel
    }
    if channels == 4:
        own[338] = found.numbers(2, long=False)  # alpha, not premultiplied
    directories = found.directories | {0: found.directories.get(0, {}) | own}
    found = Exif(found.order, directories, found.maker_note_at)
    length = len(found.tobytes())
    begin = length + length % 2
    found.directories[0][273] = found.numbers(*itertools.accumulate(sizes[:-1], initial=begin))
    return b"".join([found.tobytes(), b"\0" * (begin - length), *strips])


def _strip(samples: NDArray[Any], order: Order, strip: slice) -> bytes:
    rows = samples[strip]
    differences = np.empty(rows.shape, samples.dtype.newbyteorder(order))
    differences[:, 0] = rows[:, 0]
    np.subtract(rows[:, 1:], rows[:, :-1], out=differences[:, 1:])
    deflate = zlib.compressobj(6, strategy=zlib.Z_RLE)
    return deflate.compress(differences.data) + deflate.flush()
