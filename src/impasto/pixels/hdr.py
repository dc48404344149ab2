"""Tone-map high dynamic range (PQ and HLG) to sRGB."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.colorimetry import HLG, PQ, PRIMARIES, encoded, linear, to_srgb

WHITE = 203
"""Luminance of paper white in HDR pictures, in nits (ITU-R BT.2408)."""

TRANSFERS = (PQ, HLG)

_PEAK, _GAMMA = 1000, 1.2  # HLG's nominal peak in nits, and its system gamma (BT.2100)
_KNEE = 0.7  # share of paper white above which light is compressed
_STEPS = 65535
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)  # BT.2020


def to_sdr(rgb: NDArray[np.float32], transfer: int, primaries: int) -> NDArray[np.float32]:
    """Tone-map HDR values to sRGB.

    Light up to 0.7 of paper white (203 nits) stays unchanged. Brighter light is compressed, with its hue: paper white
    becomes 0.93, and 1,000 nits become 0.99. Colors outside sRGB are clipped.

    Args:
        rgb: H x W x 3, 0..1, full range, encoded with the curve of `transfer`.
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
    """Return linear light for each 16-bit value: of PQ in units of paper white, of HLG as scene light."""
    light = linear(np.linspace(0, 1, _STEPS + 1, dtype=np.float32), transfer)
    return light * np.float32(10_000 / WHITE) if transfer == PQ else light


def _gain(brightest: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the factor that dims light, by its brightest channel."""
    over = np.maximum(brightest - _KNEE, 0) / (1 - _KNEE)
    mapped = _KNEE + (1 - _KNEE) * over / (1 + over)
    return np.where(over > 0, mapped / np.maximum(brightest, _KNEE), 1).astype(np.float32)
