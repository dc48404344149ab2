"""Bicubic reduction as small matrices, and their inverses: what makes a large picture faithful to the small one.

Reducing by a whole factor, D, is linear, the same everywhere, and separable. So is a right inverse P: a way to enlarge
after which the picture, reduced, is the given one. Whatever is drawn into a picture y, y + P (x - D y) reduced is x
again (iterative back-projection, Irani & Peleg 1991, solved in one step).

Pictures are taken in blocks: `step` pixels of the small one, `step * factor` of the large one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

REACH = 2  # blocks to either side, that the inverse looks at
_PERIOD = 16  # blocks of the line on which the pseudo-inverse is found


class Stencils(NamedTuple):
    """One line's reduction and its inverse, by blocks: taps from `-reach` to `reach` x pixels out x pixels in.

    Attributes:
        down: 2 reach + 1, step, step * factor.
        up: 2 `REACH` + 1, step * factor, step: what a block of the large picture takes of those of the small one.
    """

    down: NDArray[np.float32]
    up: NDArray[np.float32]


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel with a = -1/2 (1981), as Pillow has it."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def stencils(factor: int, step: int = 1) -> Stencils:
    """The bicubic reduction by a factor, without aliasing, and its pseudo-inverse.

    >>> stencils(2).up.shape
    (5, 2, 1)
    """
    size = step * factor  # of a block of the large picture
    reach = math.ceil((1.5 * factor) / size)
    places = np.arange(-reach * size, (reach + 1) * size)  # of the large picture
    centres = (np.arange(step) + 0.5) * factor - 0.5
    weights = cubic((places - centres[:, None]) / factor)
    weights /= weights.sum(1, keepdims=True)
    down = weights.reshape(step, 2 * reach + 1, size).transpose(1, 0, 2)

    return Stencils(down.astype(np.float32), _inverse(down).astype(np.float32))


def _inverse(down: NDArray[np.float64]) -> NDArray[np.float64]:
    """The right inverse that looks no further than `REACH` and is nearest to the pseudo-inverse, D^T (D D^T)^-1."""
    count, step, size = down.shape
    reach, taps = count // 2, 2 * REACH + 1
    unknown = np.arange(taps * size * step).reshape(taps, size, step)
    rows, wanted = [], []
    for at in range(-reach - REACH, reach + REACH + 1):  # blocks from a single bright pixel of the small picture
        for one, other in np.ndindex(step, step):
            row = np.zeros(unknown.size)
            for tap in range(-reach, reach + 1):
                if abs(at + tap) <= REACH:
                    row[unknown[REACH - at - tap, :, other]] += down[tap + reach, one]
            rows.append(row)
            wanted.append(float(at == 0 and one == other))
    for place in range(size):  # plain areas stay plain
        rows.append(np.isin(unknown, unknown[:, place]).ravel().astype(float))
        wanted.append(1.0)
    near = _pseudo_inverse(down).ravel()
    change = np.linalg.lstsq(np.array(rows), np.array(wanted) - np.array(rows) @ near, rcond=None)[0]
    return (near + change).reshape(taps, size, step)


def _pseudo_inverse(down: NDArray[np.float64]) -> NDArray[np.float64]:
    """As far as `REACH`."""
    count, step, size = down.shape
    line = np.zeros((_PERIOD * step, _PERIOD * size))
    for block, tap in np.ndindex(_PERIOD, count):
        column = (block + tap - count // 2) % _PERIOD * size
        line[block * step : (block + 1) * step, column : column + size] += down[tap]
    inverse = np.linalg.pinv(line).reshape(_PERIOD, size, _PERIOD, step)
    return np.stack([inverse[0, :, tap % _PERIOD] for tap in range(-REACH, REACH + 1)])
