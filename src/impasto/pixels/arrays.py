"""Arrays of samples: storage types, float values, and resampling.

Resampling works in float, without rounding to eight bits in between.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels: TypeAlias = NDArray[np.float32]
"""H x W x 3, or H x W of one channel: 0..1."""

Samples: TypeAlias = NDArray[Any]
"""H x W x C: uint8, uint16, or floats in 0..1."""

_AT_ONCE = 65536  # numbers that are changed at a time, few enough for the processor's cache
_ROWS = 1024  # rows of a reduced picture that are computed at a time

STRIP_PIXELS = 2_000_000
"""Pixels of a large picture that are processed at a time."""

_SEEN = 4 / 255  # alpha below this counts as invisible; lossy files contain such noise

FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}


def floats(samples: Samples) -> NDArray[np.float32]:
    """Convert samples to float32 in 0..1."""
    values = samples.astype(np.float32, order="C")
    if samples.dtype.kind == "u":
        values /= np.float32(np.iinfo(samples.dtype).max)
    return values


def stored(values: NDArray[np.float32], kind: Any) -> Samples:
    """Convert floats in 0..1 to a storage type, rounded to its nearest steps."""
    kind = np.dtype(kind)
    if kind.kind != "u":
        return values.astype(kind)
    top = np.iinfo(kind).max
    out = np.empty(values.shape, kind)
    rows = max(1, _AT_ONCE // max(1, values[:1].size))
    for first in range(0, len(values), rows):
        scaled = values[first : first + rows] * np.float32(top)
        np.rint(scaled, out=scaled)
        out[first : first + rows] = scaled.clip(0, top, out=scaled)
    return out


def planes(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reshape H x W x 3 to 1 x 3 x H x W."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


def filled(photo: Samples, alpha: Pixels | None) -> Samples:
    """Fill invisible pixels with the mean of the visible ones, so that their color does not steer the style.

    Args:
        photo: H x W x 3.
        alpha: H x W, 0..1; None, all is visible.
    Returns:
        H x W x 3 of the same type; gray if nothing is visible.
    """
    if alpha is None or alpha.min() >= _SEEN:
        return photo
    unseen = alpha < _SEEN
    color = np.full(3, 0.5)
    if not unseen.all():
        total = sum(np.tensordot(alpha[rows], floats(photo[rows]), 2) for rows in strips(*photo.shape[:2]))
        color = total / alpha.sum(dtype=np.float64)
    out = photo.copy()
    out[unseen] = stored(color.astype(np.float32), photo.dtype)
    return out


def spread(color: Samples, alpha: Pixels | None) -> Samples:
    """Give invisible pixels the color of the nearest visible one, so that no hidden color bleeds in.

    Args:
        color: H x W x C.
        alpha: H x W, 0..1; None, all is visible.
    """
    if alpha is None or not (alpha < _SEEN).any() or not (alpha >= _SEEN).any():
        return color
    import cv2

    unseen = (alpha < _SEEN).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(unseen, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    places = np.zeros(labels.max() + 1, np.int64)
    places[labels[unseen == 0]] = np.flatnonzero(unseen == 0)
    out: Samples = color.reshape(-1, color.shape[2])[places[labels]]
    return out


def seen_part(photo: Samples, alpha: Pixels) -> tuple[Samples, Pixels]:
    """Return the smallest part of a picture and its alpha that contains all visible pixels.

    If nothing is visible, return all of it.
    """
    seen = alpha >= _SEEN
    if not seen.any():
        return photo, alpha
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return photo[place], alpha[place]


def strips(height: int, width: int) -> Iterator[slice]:
    """Yield slices of a picture's rows, about `STRIP_PIXELS` pixels each."""
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))


def parts(length: int, side: int, multiple: int) -> list[slice]:
    """Split a length into equal parts of at most `side`, which begin at multiples of `multiple`."""
    count = math.ceil(length / side)
    bounds = [round(length * i / count / multiple) * multiple for i in range(count)] + [length]
    return [slice(start, end) for start, end in itertools.pairwise(bounds)]


