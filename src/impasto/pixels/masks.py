"""Masks: which share of each pixel a region of a photo gets."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import resized_rows

Mask = NDArray[np.float32]


def fit_mask(mask: Mask, width: int, height: int, rows: slice | None = None) -> Mask:
    """The mask stretched over a photo of width x height, or some rows of it."""
    return resized_rows(mask, width, height, rows or slice(0, height), "bilinear")


def check_proportions(masks: Sequence[Mask], width: int, height: int) -> None:
    """Warn of masks whose proportions are not those of a photo of width x height."""
    for mask in masks:
        if not 0.95 < (mask.shape[1] / mask.shape[0]) / (width / height) < 1.05:
            warnings.warn(
                f"a mask of {mask.shape[1]} x {mask.shape[0]} is stretched over a photo of {width} x {height}",
                stacklevel=2,
            )


def layer(masks: Sequence[Mask]) -> NDArray[np.float32]:
    """What every region gets of each pixel, later regions lying over earlier ones and all over the ground.

    Args:
        masks: K masks of one size H x W.
    Returns:
        (K + 1) x H x W, float32: first the ground, which gets what no region covers; the sum over K + 1 is 1.
    """
    shares = np.ones((len(masks) + 1, *masks[0].shape), np.float32)
    for index, mask in enumerate(masks, start=1):
        shares[:index] *= 1 - mask
        shares[index] = mask
    return shares
