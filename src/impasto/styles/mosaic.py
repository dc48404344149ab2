"""Combine several pictures into one that represents them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from impasto.picture import Picture


def mosaic(pictures: Sequence[Picture], side: int = 720) -> Picture:
    """Combine the square centers of one, four or nine pictures into one picture, to represent a collection."""
    count = next(n for n in (3, 2, 1) if n * n <= len(pictures))
    rows = []
    for index in range(count):
        row = pictures[index * count : (index + 1) * count]
        rows.append(np.concatenate([square(picture, side // count).pixels for picture in row], axis=1))
    return Picture(np.concatenate(rows))


def square(picture: Picture, side: int) -> Picture:
    """Return the square center of a picture, `side` pixels wide and high."""
    least = min(picture.width, picture.height)
    top, left = (picture.height - least) // 2, (picture.width - least) // 2
    return Picture(picture.samples[top : top + least, left : left + least]).resized(side, side)
