"""High dynamic range on a screen that has it not: PQ and HLG, tone-mapped to sRGB."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.colorimetry import HLG, PQ, PRIMARIES, encoded, linear, to_srgb

WHITE = 203
"""Nits of paper white in pictures of high dynamic range (ITU-R BT.2408)."""

TRANSFERS = (PQ, HLG)

_PEAK, _GAMMA = 1000, 1.2  # of the screen that HLG is made for, in nits; its system gamma (BT.2100)
_KNEE = 0.7  # of paper white: up to here light stays as it is; brighter light is compressed
_STEPS = 65535
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)  # BT.2020


def to_sdr(rgb: NDArray[np.float32], transfer: int, primaries: int) -> NDArray[np.float32]:
    """Tone-map HDR values to sRGB.

    Light up to 0.7 of paper white (203 nits) stays as it is. What is brighter is compressed, hues kept:
    paper white becomes 0.93, 1,000 nits 0.99. Colors outside sRGB are clipped.

    Args:
        rgb: H x W x 3, 0..1, full range, by the curve of `transfer`.
        transfer: 16 (PQ) or 18 (HLG), as in ITU-T H.273.
        primaries: 1 (BT.709), 9 (BT.2020), 12 (P3) and others of H.273.
    Returns:
        H x W x 3, float32, sRGB, 0..1.
    """
    light = _curve(transfer)[np.rint(np.clip(np.nan_to_num(rgb), 0, 1) * _STEPS).astype(np.uint16)]
    if transfer == HLG:
        light *= np.float32(_PEAK / WHITE) * (light @ _LUMA)[..., None] ** np.float32(_GAMMA - 1)
    light = light @ to_srgb(PRIMARIES.get(primaries, PRIMARIES[1])).T
    np.maximum(light, 0, out=light)
    return encoded(light * _gain(light.max(axis=-1, keepdims=True)))


@functools.cache
def _curve(transfer: int) -> NDArray[np.float32]:
    """Light by the value of 16 bits: PQ's in units of paper white, HLG's of the scene."""
    light = linear(np.linspace(0, 1, _STEPS + 1, dtype=np.float32), transfer)
    return light * np.float32(10_000 / WHITE) if transfer == PQ else light


def _gain(brightest: NDArray[np.float32]) -> NDArray[np.float32]:
    """By how much light is dimmed whose brightest channel is this."""
    over = np.maximum(brightest - _KNEE, 0) / (1 - _KNEE)
    mapped = _KNEE + (1 - _KNEE) * over / (1 + over)
    return np.where(over > 0, mapped / np.maximum(brightest, _KNEE), 1).astype(np.float32)
