"""Color spaces of curves and a matrix, computed in floating point instead of an 8-bit profile engine.

Sources are ICC profiles of that kind, CICP numbers, and PNG chunks for gamma and chromaticities. 16-bit pictures keep
all their steps.
"""

from __future__ import annotations

import contextlib
import functools
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impasto.pixels import hdr
from impasto.pixels.arrays import Samples, floats, stored, strips
from impasto.pixels.colorimetry import PRIMARIES, Chromaticities, adaptation, encoded, linear, to_srgb, to_xyz

_STEPS = 65536
_RAMP = np.linspace(0, 1, _STEPS, dtype=np.float32)
_D50 = np.array([0.9642, 1, 0.8249])
_ADOBE_RGB: Chromaticities = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)
_SRGB_GAMMA = 0.45455


class Space(NamedTuple):
    """A color space.

    Attributes:
        curves: linear light for each 16-bit value, one row for each channel or one for all.
        matrix: converts light in the space's primaries to light in sRGB's; None for gray.
    """

    curves: NDArray[np.float32]
    matrix: NDArray[np.float32] | None

    def to_srgb(self, rgb: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert values in 0..1 to sRGB."""
        steps = np.rint(np.clip(rgb, 0, 1) * (_STEPS - 1)).astype(np.uint16)
        rows = [self.curves[index % len(self.curves)][steps[..., index]] for index in range(rgb.shape[-1])]
        light = np.stack(rows, axis=-1)
        return encoded(light if self.matrix is None or rgb.shape[-1] == 1 else light @ self.matrix.T)


class Hdr(NamedTuple):
    """A high-dynamic-range space: transfer and primaries of ITU-T H.273."""

    transfer: int
    primaries: int

    def to_srgb(self, rgb: NDArray[np.float32]) -> NDArray[np.float32]:
        return hdr.to_sdr(rgb, self.transfer, self.primaries)


def converted(samples: Samples, space: Space | Hdr) -> Samples:
    """Return samples in sRGB, with the same dtype.

    Args:
        samples: H x W x 3, or H x W x 1 for gray.
    """
    out = np.empty_like(samples)
    for rows in strips(*samples.shape[:2]):
        out[rows] = stored(space.to_srgb(floats(samples[rows])), samples.dtype)
    return out


def of_cicp(primaries: int, transfer: int) -> Space | Hdr | None:
    """Return the space for two numbers of ITU-T H.273; None if it is sRGB or unknown."""
    if transfer in hdr.TRANSFERS:
        return Hdr(transfer, primaries)
    curve = linear(_RAMP, transfer)
    if primaries not in PRIMARIES:
        primaries = 1
    if primaries == 1 and np.array_equal(curve, linear(_RAMP, 13)):
        return None
    return Space(curve[None], to_srgb(PRIMARIES[primaries]))


def of_png(info: Mapping[Any, Any]) -> Space | None:
    """Return the space that PNG's gamma and chromaticity chunks describe; None if it is sRGB, or the file says so."""
    gamma, said = info.get("gamma"), info.get("chromaticity")
    if "srgb" in info or not (gamma or said):
        return None
    if gamma and abs(gamma / _SRGB_GAMMA - 1) < 0.05:  # the same tolerance as in libpng
        gamma = None
    chromaticities: Chromaticities = PRIMARIES[1]
    if said and np.abs(np.subtract(said[2:] + said[:2], chromaticities)).max() > 0.005:
        chromaticities = said[2:] + said[:2]
    elif not gamma:
        return None
    curve = (_RAMP ** np.float32(1 / gamma)) if gamma and 0.01 < gamma < 100 else linear(_RAMP, 13)
    try:
        with np.errstate(all="raise"):
            return Space(curve[None], to_srgb(chromaticities))
    except (np.linalg.LinAlgError, ZeroDivisionError, FloatingPointError):
        return None


@functools.cache
def adobe_rgb() -> Space:
    """Return Adobe RGB, which EXIF's interoperability index R03 means, with or without a profile (DCF 2.0)."""
    return Space((_RAMP ** np.float32(563 / 256))[None], to_srgb(_ADOBE_RGB))


@functools.lru_cache(maxsize=4)
def of_profile(profile: bytes) -> Space | Hdr | None:
    """Return the space of an ICC profile that consists of curves and a matrix, or contains CICP numbers; else None."""
    with contextlib.suppress(struct.error, IndexError, ValueError, KeyError, OverflowError, np.linalg.LinAlgError):
        tags = _tags(profile)
        if b"cicp" in tags and tags[b"cicp"][9] in hdr.TRANSFERS:
            return Hdr(tags[b"cicp"][9], tags[b"cicp"][8])
        if b"A2B0" in tags or b"A2B1" in tags or profile[20:24] != b"XYZ ":
            return None
        if profile[16:20] == b"GRAY":
            return Space(_curve(tags[b"kTRC"])[None], None)
        if profile[16:20] == b"RGB ":
            colorants = np.array([struct.unpack_from(">iii", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
            target = adaptation(to_xyz(PRIMARIES[1]).sum(axis=1), _D50) @ to_xyz(PRIMARIES[1])
            matrix = np.linalg.inv(target) @ (colorants.T / 65536)
            curves = np.stack([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
            return Space(curves, matrix.astype(np.float32))
    return None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(min(count, 200)))
    return {name: profile[offset : offset + size] for name, offset, size in entries}


def _curve(tag: bytes) -> NDArray[np.float32]:
    """Return a tone curve (ICC.1:2022, 10.6 and 10.18): linear light for each 16-bit value."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return _RAMP
        values = np.frombuffer(tag, ">u2", count, 12)
        if count == 1:
            return _RAMP ** np.float32(values[0] / 256)
        return np.interp(_RAMP, np.linspace(0, 1, count), values / 65535).astype(np.float32)
    (kind,) = struct.unpack_from(">H", tag, 8)
    sizes = (1, 3, 4, 5, 7)
    g, a, b, c, d, e, f = (*np.array(struct.unpack_from(f">{sizes[kind]}i", tag, 12)) / 65536, *[0.0] * 7)[:7]
    if kind == 0:
        a = 1.0
    if kind in (1, 2):  # a power function down to its zero, and a constant below
        d, e, f, c = -b / a, c, c, 0.0
    with np.errstate(invalid="ignore"):
        power = np.maximum(a * _RAMP + b, 0) ** g + e
    return np.where(d <= _RAMP, power, c * _RAMP + f).clip(0, 1).astype(np.float32)