def resize(samples: Samples, width: int, height: int, how: str = "lanczos") -> NDArray[np.float32]:
    """Resample a picture or a mask, without aliasing, and within 0..1.

    Args:
        samples: H x W or H x W x C.
        width, height: the new size in pixels, at least 1.
        how: "lanczos" (sharp), "bicubic", or "bilinear" (no ringing, for masks).
    Returns:
        height x width, with C channels if there were any, float32, 0..1.
    """
    if samples.shape[:2] == (height, width):
        return samples if samples.dtype == np.float32 else floats(samples)
    return resized_rows(samples, width, height, slice(0, height), how)


def reduced(samples: Samples, width: int, height: int) -> NDArray[np.float32]:
    """Resize as `resize` does, but faster when shrinking below a quarter: average to a multiple of the size first."""
    factor = min(samples.shape[1] // width, samples.shape[0] // height) // 2
    if factor < 2:
        if samples.shape[:2] == (height, width):
            return resize(samples, width, height)
        out = np.empty((height, width, *samples.shape[2:]), np.float32)
        for top in range(0, height, _ROWS):
            rows = slice(top, min(height, top + _ROWS))
            out[rows] = resized_rows(samples, width, height, rows)
        return out
    import cv2

    size = samples.shape[1] // factor, samples.shape[0] // factor
    return resize(cv2.resize(samples, size, interpolation=cv2.INTER_AREA), width, height)


def resize_with_alpha(
    samples: Samples, alpha: Pixels | None, width: int, height: int
) -> tuple[NDArray[np.float32], Pixels | None]:
    """Resample a picture and its alpha. Alpha weights the colors, so that no color leaks from transparent parts.

    Args:
        samples: H x W x C.
        alpha: H x W, 0..1; None, all is visible.
        width, height: the new size in pixels.
    Returns:
        height x width x C and height x width, float32, 0..1. Colors are 0 where nothing is visible.
    """
    if alpha is None or alpha.min() == 1:
        return resize(samples, width, height), None if alpha is None else resize(alpha, width, height, "bilinear")
    rows = slice(0, height)
    share = _resampled(alpha, width, height, rows, "bilinear")
    sharp = _resampled(alpha, width, height, rows, "lanczos")
    out = np.empty((height, width, samples.shape[2]), np.float32)
    for channel in range(samples.shape[2]):
        plane = floats(samples[:, :, channel]) * alpha
        # At low alpha, the negative lobes of Lanczos' filter dominate, and the quotient is not stable.
        soft = _resampled(plane, width, height, rows, "bilinear") / np.maximum(share, 1e-6)
        crisp = _resampled(plane, width, height, rows, "lanczos") / np.maximum(sharp, 0.5)
        out[:, :, channel] = np.where(sharp >= 0.5, crisp, soft)
    return out.clip(0, 1, out=out), share


def resized_rows(samples: Samples, width: int, height: int, rows: slice, how: str = "lanczos") -> NDArray[np.float32]:
    """Return some rows of the result of `resize`."""
    out = _resampled(samples, width, height, rows, how)
    return np.clip(out, 0, 1, out=out)


def _resampled(samples: Samples, width: int, height: int, rows: slice, how: str) -> NDArray[np.float32]:
    """Resample as `resized_rows` does, but without clipping: Lanczos' filter may leave 0..1."""
    planes = samples[:, :, None] if samples.ndim == 2 else samples
    scale = planes.shape[0] / height
    reach = math.ceil(3 * max(1, scale)) + 1  # Lanczos reaches three pixels of the coarser grid to each side
    top = max(0, math.floor(rows.start * scale) - reach)
    planes = planes[top : math.ceil(rows.stop * scale) + reach]
    box = (0, rows.start * scale - top, planes.shape[1], min(rows.stop * scale - top, planes.shape[0]))
    out = np.empty((rows.stop - rows.start, width, planes.shape[2]), np.float32)
    for channel in range(planes.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(floats(planes[:, :, channel])))
        out[:, :, channel] = np.asarray(plane.resize((width, len(out)), FILTERS[how], box))
    return out[:, :, 0] if samples.ndim == 2 else out


def fit(width: int, height: int, longer_side: int) -> tuple[int, int]:
    """Return the size with the same proportions and the given longer side, at least one pixel wide and high."""
    scale = longer_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
