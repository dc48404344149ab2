"""Change the size of an array of samples, in float, without a detour over eight bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FILTERS = {"lanczos": Image.Resampling.LANCZOS, "bilinear": Image.Resampling.BILINEAR}


def resize(samples: NDArray[np.float32], width: int, height: int, how: str = "lanczos") -> NDArray[np.float32]:
    """Resample a picture or a mask; shrinking is free of aliasing, the range 0..1 is kept.

    Args:
        samples: H x W or H x W x C, float32, 0..1.
        width, height: the new size in pixels, at least 1.
        how: "lanczos" (sharp) or "bilinear" (no ringing: for masks).
    Returns:
        height x width, with C channels if there were any, float32, 0..1.
    """
    if samples.shape[:2] == (height, width):
        return samples
    planes = samples[:, :, None] if samples.ndim == 2 else samples
    out = np.empty((height, width, planes.shape[2]), np.float32)
    for channel in range(planes.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(planes[:, :, channel]))
        out[:, :, channel] = np.asarray(plane.resize((width, height), FILTERS[how]))
    np.clip(out, 0, 1, out=out)
    return out[:, :, 0] if samples.ndim == 2 else out


def fit(width: int, height: int, longer_side: int) -> tuple[int, int]:
    """The size with the same proportions whose longer side is `longer_side`; never below one pixel."""
    scale = longer_side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))
