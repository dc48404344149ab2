"""Filters of a style's own: what a named style changes in the painter's convolutions.

A network that knows one painting paints it better than one for all of them. The gallery's styles were each trained
for some minutes more, from the painter on; what that changed is small, and 4 bits a number hold it, with a scale for
every 32 of them (block-wise quantisation, Dettmers et al. 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Changes: TypeAlias = NDArray[np.float32]
Places: TypeAlias = "Sequence[Sequence[int]]"
"""Where a file has its filters: their first byte, the first of the changes that is theirs, and how many there are."""

GROUP = 32
EPSILON = 1e-2  # of the painter's normalisations: channels that hardly vary must not make their own noise count
_TOP = 7  # the largest of 4 bits with a sign


def pack(changes: Changes) -> NDArray[np.uint8]:
    """Changes in 4 bits each, then the groups' scales in half precision."""
    groups = np.pad(changes, (0, -len(changes) % GROUP)).reshape(-1, GROUP)
    scales = (np.abs(groups).max(1) / _TOP).astype(np.float16)
    levels = np.rint(groups / np.where(scales > 0, scales, 1).astype(np.float32)[:, None]).clip(-_TOP, _TOP)
    nibbles = (levels + 8).astype(np.uint8).reshape(-1, 2)
    return np.concatenate([nibbles[:, 0] | nibbles[:, 1] << 4, scales.view(np.uint8)])


def unpack(packed: NDArray[np.uint8]) -> Changes:
    """What `pack` has packed, zeros after it up to a whole group."""
    count, rest = divmod(len(packed), GROUP // 2 + 2)  # groups
    if rest:
        raise ValueError(f"{len(packed)} bytes hold no whole groups of filters")
    pairs, scales = packed[: count * GROUP // 2], packed[count * GROUP // 2 :].view(np.float16)
    levels = np.stack([pairs & 15, pairs >> 4], axis=1).reshape(count, GROUP).astype(np.float32) - 8
    return (levels * scales[:, None].astype(np.float32)).ravel()


def normalised(
    network: bytes, steps: NDArray[np.float32], statistics: NDArray[np.float32], places: Sequence[Sequence[int]]
) -> bytes:
    """A network's file with its normalisations in the convolutions before them.

    Scale and shift of (y - mean) / sqrt(variance + epsilon) are a factor a and a constant b for each channel once the
    statistics are known, and a w x + (a c + b) is a convolution, too.

    Args:
        steps: N x 2 x C: for each normalisation the scales, less one, and the shifts.
        statistics: N x 2 x C: the means and the mean squares.
        places: for each the first byte of the depthwise convolution's weights, how many a channel has, and the first
            byte of its biases.
    """
    data = bytearray(network)

    def there(first: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        return np.frombuffer(data, np.dtype("<f4"), math.prod(shape), first).reshape(shape)

    for (weight, taps, bias), (scale, shift), (mean, square) in zip(places, steps, statistics, strict=True):
        factor = (1 + scale) / np.sqrt((square - mean * mean).clip(0) + EPSILON)
        kernels, biases = there(weight, (len(factor), taps)), there(bias, factor.shape)
        kernels *= factor[:, None]
        biases *= factor
        biases += shift - mean * factor
    return bytes(data)


def changed(network: bytes, changes: Changes, places: Places) -> bytes:
    """A network's file with its filters changed."""
    data = bytearray(network)
    for offset, first, count in places:
        np.frombuffer(data, np.dtype("<f4"), count, offset)[:] += changes[first : first + count]
    return bytes(data)
