"""The guided filter: smooth values, such as a mask's, along a picture's edges.

He, Sun, Tang: Guided Image Filtering, 2010. Large pictures use the coefficients of a small one, as in He & Sun: Fast
Guided Filter, 2015.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels


class GuidedFilter:
    """Fit values to the edges of a color picture.

    Within a window, the result is an affine function of the picture's colors: `a . color + b`.

    Args:
        guide: h x w x 3, float32, 0..1.
        radius: pixels from the center of a window to its side.
        smoothing: color variance below which a window counts as plain.
    """

    def __init__(self, guide: Pixels, radius: int, smoothing: float) -> None:
        self._guide, self._side = guide, 2 * radius + 1
        self._mean = self._box(guide)
        pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
        products = [
            self._box(guide[:, :, i] * guide[:, :, j]) - self._mean[:, :, i] * self._mean[:, :, j] for i, j in pairs
        ]
        rr, rg, rb, gg, gb, bb = (
            part + np.float32(smoothing * (i == j)) for part, (i, j) in zip(products, pairs, strict=True)
        )
        # Invert the symmetric covariance matrix by its cofactors.
        first, second, third = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
        fourth, fifth, sixth = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
        scale = 1 / (rr * first + rg * second + rb * third)
        self._inverse = [
            [part * scale for part in row]
            for row in ((first, second, third), (second, fourth, fifth), (third, fifth, sixth))
        ]

    def __call__(self, values: NDArray[np.float32], large: Pixels | None = None) -> NDArray[np.float32]:
        """Return the values, fitted to the picture's edges.

        Args:
            values: h x w, float32.
            large: the same picture in another size, H x W x 3, whose edges are used; None, the guide itself.
        Returns:
            H x W, float32. It may exceed the values' range a little.
        """
        mean = self._box(values)
        away = [self._box(self._guide[:, :, i] * values) - self._mean[:, :, i] * mean for i in range(3)]
        slopes = [_product(row, away) for row in self._inverse]
        rest = mean - _product(slopes, [self._mean[:, :, i] for i in range(3)])
        picture = self._guide if large is None else large
        size = picture.shape[1], picture.shape[0]
        grown = [cv2.resize(self._box(part), size, interpolation=cv2.INTER_LINEAR) for part in (*slopes, rest)]
        return grown[3] + _product(grown[:3], [picture[:, :, i] for i in range(3)])

    def _box(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.boxFilter(values, -1, (self._side, self._side), borderType=cv2.BORDER_REFLECT)


def _product(one: Sequence[NDArray[np.float32]], other: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]
