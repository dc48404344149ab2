"""Enlarge arrays by any factor: run networks one after the other, then reduce to the requested size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from impasto.enlarging.network import EnlargerNetwork
from impasto.enlarging.store import networks
from impasto.pixels.arrays import Samples, floats, resized_rows, stored, strips
from impasto.system.memory import allocate

_ROUNDING = 1e-9


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
    """Enlarge a picture.

    Args:
        samples: h x w x 3: uint8, uint16, or floats in 0..1.
        width, height: the new size, not smaller than the old one.
        kind: see `EnlargeOptions`.
        strength: 0..1, blend between bicubic interpolation (0) and the network's picture (1).
        budget: bytes that an array or the network may use. Larger arrays go to temporary files.
        on_pixels: called with the number of pixels of each finished part of the result. It may raise.
    Returns:
        height x width x 3 with samples of the same type; a network's picture of floats is float32.
    Raises:
        UsageError: there is no such kind.
        StyleError: the network's file is damaged.
        OutOfMemory: the disk has no room either.
    """
    factor = max(width / samples.shape[1], height / samples.shape[0])
    made: Samples = samples
    if strength:
        chain = steps(networks(kind), factor)
        parts = [4.0**index for index in range(len(chain))]  # relative cost: each picture is larger than the last
        for network, part in zip(chain, parts, strict=True):
            made = _run(network, made, budget, width * height * part / sum(parts), on_pixels)
    if strength == 1 and made.shape[:2] == (height, width):
        return made
    return _fitted(made, samples, width, height, strength, budget)


def steps(available: Sequence[EnlargerNetwork], factor: float) -> list[EnlargerNetwork]:
    """Return the networks that enlarge by a factor or a little more, with the least work. The last network decides.

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
    """Enlarge by one network.

    Args:
        pixels: the number of the result's pixels to report as finished by this network.
    """
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
    """Resize the network's picture to the requested size, and blend it with bicubic interpolation, in strips."""
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
