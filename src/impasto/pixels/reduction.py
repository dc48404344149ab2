"""Bicubic reduction as small matrices, and their inverses, which keep an enlarged picture faithful to the small one.

Reduction by an integer factor, D, is linear, shift-invariant and separable. So is a right inverse P: it enlarges so
that the result, reduced, is the given picture. After any change of the enlarged picture y, reducing y + P (x - D y)
gives x again (iterative back-projection, Irani & Peleg 1991, solved in one step).

Pictures are processed in blocks: `step` pixels of the small one, `step * factor` of the large one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

REACH = 2  # blocks to each side that the inverse uses
_PERIOD = 16  # blocks of the periodic line on which the pseudo-inverse is computed


class Stencils(NamedTuple):
    """The reduction and its inverse along one line, by blocks: taps from `-reach` to `reach` x pixels out x pixels in.

    Attributes:
        down: 2 reach + 1, step, step * factor.
        up: 2 `REACH` + 1, step * factor, step. It maps blocks of the small picture to a block of the large one.
    """

    down: NDArray[np.float32]
    up: NDArray[np.float32]


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Keys' cubic convolution kernel with a = -1/2 (1981), as in Pillow."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def stencils(factor: int, step: int = 1) -> Stencils:
    """Return the bicubic reduction by a factor, without aliasing, and its pseudo-inverse.

    >>> stencils(2).up.shape
    (5, 2, 1)
    """
    size = step * factor  # size of a block of the large picture
    reach = math.ceil((1.5 * factor) / size)
    places = np.arange(-reach * size, (reach + 1) * size)  # of the large picture
    centers = (np.arange(step) + 0.5) * factor - 0.5
    weights = cubic((places - centers[:, None]) / factor)
    weights /= weights.sum(1, keepdims=True)
    down = weights.reshape(step, 2 * reach + 1, size).transpose(1, 0, 2)

    return Stencils(down.astype(np.float32), _inverse(down).astype(np.float32))


def _inverse(down: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the right inverse within `REACH` that is nearest to the pseudo-inverse, D^T (D D^T)^-1."""
    count, step, size = down.shape
    reach, taps = count // 2, 2 * REACH + 1
    unknown = np.arange(taps * size * step).reshape(taps, size, step)
    rows, wanted = [], []
    for at in range(-reach - REACH, reach + REACH + 1):  # distance in blocks from a single bright pixel
        for one, other in np.ndindex(step, step):
            row = np.zeros(unknown.size)
            for tap in range(-reach, reach + 1):
                if abs(at + tap) <= REACH:
                    row[unknown[REACH - at - tap, :, other]] += down[tap + reach, one]
            rows.append(row)
            wanted.append(float(at == 0 and one == other))
    for place in range(size):  # constant areas stay constant
        rows.append(np.isin(unknown, unknown[:, place]).ravel().astype(float))
        wanted.append(1.0)
    near = _pseudo_inverse(down).ravel()
    change = np.linalg.lstsq(np.array(rows), np.array(wanted) - np.array(rows) @ near, rcond=None)[0]
    return (near + change).reshape(taps, size, step)


def _pseudo_inverse(down: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the pseudo-inverse within `REACH`."""
    count, step, size = down.shape
    line = np.zeros((_PERIOD * step, _PERIOD * size))
    for block, tap in np.ndindex(_PERIOD, count):
        column = (block + tap - count // 2) % _PERIOD * size
        line[block * step : (block + 1) * step, column : column + size] += down[tap]
    inverse = np.linalg.pinv(line).reshape(_PERIOD, size, _PERIOD, step)
    return np.stack([inverse[0, :, tap % _PERIOD] for tap in range(-REACH, REACH + 1)])
