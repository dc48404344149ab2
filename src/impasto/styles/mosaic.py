"""One picture that stands for several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from impasto.picture import Picture


def mosaic(pictures: Sequence[Picture], side: int = 720) -> Picture:
    """The middles of one, four or nine pictures as one: what stands for a collection."""
    count = next(n for n in (3, 2, 1) if n * n <= len(pictures))
    rows = []
    for index in range(count):
        squares = []
        for picture in pictures[index * count : (index + 1) * count]:
            least = min(picture.width, picture.height)
            top, left = (picture.height - least) // 2, (picture.width - least) // 2
            part = Picture(picture.samples[top : top + least, left : left + least])
            squares.append(part.resized(side // count, side // count).pixels)
        rows.append(np.concatenate(squares, axis=1))
    return Picture(np.concatenate(rows))
