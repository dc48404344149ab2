"""Arrays of samples: as they are stored, as the numbers that are computed with, and at other sizes.

Samples change their size in float, without a detour over eight bits.
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

_AT_ONCE = 65536  # numbers that are changed at once: few enough to stay near the processor
_ROWS = 1024  # of a reduced picture that are computed at once

STRIP_PIXELS = 2_000_000
"""Pixels of a large picture that are worked on at once."""

_SEEN = 4 / 255  # of alpha: below it a color is not seen; lossy files have such noise where nothing is

FILTERS = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}


def floats(samples: Samples) -> NDArray[np.float32]:
    """Samples as float32, 0..1."""
    values = samples.astype(np.float32, order="C")
    if samples.dtype.kind == "u":
        values /= np.float32(np.iinfo(samples.dtype).max)
    return values


def stored(values: NDArray[np.float32], kind: Any) -> Samples:
    """Floats of 0..1 in a kind of storage, rounded to its nearest steps."""
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
    """H x W x 3 to 1 x 3 x H x W."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)


def filled(photo: Samples, alpha: Pixels | None) -> Samples:
    """Give what nobody sees the mean of what is seen: its color must not steer the style of the rest.

    Args:
        photo: H x W x 3.
        alpha: H x W, 0..1; None, all is seen.
    Returns:
        H x W x 3 of the same kind; gray where nothing is seen at all.
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
    """Give what nobody sees the color of the nearest place that is seen: none bleeds in from under what is clear.

    Args:
        color: H x W x C.
        alpha: H x W, 0..1; None, all is seen.
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
    """The smallest part of a picture, and of its alpha, that holds all that is seen; all of it where nothing is."""
    seen = alpha >= _SEEN
    if not seen.any():
        return photo, alpha
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    place = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return photo[place], alpha[place]


def strips(height: int, width: int) -> Iterator[slice]:
    """Rows of a picture, some `STRIP_PIXELS` pixels at a time."""
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))


def parts(length: int, side: int, multiple: int) -> list[slice]:
    """A length in equal parts of `side` at most, that begin at multiples of `multiple`."""
    count = math.ceil(length / side)
    bounds = [round(length * i / count / multiple) * multiple for i in range(count)] + [length]
    return [slice(start, end) for start, end in itertools.pairwise(bounds)]


def resize(samples: Samples, width: int, height: int, how: str = "lanczos") -> NDArray[np.float32]:
    """Resample a picture or a mask; shrinking is free of aliasing, the range 0..1 is kept.

    Args:
        samples: H x W or H x W x C.
        width, height: the new size in pixels, at least 1.
        how: "lanczos" (sharp) or "bilinear" (no ringing: for masks).
    Returns:
        height x width, with C channels if there were any, float32, 0..1.
    """
    if samples.shape[:2] == (height, width):
        return samples if samples.dtype == np.float32 else floats(samples)
    return resized_rows(samples, width, height, slice(0, height), how)


def reduced(samples: Samples, width: int, height: int) -> NDArray[np.float32]:
    """As `resize`, faster where it shrinks to less than a quarter: to a multiple of the size by means first."""
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
    """Resample a picture and its alpha. A color weighs as much as it is seen, so none leaks from under what is clear.

    Args:
        samples: H x W x C.
        alpha: H x W, 0..1; None, all is seen.
        width, height: the new size in pixels.
    Returns:
        height x width x C and height x width, float32, 0..1. Where nothing is seen colors are 0.
    """
    if alpha is None or alpha.min() == 1:
        return resize(samples, width, height), None if alpha is None else resize(alpha, width, height, "bilinear")
    rows = slice(0, height)
    share = _resampled(alpha, width, height, rows, "bilinear")
    sharp = _resampled(alpha, width, height, rows, "lanczos")
    out = np.empty((height, width, samples.shape[2]), np.float32)
    for channel in range(samples.shape[2]):
        plane = floats(samples[:, :, channel]) * alpha
        # Where little is seen the lobes of Lanczos' filter outweigh what they surround: nothing can be divided by.
        soft = _resampled(plane, width, height, rows, "bilinear") / np.maximum(share, 1e-6)
        crisp = _resampled(plane, width, height, rows, "lanczos") / np.maximum(sharp, 0.5)
        out[:, :, channel] = np.where(sharp >= 0.5, crisp, soft)
    return out.clip(0, 1, out=out), share


def resized_rows(samples: Samples, width: int, height: int, rows: slice, how: str = "lanczos") -> NDArray[np.float32]:
    """Some rows of what `resize` gives."""
    out = _resampled(samples, width, height, rows, how)
    return np.clip(out, 0, 1, out=out)


def _resampled(samples: Samples, width: int, height: int, rows: slice, how: str) -> NDArray[np.float32]:
    """As `resized_rows`; Lanczos' filter may leave 0..1."""
    planes = samples[:, :, None] if samples.ndim == 2 else samples
    scale = planes.shape[0] / height
    reach = math.ceil(3 * max(1, scale)) + 1  # Lanczos looks at three pixels to either side, of the coarser grid
    top = max(0, math.floor(rows.start * scale) - reach)
    planes = planes[top : math.ceil(rows.stop * scale) + reach]
    box = (0, rows.start * scale - top, planes.shape[1], min(rows.stop * scale - top, planes.shape[0]))
    out = np.empty((rows.stop - rows.start, width, planes.shape[2]), np.float32)
    for channel in range(planes.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(floats(planes[:, :, channel])))
        out[:, :, channel] = np.asarray(plane.resize((width, len(out)), FILTERS[how], box))
    return out[:, :, 0] if samples.ndim == 2 else out


def fit(width: int, height: int, longer_side: int) -> tuple[int, int]:
    """The size with the same proportions whose longer side is `longer_side`; never below one pixel."""
    scale = longer_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
