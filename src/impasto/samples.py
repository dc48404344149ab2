"""A picture's samples as they are stored, 8 or 16 bits or floats, and as the numbers that are computed with."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[Any]
"""H x W x C: uint8, uint16, or floats in 0..1."""

_AT_ONCE = 65536  # numbers that are changed at once: few enough to stay near the processor


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
