"""Select patches of the canvas that show only the object. The whole canvas is normalized by their statistics.

The networks normalize by the means and deviations of a whole picture. The gaps between charts are not part of the
object and must not influence them.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels

_SIDES = (96, 64, 32)  # sides of the patches, in pixels; smaller ones are used if too few of the larger ones fit
_FULL = 0.9  # least share of a patch that shows the object
_ENOUGH = 0.3  # least share of the object's pixels that must be in patches
_MOST = 400  # patches


def sample_of(canvas: Pixels, shown: NDArray[np.bool_]) -> Pixels:
    """Return patches that show the object, side by side; the whole canvas if there are none.

    Args:
        canvas: h x w x 3, at the size at which it is painted.
        shown: h x w, True where it shows the object.
    Returns:
        A picture of k x k patches.
    """
    if shown.all():
        return canvas
    total = cv2.integral(shown.astype(np.uint8))
    found: list[Pixels] = []
    for side in _SIDES:
        places = _places(total, side)
        if len(places) * side * side >= _ENOUGH * total[-1, -1] or (side == _SIDES[-1] and places):
            found = [canvas[top : top + side, left : left + side] for top, left in places]
            break
    if not found:
        return canvas
    count = math.ceil(math.sqrt(len(found)))
    rows = [[found[(row * count + column) % len(found)] for column in range(count)] for row in range(count)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def _places(total: NDArray[np.int32], side: int) -> list[tuple[int, int]]:
    """Return top and left of patches that do not overlap. Patches with most of the object come first.

    Args:
        total: h+1 x w+1, integral image: the number of object pixels above and to the left.
    """
    rows, columns = (np.arange(0, length - side, side // 4) for length in total.shape)
    if not len(rows) or not len(columns):
        return []
    corners = [total[(rows + down)[:, None], columns + right] for down in (0, side) for right in (0, side)]
    shares = (corners[3] - corners[2] - corners[1] + corners[0]) / side**2
    order = np.argsort(-shares, axis=None, kind="stable")
    taken = np.zeros((len(rows) + 3, len(columns) + 3), np.bool_)  # in quarters of patches
    found: list[tuple[int, int]] = []
    for row, column in zip(*np.unravel_index(order, shares.shape), strict=True):
        if shares[row, column] < _FULL or len(found) == _MOST:
            break
        part = slice(row, row + 4), slice(column, column + 4)
        if not taken[part].any():
            taken[part] = True
            found.append((int(rows[row]), int(columns[column])))
    return found
