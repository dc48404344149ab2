"""Change the size of an array of samples, in float, without a detour over eight bits."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.samples import Samples, floats

_ROWS = 1024  # of a reduced picture that are computed at once

FILTERS = {"lanczos": Image.Resampling.LANCZOS, "bilinear": Image.Resampling.BILINEAR}


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


def resized_rows(samples: Samples, width: int, height: int, rows: slice, how: str = "lanczos") -> NDArray[np.float32]:
    """Some rows of what `resize` gives."""
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
    np.clip(out, 0, 1, out=out)
    return out[:, :, 0] if samples.ndim == 2 else out


def fit(width: int, height: int, longer_side: int) -> tuple[int, int]:
    """The size with the same proportions whose longer side is `longer_side`; never below one pixel."""
    scale = longer_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
