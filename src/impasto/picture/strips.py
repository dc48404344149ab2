"""Compress a picture's rows strip by strip, as many strips at once as there are threads.

Pillow's writers take longer for a file than the painter for the picture in it. Most of that time goes into the search
for repeated strings, of which painted pictures have next to none. `png.py` and `tiff.py` search for runs of one byte
only; files become some 5 % larger.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from numpy.typing import NDArray

from impasto.system.sessions import threads

STRIP_BYTES = 500_000
"""Bytes of a strip's samples."""

T = TypeVar("T")


def strip_rows(samples: NDArray[Any], strip_bytes: int) -> int:
    """How many rows of H x W x C samples make a strip; at least one."""
    return max(1, strip_bytes // samples[0].nbytes)


def in_strips(rows: int, height: int, compress: Callable[[slice], T]) -> list[T]:
    """What `compress` makes of each strip of rows, from top to bottom.

    Args:
        rows: of a strip; the last one may have fewer.
        height: rows of the picture.
    """
    strips = [slice(first, min(first + rows, height)) for first in range(0, height, rows)]
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(compress, strips))
