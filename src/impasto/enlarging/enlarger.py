"""Enlarge arrays by any factor: networks one after the other, and a reduction to the size that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from impasto.enlarging.network import EnlargerNetwork
from impasto.enlarging.store import networks
from impasto.pixels.arrays import Pixels, Samples, floats, resized_rows, stored, strips
from impasto.system.memory import allocate

_ROUNDING = 1e-9
_SEEN = 4 / 255  # of alpha


def enlarged(
    samples: Samples,
    width: int,
    height: int,
    kind: str = "photo",
    *,
    strength: float = 1.0,
    budget: int,
    on_pixels: Callable[[int], None] = lambda _: None,
) -> Samples:
    """A picture, made larger.

    Args:
        samples: h x w x 3: uint8, uint16, or floats in 0..1.
        width, height: the new size, no smaller than the old one.
        kind: see `EnlargeOptions`.
        strength: 0..1, the way from bicubic interpolation to the network's picture.
        budget: bytes that an array or the network may take; larger arrays go to temporary files.
        on_pixels: called with the pixels of each part of the result that is done; it may raise.
    Returns:
        height x width x 3 of the same kind of samples; a network's picture in float is float32.
    Raises:
        UsageError: there is no such kind.
        StyleError: its file is damaged.
        OutOfMemory: there is no room on the disk, either.
    """
    factor = max(width / samples.shape[1], height / samples.shape[0])
    made: Samples = samples
    if strength:
        chain = steps(networks(kind), factor)
        share = 1.0 / sum(4.0**-index for index in range(len(chain))) if chain else 1.0
        for index, network in enumerate(chain):
            pixels = share * 4.0 ** -(len(chain) - 1 - index) * width * height
            made = _run(network, made, budget, pixels, on_pixels)
    if strength == 1 and made.shape[:2] == (height, width):
        return made
    return _fitted(made, samples, width, height, strength, budget)


def steps(available: Sequence[EnlargerNetwork], factor: float) -> list[EnlargerNetwork]:
    """The networks by which a picture grows by a factor or a little more, with the least work: the last one counts.

    >>> steps([], 1.0)
    []
    """
    chain: list[EnlargerNetwork] = []
    while factor > 1 + _ROUNDING:
        enough = [network for network in available if network.facts.scale >= factor - _ROUNDING]
        chain.append(enough[0] if enough else available[-1])
        factor /= chain[-1].facts.scale
    return chain


def _run(
    network: EnlargerNetwork, samples: Samples, budget: int, pixels: float, on_pixels: Callable[[int], None]
) -> Samples:
    """Enlarge by one network; of the work on the whole result, that counts as so many pixels."""
    scale, (height, width) = network.facts.scale, samples.shape[:2]
    kind: Any = samples.dtype if samples.dtype.kind == "u" else np.float32
    out = allocate((height * scale, width * scale, 3), kind, budget)
    done, part = 0, pixels / (out.shape[0] * out.shape[1])

    def write(place: tuple[slice, slice], piece: Samples) -> None:
        nonlocal done
        out[place] = piece if kind in (np.uint8, np.float32) else stored(piece, kind)
        before, done = done, done + piece.shape[0] * piece.shape[1]
        on_pixels(round(part * done) - round(part * before))

    network.enlarge(samples, write, budget, as_bytes=kind == np.uint8)
    return out


def _fitted(made: Samples, plain: Samples, width: int, height: int, strength: float, budget: int) -> Samples:
    """The network's picture in the size that is asked for, and mixed with bicubic interpolation, strip by strip."""
    kind: Any = made.dtype if made.dtype.kind == "u" else np.float32
    out = allocate((height, width, 3), kind, budget)
    for rows in strips(height, width):
        piece = resized_rows(plain, width, height, rows, "bicubic") if strength < 1 else None
        if strength > 0:
            full = floats(made[rows]) if made.shape == out.shape else resized_rows(made, width, height, rows)
            piece = full if piece is None else piece + np.float32(strength) * (full - piece)
        assert piece is not None
        out[rows] = stored(piece, kind)
    return out


def spread(color: Samples, alpha: Pixels | None) -> Samples:
    """Give what nobody sees the color of the nearest place that is seen: none bleeds in from under what is clear.

    Args:
        color: H x W x 3.
        alpha: H x W, 0..1; None, all is seen.
    """
    if alpha is None or not (alpha < _SEEN).any() or not (alpha >= _SEEN).any():
        return color
    unseen = (alpha < _SEEN).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(unseen, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    places = np.zeros(labels.max() + 1, np.int64)
    places[labels[unseen == 0]] = np.flatnonzero(unseen == 0)
    return color.reshape(-1, 3)[places[labels]]
