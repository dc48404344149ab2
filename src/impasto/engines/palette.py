"""A painting's palette as ten numbers, and the way of a picture's colors towards it.

The way is the linear Monge-Kantorovitch map between two Gaussians of colors (Pitié & Kokaram 2007). A network that
knows many paintings finds the colors of an unknown one in part only. `towards` moves the picture's colors nearer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels
from impasto.pixels.color import LEAST_VARIANCE, power

SIZE = 10  # a weight, three means, six second moments
_SHARE = 0.75  # of the way
_GAINS = 0.5, 1.8  # of a color's contrast: more would bring out what is hardly there
_PAIRS = np.triu_indices(3)


def measured(picture: Pixels) -> NDArray[np.float32]:
    """Means and second moments of the colors of a picture, H x W x 3: nine numbers, which mix as pictures do."""
    rows = picture.astype(np.float64)
    moments = np.einsum("ywi,ywj->ij", rows, rows) / (rows.shape[0] * rows.shape[1])  # without BLAS: see `product`
    return np.concatenate([rows.mean((0, 1)), moments[_PAIRS]]).astype(np.float32)


def palette_of(painting: Pixels) -> NDArray[np.float32]:
    """A painting's palette, its weight 1; with weight 0, all zeros, nothing is changed."""
    return np.concatenate([np.ones(1, np.float32), measured(painting)])


def towards(picture: Pixels, own: NDArray[np.float32], palette: NDArray[np.float32]) -> Pixels:
    """A picture on its way to a palette.

    Args:
        picture: H x W x 3.
        own: what `measured` gives, of this picture or of all that it is a part of.
        palette: of one painting, or the weighted mean of several; its weight is the share of them that have one.
    """
    weight = float(palette[0])
    if weight <= 0:
        return picture
    (before, first), (after, second) = _gaussian(own), _gaussian(palette[1:] / weight)
    root = power(first, 0.5)
    inverse = np.linalg.inv(root)
    gains, axes = np.linalg.eigh(inverse @ power(root @ second @ root, 0.5) @ inverse)
    move = (axes * gains.clip(*_GAINS)) @ axes.T
    share = _SHARE * min(weight, 1.0)
    matrix = (np.eye(3) + share * (move - np.eye(3))).astype(np.float32)
    offset = (before + share * (after - before) - matrix @ before).astype(np.float32)
    moved: Pixels = sum((picture[..., i : i + 1] * matrix[:, i] for i in range(3)), start=offset)
    return moved.clip(0, 1)


def _gaussian(numbers: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance."""
    mean, moments = numbers[:3].astype(np.float64), np.zeros((3, 3))
    moments[_PAIRS] = numbers[3:]
    moments = moments + np.triu(moments, 1).T
    return mean, moments - np.outer(mean, mean) + LEAST_VARIANCE * np.eye(3)
