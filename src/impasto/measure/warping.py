"""Measure how steady a painted sequence is: the warping error of Lai et al. 2018, with OpenCV's DIS flow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from impasto.errors import UsageError
from impasto.pixels.arrays import Pixels
from impasto.pixels.flow import optical_flow, reliable, warp


def warping_error(frames: Sequence[Pixels], source: Sequence[Pixels], *, long_term: bool = False) -> float:
    """Return the mean squared change of points along the source video's optical flow (Lai et al. 2018, section 4.2).

    For each pair of frames it is sum M (V_t - warp(V_u))^2 / sum M, where M is 1 if the flow is reliable. Short term: u
    is the frame before t. Long term: u is the first frame. The source's own error is the lower limit.

    Args:
        frames: the painted video, T frames H x W x 3, 0..1.
        source: the video from which it was painted. Flow and occlusions are computed from it.
    Raises:
        UsageError: there are fewer than two frames, or the frames do not match.
    """
    if len(frames) < 2 or len(frames) != len(source) or len({frame.shape for frame in (*frames, *source)}) > 1:
        raise UsageError(
            "the warping error needs two sequences of the same size and length, at least 2 frames", code="mismatch"
        )
    errors = []
    for t in range(1, len(frames)):
        u = 0 if long_term else t - 1
        forward, backward = optical_flow(source[t], source[u]), optical_flow(source[u], source[t])
        trusted = reliable(forward, backward)
        if trusted.any():
            change = (frames[t] - warp(frames[u], forward)) ** 2
            errors.append(float(change[trusted].mean()))
    return float(np.mean(errors)) if errors else 0.0
