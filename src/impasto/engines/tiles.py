"""Paint a large picture in overlapping tiles, and join the results.

All tiles are painted with the statistics of the whole picture. They overlap by more than the network's receptive field.
So two neighbors compute the same values at their common edge, and need no blending.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from impasto.engines.base import SizeRequirements, WriteTile
from impasto.engines.shot import Statistics
from impasto.errors import OutOfMemory
from impasto.pixels.arrays import Pixels, Samples, floats, parts

Run: TypeAlias = "Callable[[Pixels, Statistics | None, tuple[int, int]], tuple[Pixels, Statistics]]"
"""A network: from a part of a photo, statistics to normalize by or None, and the part's row and column in the photo, to
its picture and the part's own statistics."""

OVERLAP = 64  # pixels on each side; the receptive field reaches 59
LARGEST, SMALLEST = 1280, 256  # side of a tile without its overlap
_GRID = 4  # patches and tiles' sides end at multiples of this, in pixels
_PATCH = 128  # side, in pixels, of the patches on which a large photo's statistics are measured
_SAMPLED = 4_000_000  # largest number of pixels in all patches


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        top, left, bottom, right: the part that is painted, with its surroundings.
        inner: the rows and columns of the picture that are kept.
    """

    top: int
    left: int
    bottom: int
    right: int
    inner: tuple[slice, slice]

    @property
    def outer(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def kept(self) -> tuple[slice, slice]:
        """`inner`, relative to the tile's own corner."""
        rows, columns = self.inner
        return (
            slice(rows.start - self.top, rows.stop - self.top),
            slice(columns.start - self.left, columns.stop - self.left),
        )


def tiles(width: int, height: int, side: int, multiple: int, overlap: int = OVERLAP) -> Iterator[Tile]:
    """Yield all tiles of a picture row by row. Each has about `side` pixels a side without its overlap.

    Args:
        multiple: tiles begin at multiples of this, in pixels.
        overlap: pixels on each side, a multiple of `multiple`.
    """
    for rows in parts(height, side, multiple):
        for columns in parts(width, side, multiple):
            yield Tile(
                max(0, rows.start - overlap),
                max(0, columns.start - overlap),
                min(height, rows.stop + overlap),
                min(width, columns.stop + overlap),
                (rows, columns),
            )


def tile_side(pixels: int, budget: int, bytes_per_pixel: int, overlap: int = OVERLAP) -> int | None:
    """Return the side of tiles; None if the whole picture fits into the budget.

    Args:
        budget: bytes that painting may use.
        bytes_per_pixel: bytes that painting needs for each pixel.
        overlap: of the tiles.
    """
    if pixels * bytes_per_pixel <= budget and pixels <= LARGEST**2 * 4:
        return None
    side = int(math.sqrt(budget / bytes_per_pixel)) - 2 * overlap
    return max(SMALLEST, min(LARGEST, side // _GRID * _GRID))


def paint_within(
    photo: Samples,
    budget: int,
    bytes_per_pixel: int,
    run: Run,
    write_tile: WriteTile,
    given: Statistics | None = None,
    *,
    size: SizeRequirements,
    overlap: int = OVERLAP,
) -> Statistics:
    """Paint within a budget, in tiles if necessary. If memory runs out, try again with half of the budget.

    Args:
        photo: H x W x 3.
        budget: bytes that painting may use.
        bytes_per_pixel: bytes that painting needs for each pixel.
        run: the network.
        write_tile: receives the picture, tile by tile.
        given: statistics to normalize by; None: the photo's own.
        size: of the photos that the network accepts.
        overlap: as for `tiles`.
    Returns:
        The photo's own statistics; for a photo in tiles, those of a sample.
    Raises:
        OutOfMemory: not even the smallest tiles fit.
    """
    height, width = photo.shape[:2]
    while True:
        try:
            side = tile_side(width * height, budget, bytes_per_pixel, overlap)
            if side is None:
                painted, own = run(floats(photo), given, (0, 0))
                write_tile((slice(0, height), slice(0, width)), painted)
                return own
            _, own = run(montage(photo, budget // bytes_per_pixel), None, (0, 0))
            for tile in tiles(width, height, side, size.multiple, overlap):
                painted, _ = run(floats(photo[tile.outer]), own if given is None else given, (tile.top, tile.left))
                write_tile(tile.inner, painted[tile.kept])
            return own
        except OutOfMemory:
            budget = min(budget, photo.shape[0] * photo.shape[1] * bytes_per_pixel) // 2
            if budget < SMALLEST**2 * bytes_per_pixel:
                raise
        warnings.warn("memory ran out; the photo is painted in smaller tiles", stacklevel=2)


def montage(photo: Samples, largest: int) -> Pixels:
    """Return patches from all over a large photo, joined to one picture, from which its statistics are measured.

    They differ from the whole photo's statistics only by sampling. Those of a reduced photo would also differ by scale.
    The patches form one picture because deeper statistics of a network depend on shallower ones. Averages over several
    pictures would not match.

    Args:
        photo: H x W x 3.
        largest: limit of the number of pixels.
    """
    height, width = photo.shape[:2]
    side = min(_PATCH, height, width)
    count = max(2, int(math.sqrt(min(largest, _SAMPLED)) / side))
    found = [floats(photo[place]) for place in patches(width, height, side, count)]
    rows = [np.concatenate(found[start : start + count], axis=1) for start in range(0, len(found), count)]
    return np.concatenate(rows)


def patches(width: int, height: int, side: int, count: int) -> Iterator[tuple[slice, slice]]:
    """Yield `count` x `count` squares spread evenly over a picture, at multiples of four."""
    side = min(side, width, height)
    for row in range(count):
        for column in range(count):
            top, left = (
                min(room, round(room * index / max(1, count - 1) / _GRID) * _GRID)
                for room, index in ((height - side, row), (width - side, column))
            )
            yield slice(top, top + side), slice(left, left + side)
