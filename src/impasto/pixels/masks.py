"""Masks: the share of each pixel that belongs to a region of a photo."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from impasto.errors import UsageError
from impasto.pixels.arrays import Pixels, Samples, floats, resized_rows
from impasto.pixels.color import luminance

Mask = NDArray[np.float32]

FOUND = ("person", "background", "faces")
"""Names of the masks that Impasto finds in a photo (`impasto.painting.people`)."""

_LABELS = 20  # gray levels up to this, alone or with the brightest level, are labels, not shades
_FAINT = 0.4  # of white: a single level besides black, below this, is a label, too
_ALIKE = 0.12  # colors that differ by less count as one, because of lossy formats
_COLORFUL = 0.04  # mean difference of the channels, from which a picture counts as colored
_COLORS = 24  # a picture with at most this many colors is a label map
_LOOKED_AT = 500_000  # largest number of pixels that are examined
_EDGE = 0.02  # share of full cover that counts as nothing
_HINT = "a mask is white inside and black outside, or a shape on a transparent background"


def mask_of(samples: Samples, alpha: Pixels | None = None, name: str = "the mask") -> Mask:
    """Interpret a picture as a mask: 1 is inside, 0 outside.

    - White is inside, black is outside, gray is a feathered edge.
    - Transparent parts are outside. Opaque parts of a one-color shape (even black) or of a cut-out photo are inside.
      In a gray picture with transparency, brightness times opacity counts.
    - With labels 0 and one other number, that number is inside. 16-bit values up to 255 are read as 8-bit values.
    - One color on black: the color is inside. Of two other colors, the brighter one is inside. In a picture of many
      colors, brightness counts.

    Args:
        samples: H x W x 3.
        alpha: H x W.
        name: the mask's name, for messages.
    Returns:
        H x W, float32, 0..1.
    Raises:
        UsageError: the picture is a map of several labels.
    """
    if alpha is None or alpha.min() == 1:
        return _brightness(samples, name)
    if alpha.max() > alpha.min() and _one_shape(samples, alpha):
        return alpha
    return _brightness(samples, name) * alpha


def _one_shape(samples: Samples, alpha: Pixels) -> bool:
    """Return True if the visible part has one color, or many."""
    solid = alpha >= alpha.max() / 10
    seen = floats(samples[solid][:: max(1, int(solid.sum()) // _LOOKED_AT)])
    darkest, brightest = np.percentile(seen, (1, 99), axis=0)  # percentiles exclude colors that bleed in at soft edges
    return bool((brightest - darkest < _ALIKE).all() or np.ptp(seen, axis=1).mean() > _COLORFUL)


def _brightness(samples: Samples, name: str) -> Mask:
    if samples.dtype.kind == "u" and (samples == samples[:, :, :1]).all():
        return _of_gray(samples, name)
    return _of_colors(samples, name)


def _of_gray(samples: Samples, name: str) -> Mask:
    gray, top = samples[:, :, 0], int(np.iinfo(samples.dtype).max)
    counts = np.bincount(gray.ravel(), minlength=top + 1)
    found = np.flatnonzero(counts[1:]) + 1
    brightest = int(found[-1]) if len(found) else 0
    white = 255 if top > 255 and brightest <= 255 else top  # 8-bit values in a 16-bit file
    if len(found) == 1 and (brightest <= _LABELS or (counts[0] and brightest < _FAINT * white)):
        if brightest > 1:
            warnings.warn(f"{name} contains 0 and {brightest}; {brightest} counts as inside", stacklevel=2)
        return (gray > 0).astype(np.float32)
    labels = found[found <= _LABELS]
    beside = [value for value in found[found > _LABELS] if value not in (255, top)]
    if not len(labels) or beside or (brightest > _LABELS and counts[labels].sum() < counts[brightest]):
        return luminance(floats(samples)) if white == top else (gray / np.float32(white)).astype(np.float32)
    raise UsageError(
        f"{name} contains the gray levels {_listed(found)}: several labels, or almost nothing",
        f"choose one; {_HINT}",
        code="mismatch",
    )


def _of_colors(samples: Samples, name: str) -> Mask:
    step = max(1, samples.shape[0] * samples.shape[1] // _LOOKED_AT)
    seen = samples.reshape(-1, 3)[::step]
    pixels = floats(seen)
    if np.ptp(pixels, axis=1).mean() < _COLORFUL and np.ptp(pixels, axis=1).max() < 2 * _ALIKE:
        return luminance(floats(samples))
    light = luminance(pixels[None])[0]
    near = np.ptp(light) / 10
    dark, bright = (pixels[np.abs(light - end) <= near].mean(axis=0) for end in (light.min(), light.max()))
    if dark.max() < _ALIKE:
        dark = np.zeros_like(bright)
    away = bright - dark
    along = away / max(away @ away, 1e-6)
    colors = len(np.unique(seen, axis=0))
    beside = np.abs(pixels - dark - ((pixels - dark) @ along)[:, None] * away).max(axis=1)  # from the line between
    if np.percentile(beside, 97 if colors > _COLORS else 100) < _ALIKE:
        if dark.any():
            warnings.warn(f"{name} contains two colors; the brighter one counts as inside", stacklevel=2)
        return ((floats(samples) - dark) @ along).clip(0, 1)
    if colors <= _COLORS:
        raise UsageError(
            f"{name} contains {colors} colors, which are several labels", f"choose one; {_HINT}", code="mismatch"
        )
    warnings.warn(f"{name} is a picture of many colors; its brightness is used as the mask", stacklevel=2)
    return luminance(floats(samples))


def _listed(values: NDArray[np.int64]) -> str:
    return ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")


def warn_of_extent(mask: Mask, name: str) -> None:
    """Warn about a mask that covers nothing or everything."""
    if mask.max() < _EDGE:
        warnings.warn(f"{name} covers nothing: it is entirely black or transparent", stacklevel=2)
    elif mask.min() > 1 - _EDGE:
        warnings.warn(f"{name} covers everything: it is entirely white", stacklevel=2)


def fit_mask(mask: Mask, width: int, height: int, rows: slice | None = None) -> Mask:
    """Return the mask, or some rows of it, stretched over a photo of width x height."""
    return resized_rows(mask, width, height, rows or slice(0, height), "bilinear")


def check_proportions(masks: Sequence[Mask], width: int, height: int) -> None:
    """Warn about masks whose proportions differ from those of a photo of width x height."""
    for mask in masks:
        if not 0.95 < (mask.shape[1] / mask.shape[0]) / (width / height) < 1.05:
            warnings.warn(
                f"a mask of {mask.shape[1]} x {mask.shape[0]} is stretched over a photo of {width} x {height}",
                stacklevel=2,
            )


def layer(masks: Sequence[Mask]) -> NDArray[np.float32]:
    """Return each region's share of each pixel. Later regions cover earlier ones, and all cover the ground.

    Args:
        masks: K masks of equal size H x W.
    Returns:
        (K + 1) x H x W, float32. The first is the ground, which receives what no region covers. The sum over K + 1 is
            1.
    """
    shares = np.ones((len(masks) + 1, *masks[0].shape), np.float32)
    for index, mask in enumerate(masks, start=1):
        shares[:index] *= 1 - mask
        shares[index] = mask
    return shares
