"""A painting's palette in ten numbers, and a map that moves a picture's colors towards it.

The map is the linear Monge-Kantorovitch map between two Gaussians of colors (Pitié & Kokaram 2007). A network for many
paintings reproduces the colors of an unknown painting only in part. `towards` brings the picture's colors closer.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels
from impasto.pixels.color import LEAST_VARIANCE, power

SIZE = 10  # a weight, three means, six second moments
_SHARE = 0.75  # of the way to the palette
_GAINS = 0.5, 1.8  # limits of the change of contrast; more would amplify hardly visible colors
_PAIRS = np.triu_indices(3)
_HUES = np.array([[1, -1, 0] / np.sqrt(2), [1, 1, -2] / np.sqrt(6)])  # directions of color without brightness


def measured(picture: Pixels) -> NDArray[np.float32]:
    """Return means and second moments of a picture's colors, H x W x 3: nine numbers, which mix like pictures."""
    rows = picture.astype(np.float64)
    moments = np.einsum("ywi,ywj->ij", rows, rows) / (rows.shape[0] * rows.shape[1])  # without BLAS: see `product`
    return np.concatenate([rows.mean((0, 1)), moments[_PAIRS]]).astype(np.float32)


def palette_of(painting: Pixels) -> NDArray[np.float32]:
    """Return a painting's palette with weight 1. A palette of weight 0, all zeros, changes nothing."""
    return np.concatenate([np.ones(1, np.float32), measured(painting)])


def towards(picture: Pixels, own: NDArray[np.float32], palette: NDArray[np.float32]) -> Pixels:
    """Move a picture's colors towards a palette.

    Args:
        picture: H x W x 3.
        own: the result of `measured` for this picture, or for the whole that it is a part of.
        palette: of one painting, or the weighted mean of several. Its weight is the share of paintings with a palette.
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


def hues(palette: NDArray[np.float32]) -> float:
    """Return how much the hues of a palette vary: 0 for one ink on gray paper, about 0.03 for a painting.

    The value is the smallest deviation of the colors along any direction without brightness. Without a palette it is
    infinite.
    """
    weight = float(palette[0])
    if weight <= 0:
        return math.inf
    _, covariance = _gaussian(palette[1:] / weight)
    (a, b), (_, c) = _HUES @ covariance @ _HUES.T
    return math.sqrt(max(0.0, (a + c) / 2 - math.hypot((a - c) / 2, b)))


def _gaussian(numbers: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and covariance."""
    mean, moments = numbers[:3].astype(np.float64), np.zeros((3, 3))
    moments[_PAIRS] = numbers[3:]
    moments = moments + np.triu(moments, 1).T
    return mean, moments - np.outer(mean, mean) + LEAST_VARIANCE * np.eye(3)
