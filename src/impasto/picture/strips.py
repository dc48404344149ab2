"""Compress a picture's rows in strips, one strip in each thread.

Pillow's writers take longer than painting the picture. Most of that time is the search for repeated strings, and
painted pictures have almost none. `png.py` and `tiff.py` search only for runs of one byte. Files become about 5 %
larger.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from numpy.typing import NDArray

from impasto.system.sessions import threads

STRIP_BYTES = 500_000
"""Size of a strip's samples in bytes."""

T = TypeVar("T")


def strip_rows(samples: NDArray[Any], strip_bytes: int) -> int:
    """Return the number of rows of H x W x C samples in a strip, at least one."""
    return max(1, strip_bytes // samples[0].nbytes)


def in_strips(rows: int, height: int, compress: Callable[[slice], T]) -> list[T]:
    """Return the results of `compress` for each strip of rows, from top to bottom.

    Args:
        rows: rows of a strip. The last one may have fewer.
        height: rows of the picture.
    """
    strips = [slice(first, min(first + rows, height)) for first in range(0, height, rows)]
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(compress, strips))
