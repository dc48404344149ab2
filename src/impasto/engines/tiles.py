"""Cut a large picture into overlapping tiles, and put what becomes of them together.

Tiles are painted with the statistics of the whole, and overlap by more than the network's receptive field reaches. So
both neighbours of a line see the same there, and nothing has to be feathered.
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
"""A network: a part of a photo, statistics to be normalized by or None, and the part's row and column in the photo, to
its picture and the part's own statistics."""

OVERLAP = 64  # pixels on each side; the receptive field reaches 59
LARGEST, SMALLEST = 1280, 256  # of a tile's own part
_GRID = 4  # pixels, at whose multiples patches and tiles' sides end
_PATCH = 128  # pixels a side, of the patches that a large photo's statistics are measured on
_SAMPLED = 4_000_000  # pixels of them in all, at most


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        top, left, bottom, right: what is painted, its surroundings included.
        inner: the rows and columns of the picture that are kept of it.
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
        """`inner`, counted from the tile's own corner."""
        rows, columns = self.inner
        return (
            slice(rows.start - self.top, rows.stop - self.top),
            slice(columns.start - self.left, columns.stop - self.left),
        )


def tiles(width: int, height: int, side: int, multiple: int, overlap: int = OVERLAP) -> Iterator[Tile]:
    """All tiles of a picture, of about `side` pixels each without their overlap, row by row.

    Args:
        multiple: of pixels, at which they begin.
        overlap: pixels on each side, a multiple of that.
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
    """How large tiles may be; None if the whole picture fits.

    Args:
        budget: bytes that painting may take.
        bytes_per_pixel: that it takes for each.
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
    """Paint within a budget, in tiles if it must be; where memory runs out after all, within half of it, and so on.

    Args:
        photo: H x W x 3.
        budget: bytes that painting may take.
        bytes_per_pixel: that it takes for each.
        run: the network.
        write_tile: gets the picture, tile by tile.
        given: statistics to be normalized by; None, the photo's own.
        size: of the photos that the network takes.
        overlap: as for `tiles`.
    Returns:
        The photo's own statistics; of a photo in tiles, those of a sample.
    Raises:
        OutOfMemory: the smallest tiles do not fit.
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
    """Patches spread evenly over a large photo, side by side in one picture that its statistics are taken from.

    They differ from the whole's by the sampling; a reduced photo's would differ by its scale, too. One picture, since a
    network's deeper statistics hang on its shallower ones: those of several pictures' average fit none of them.

    Args:
        photo: H x W x 3.
        largest: pixels that it may have.
    """
    height, width = photo.shape[:2]
    side = min(_PATCH, height, width)
    count = max(2, int(math.sqrt(min(largest, _SAMPLED)) / side))
    found = [floats(photo[place]) for place in patches(width, height, side, count)]
    rows = [np.concatenate(found[start : start + count], axis=1) for start in range(0, len(found), count)]
    return np.concatenate(rows)


def patches(width: int, height: int, side: int, count: int) -> Iterator[tuple[slice, slice]]:
    """`count` x `count` squares spread evenly over a picture, at multiples of four."""
    side = min(side, width, height)
    for row in range(count):
        for column in range(count):
            top, left = (
                min(room, round(room * index / max(1, count - 1) / _GRID) * _GRID)
                for room, index in ((height - side, row), (width - side, column))
            )
            yield slice(top, top + side), slice(left, left + side)
