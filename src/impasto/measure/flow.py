"""How steady a painted sequence is: the warping error of Lai et al. 2018, with OpenCV's DIS flow (extra `video`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.color import Pixels, luminance
from impasto.errors import MissingExtra, UsageError

Flow = NDArray[np.float32]


def warping_error(frames: Sequence[Pixels], source: Sequence[Pixels], *, long_term: bool = False) -> float:
    """Mean squared change of a point that the source video lets us follow (Lai et al. 2018, section 4.2).

    For each pair of frames, M being 1 where the flow is trusted: sum M (V_t - warp(V_u))^2 / sum M. Short term: u
    is the frame before t. Long term: u is the first frame. The source's own error is the floor.

    Args:
        frames: what is judged, T frames H x W x 3, 0..1.
        source: the video it was painted from; flow and occlusions come from it.
    Raises:
        UsageError: fewer than two frames, or frames that do not match.
    """
    if len(frames) < 2 or len(frames) != len(source) or len({frame.shape for frame in (*frames, *source)}) > 1:
        raise UsageError("a warping error needs two sequences of one length, at least 2, and one size")
    errors = []
    for t in range(1, len(frames)):
        u = 0 if long_term else t - 1
        forward, backward = optical_flow(source[t], source[u]), optical_flow(source[u], source[t])
        trusted = reliable(forward, backward)
        if trusted.any():
            change = (frames[t] - warp(frames[u], forward)) ** 2
            errors.append(float(change[trusted].mean()))
    return float(np.mean(errors)) if errors else 0.0


def optical_flow(one: Pixels, other: Pixels) -> Flow:
    """For every pixel of `one` the way in pixels (x, y) to where it is in `other`: H x W x 2."""
    cv2 = _opencv()
    greys = [np.rint(luminance(frame) * 255).astype(np.uint8) for frame in (one, other)]
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(*greys, None)
    return np.asarray(flow, np.float32)


def warp(frame: Pixels, flow: Flow) -> Pixels:
    """The frame fetched back along a flow: out(p) = frame(p + flow(p)), bilinear."""
    cv2 = _opencv()
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    fetched = cv2.remap(frame, x + flow[:, :, 0], y + flow[:, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(fetched, np.float32)


def reliable(forward: Flow, backward: Flow) -> NDArray[np.bool_]:
    """Where the flow can be trusted: not occluded, not at a motion boundary, not leaving the frame.

    Ruder et al. 2016, eq. 5 and 6: |w + w'|^2 <= 0.01 (|w|^2 + |w'|^2) + 0.5, and the same of its gradient.
    """
    height, width = forward.shape[:2]
    returned = warp(backward, forward)
    consistent = ((forward + returned) ** 2).sum(2) <= 0.01 * ((forward**2).sum(2) + (returned**2).sum(2)) + 0.5
    gradient = sum((np.gradient(forward[:, :, axis], axis=k) ** 2 for axis in (0, 1) for k in (0, 1)), np.zeros(1))
    smooth = gradient <= 0.01 * (forward**2).sum(2) + 0.002
    y, x = np.mgrid[0:height, 0:width]
    to_x, to_y = x + forward[:, :, 0], y + forward[:, :, 1]
    inside = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    return np.asarray(consistent & smooth & inside)


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        raise MissingExtra("OpenCV, for optical flow,", "video") from None
    return cv2
