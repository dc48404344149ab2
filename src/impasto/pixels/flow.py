"""Optical flow between two frames, and its reliability, with OpenCV's DIS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels
from impasto.pixels.color import luminance

Flow = NDArray[np.float32]


def optical_flow(one: Pixels, other: Pixels, quality: Literal["medium", "fast"] = "medium") -> Flow:
    """Return the motion in pixels (x, y) of every pixel of `one` to its place in `other`: H x W x 2.

    Kroeger et al. 2016: Fast Optical Flow using Dense Inverse Search.

    Args:
        one, other: H x W x 3, or their luminance, H x W.
    """
    planes = [frame if frame.ndim == 2 else luminance(frame) for frame in (one, other)]
    grays = [np.rint(plane * 255).astype(np.uint8) for plane in planes]
    preset = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM if quality == "medium" else cv2.DISOPTICAL_FLOW_PRESET_FAST
    flow = cv2.DISOpticalFlow.create(preset).calc(*grays, None)  # type: ignore[call-overload]
    return np.asarray(flow, np.float32)


def warp(frame: Pixels, flow: Flow) -> Pixels:
    """Fetch a frame along a flow, bilinear: out(p) = frame(p + flow(p))."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    fetched = cv2.remap(frame, x + flow[:, :, 0], y + flow[:, :, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(fetched, np.float32)


def reliable(forward: Flow, backward: Flow) -> NDArray[np.bool_]:
    """Return where the flow is reliable: not occluded, not at a motion boundary, not leaving the frame.

    Ruder et al. 2016, eq. 5 and 6: |w + w'|^2 <= 0.01 (|w|^2 + |w'|^2) + 0.5, and the same of its gradient.
    """
    height, width = forward.shape[:2]
    returned = warp(backward, forward)
    # Use separate planes: sums over interleaved pairs take ten times as long.
    (x, y), (back_x, back_y) = (np.ascontiguousarray(flow.transpose(2, 0, 1)) for flow in (forward, returned))
    length = x * x + y * y
    consistent = (x + back_x) ** 2 + (y + back_y) ** 2 <= 0.01 * (length + back_x**2 + back_y**2) + 0.5
    gradient = np.zeros_like(x)
    for part in (*np.gradient(x), *np.gradient(y)):
        gradient += part * part
    smooth = gradient <= 0.01 * length + 0.002
    to_x, to_y = x + np.arange(width, dtype=np.float32), y + np.arange(height, dtype=np.float32)[:, None]
    inside = (to_x >= 0) & (to_x <= width - 1) & (to_y >= 0) & (to_y <= height - 1)
    return np.asarray(consistent & smooth & inside)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run OpenCV with a single thread. Beside a network's threads, its own cost more time than they save."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
