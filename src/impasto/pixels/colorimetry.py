"""Color spaces as numbers: transfer curves and primaries, to and from sRGB.

Curves and primaries have the numbers of ITU-T H.273 (CICP), as in video streams, AVIF, HEIF and PNG.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Chromaticities: TypeAlias = tuple[float, float, float, float, float, float, float, float]
"""x and y of red, green, blue and white."""

LINEAR, SRGB, PQ, HLG = 8, 13, 16, 18
"""Numbers of transfer curves."""

_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
PRIMARIES: dict[int, Chromaticities] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65),  # BT.709, sRGB
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, *_C),
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, *_D65),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),  # BT.2020
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),  # DCI-P3
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),  # Display P3
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
"""Primaries and white by number. All other numbers are treated as sRGB."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _srgb(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _pq(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Decode SMPTE ST 2084, where 1 is 10,000 nits."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = values ** (1 / m2)
    return (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def _hlg(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Decode ARIB STD-B67 to scene light, 0..1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)


_CURVES: dict[int, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    4: lambda values: values**2.2,
    5: lambda values: values**2.8,
    LINEAR: lambda values: values,
    PQ: _pq,
    17: lambda values: values**2.6 * np.float32(52.37 / 48),  # SMPTE ST 428-1, for cinemas
    HLG: _hlg,
}
"""Curves by number. All others are treated as sRGB, including SDR camera curves (BT.709, BT.601, BT.2020)."""


def linear(values: NDArray[np.float32], transfer: int) -> NDArray[np.float32]:
    """Decode values in 0..1 to linear light, by the number of their transfer curve."""
    return _CURVES.get(transfer, _srgb)(np.asarray(values, np.float32)).astype(np.float32)


def encoded(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Encode linear light with sRGB's curve, clipped to 0..1."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


@functools.cache
def to_xyz(chromaticities: Chromaticities) -> NDArray[np.float64]:
    """Return the matrix from linear light in these primaries to CIE XYZ, with white at Y = 1 (SMPTE RP 177)."""
    x, y = np.array(chromaticities).reshape(4, 2).T
    xyz = np.array([x / y, np.ones(4), (1 - x - y) / y])
    return xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])


def adaptation(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix that adapts colors in XYZ from one white point to another (Bradford)."""
    return np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ target) / (_BRADFORD @ source)) @ _BRADFORD


@functools.cache
def to_srgb(chromaticities: Chromaticities) -> NDArray[np.float32]:
    """Return the matrix from linear light in these primaries to linear light in sRGB."""
    source, target = to_xyz(chromaticities), to_xyz(PRIMARIES[1])
    same_white = adaptation(source.sum(axis=1), target.sum(axis=1))
    return (np.linalg.inv(target) @ same_white @ source).astype(np.float32)
