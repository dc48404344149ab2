"""Write TIFF, 8 or 16 bits a channel.

Pillow writes no 16 bits of color, and leaves out EXIF's sub-directories where it compresses.
"""

from __future__ import annotations

import io
import itertools
import zlib
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.picture.strips import STRIP_BYTES, in_strips, strip_rows


def write_tiff(samples: NDArray[Any], tags: dict[int, object], *, strip_bytes: int = STRIP_BYTES) -> bytes:
    """Make a little-endian TIFF 6.0 file, deflated.

    Args:
        samples: H x W x 3 or 4, uint8 or uint16.
        tags: added to the file's directory.
        strip_bytes: compressed at once.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    height, width, channels = samples.shape
    rows = strip_rows(samples, strip_bytes)
    strips = in_strips(rows, height, partial(_strip, samples))
    sizes = [len(data) for data in strips]
    directory = ImageFileDirectory_v2(ifh=b"II\x2a\0\x08\0\0\0")
    directory[256], directory[257] = width, height
    directory[258] = (8 * samples.itemsize,) * channels
    directory[259] = 8  # deflate
    directory[262] = 2  # RGB
    directory[277] = channels
    directory[278] = min(rows, height)  # rows of a strip
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


def _strip(samples: NDArray[Any], strip: slice) -> bytes:
    rows = samples[strip]
    differences = np.empty(rows.shape, samples.dtype.newbyteorder("<"))
    differences[:, 0] = rows[:, 0]
    np.subtract(rows[:, 1:], rows[:, :-1], out=differences[:, 1:])
    deflate = zlib.compressobj(6, strategy=zlib.Z_RLE)
    return deflate.compress(differences.data) + deflate.flush()
