"""Keep a painted video from flickering: reuse the previous picture, warped, where the motion is reliable.

Ruder, Dosovitskiy, Brox: Artistic Style Transfer for Videos, GCPR 2016. Here the warped picture is blended with the new
one, as in later feed-forward methods (such as Gupta et al. 2017), instead of being a target of the optimization.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels, Samples, floats, resize
from impasto.pixels.flow import Flow, optical_flow, reliable, warp

_FLOW_SIDE = 384  # longer side at which motion is measured
_SMALL = (64, 36)
_CUT = 0.16  # mean change of brightness, above which a new shot always begins
_MAYBE_CUT = 0.07  # mean change, above which a new shot begins if motion explains little of it
_LITTLE = 0.25
_MOST = 0.92  # share of the previous picture that is kept at full steadiness


Gray: TypeAlias = NDArray[np.float32]
"""Luminance, H x W, 0..1."""


@dataclass(frozen=True)
class Motion:
    """The motion from a frame back to the last one.

    Attributes:
        flow: H x W x 2, in pixels, from each point to its last place; None at the start of a shot.
        trust: H x W, 0..1.
        cut: True if a new shot begins here.
    """

    flow: Flow | None
    trust: NDArray[np.float32] | None
    cut: bool


class MotionFinder:
    """Measure the motion between consecutive frames of a clip.

    Args:
        flow: measure motion; False: find only cuts.
    """

    def __init__(self, flow: bool = True) -> None:
        self.flow = flow
        self._before: tuple[Gray, Gray] | None = None  # the previous frame, reduced for the flow and for cuts

    def __call__(self, frame: Samples, size: tuple[int, int] | None = None) -> Motion:
        """Return the motion back to the previous frame, and its reliability (Ruder et al. 2016, eq. 5 and 6).

        Args:
            size: width and height of the result; None: the frame's own.
        """
        width, height = size or (frame.shape[1], frame.shape[0])
        small = _reduced(frame)
        thumbnail = _shrunk(small, _SMALL)
        last, self._before = self._before, (small, thumbnail)
        if last is None or last[0].shape != small.shape:
            return Motion(None, None, True)
        change = float(np.abs(thumbnail - last[1]).mean())
        if change > _CUT:
            return Motion(None, None, True)
        if not self.flow and change <= _MAYBE_CUT:
            return Motion(None, None, False)
        forward, backward = optical_flow(small, last[0], "fast"), optical_flow(last[0], small, "fast")
        trusted = reliable(forward, backward)
        if change > _MAYBE_CUT and trusted.mean() < _LITTLE:
            return Motion(None, None, True)
        return _motion(small, last[0], forward, trusted, width, height)


def follow(frame: Pixels, before: Pixels) -> Motion:
    """Return the motion from a frame back to any earlier frame of its shot."""
    height, width = frame.shape[:2]
    small, last = _reduced(frame), _reduced(before)
    forward, backward = optical_flow(small, last, "fast"), optical_flow(last, small, "fast")
    return _motion(small, last, forward, reliable(forward, backward), width, height)


def _reduced(frame: Samples) -> Gray:
    """Return a frame's luminance at the size at which motion is measured, without aliasing."""
    height, width = frame.shape[:2]
    scale = min(1.0, _FLOW_SIDE / max(height, width))
    size = max(16, round(width * scale)), max(16, round(height * scale))
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)  # first: OpenCV reduces one channel in a third of the time
    return floats(cv2.resize(gray, size, interpolation=cv2.INTER_AREA))


def _shrunk(gray: Gray, size: tuple[int, int]) -> Gray:
    """Reduce without aliasing. OpenCV takes a hundredth of the time of `resize`."""
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.float32)


def _motion(small: Gray, last: Gray, forward: Flow, trusted: NDArray[np.bool_], width: int, height: int) -> Motion:
    # The warped frame must also look like the new one: flow does not detect shadows and fading.
    error = np.abs(warp(last, forward) - small)
    trust = trusted * np.clip(1.5 - error / np.float32(0.06), 0, 1)
    return Motion(_enlarged(forward, width, height), _soft(trust.astype(np.float32), width, height), False)


def blend(painted: Pixels, last: Pixels, motion: Motion, steady: float) -> Pixels:
    """Blend the new picture with the last one, warped along the motion, where the motion is reliable.

    Args:
        painted: the new picture.
        last: the previous picture, as shown.
        steady: 0..1.
    """
    if motion.flow is None or motion.trust is None or steady == 0:
        return painted
    if last.shape != painted.shape:  # the brush size has changed
        last = resize(last, painted.shape[1], painted.shape[0])

    share = motion.trust * np.float32(_MOST * steady)
    return np.asarray(cv2.blendLinear(warp(last, motion.flow), painted, share, 1 - share), np.float32)


def _enlarged(flow: Flow, width: int, height: int) -> Flow:
    """Enlarge a flow to the frames' size. Set small vectors to 0, so that still parts stay sharp."""
    factors = width / flow.shape[1], height / flow.shape[0]
    x, y = (
        cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(factor)
        for plane, factor in zip(cv2.split(flow), factors, strict=True)
    )
    moving = np.maximum(np.abs(x), np.abs(y)) >= 0.25
    return np.asarray(cv2.merge((x * moving, y * moving)), np.float32)


def _soft(trust: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Feather trust inwards, so that its edges are invisible and unreliable places stay excluded."""
    shrunk = cv2.erode(trust, np.ones((3, 3), np.uint8))
    soft = cv2.GaussianBlur(shrunk, (0, 0), 1.5)
    return np.asarray(cv2.resize(np.minimum(soft, trust), (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
