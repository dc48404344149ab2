"""Keep a painted video from flickering: carry the last picture along the motion, where that can be trusted.

Ruder, Dosovitskiy, Brox: Artistic Style Transfer for Videos, GCPR 2016; here the warped picture is blended with the new
one rather than optimised towards (as the feed-forward methods after it do, such as Gupta et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.color import Pixels, luminance
from impasto.flow import Flow, optical_flow, reliable, warp
from impasto.resample import resize

_FLOW_SIDE = 384  # longer side at which motion is looked for
_SMALL = (64, 36)
_CUT = 0.16  # mean change of brightness that is always another shot
_MAYBE_CUT = 0.07  # that is one if motion explains little of it
_LITTLE = 0.25
_MOST = 0.92  # of the last picture that is kept at full steadiness


@dataclass(frozen=True)
class Motion:
    """From a frame back to the one before.

    Attributes:
        flow: H x W x 2, the way in pixels to where each point was; None at the start of a shot.
        trust: H x W in 0..1.
        cut: whether another shot begins here.
    """

    flow: Flow | None
    trust: NDArray[np.float32] | None
    cut: bool


class MotionFinder:
    """Follows a clip's frames, one after the other.

    Args:
        flow: look for motion; else for cuts alone.
    """

    def __init__(self, flow: bool = True) -> None:
        self.flow = flow
        self._before: tuple[Pixels, NDArray[np.float32]] | None = None  # reduced for the flow; for cuts

    def __call__(self, frame: Pixels) -> Motion:
        """The motion back to the frame before, and where it holds (Ruder et al. 2016, eq. 5 and 6)."""
        height, width = frame.shape[:2]
        size = _flow_size(width, height)
        small = resize(frame, size[0], size[1], "bilinear")
        thumbnail = resize(luminance(small), _SMALL[0], _SMALL[1], "bilinear")
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
    """The motion from a frame back to any earlier one of its shot."""
    height, width = frame.shape[:2]
    size = _flow_size(width, height)
    small, last = (resize(pixels, size[0], size[1], "bilinear") for pixels in (frame, before))
    forward, backward = optical_flow(small, last, "fast"), optical_flow(last, small, "fast")
    return _motion(small, last, forward, reliable(forward, backward), width, height)


def _flow_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, _FLOW_SIDE / max(height, width))
    return max(16, round(width * scale)), max(16, round(height * scale))


def _motion(small: Pixels, last: Pixels, forward: Flow, trusted: NDArray[np.bool_], width: int, height: int) -> Motion:
    # What the flow brings must also look like what is there: it sees neither shadows nor what fades.
    error = np.abs(luminance(warp(last, forward)) - luminance(small))
    trust = trusted * np.clip(1.5 - error / np.float32(0.06), 0, 1)
    return Motion(_enlarged(forward, width, height), _soft(trust.astype(np.float32), width, height), False)


def blend(painted: Pixels, last: Pixels, motion: Motion, steady: float) -> Pixels:
    """The new picture with the last one along its motion, as far as that is trusted.

    Args:
        painted: the new picture.
        last: the one before, as it was shown.
        steady: 0..1.
    """
    if motion.flow is None or motion.trust is None or steady == 0:
        return painted
    share = (np.float32(_MOST * steady) * motion.trust)[:, :, None]
    return (painted + share * (warp(last, motion.flow) - painted)).astype(np.float32)


def _enlarged(flow: Flow, width: int, height: int) -> Flow:
    """A flow at the frames' own size; small vectors are nothing, so that what stands still stays sharp."""
    factors = width / flow.shape[1], height / flow.shape[0]
    planes = []
    for axis, factor in enumerate(factors):
        plane = flow[:, :, axis] / np.float32(256) + np.float32(0.5)  # `resize` keeps 0..1
        planes.append((resize(plane, width, height, "bilinear") - np.float32(0.5)) * np.float32(256 * factor))
    full = np.stack(planes, axis=2)
    full[np.abs(full).max(2) < 0.25] = 0
    return full


def _soft(trust: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Feathered inwards, so that no edge of the mask is seen and nothing untrusted gets in."""
    import cv2

    shrunk = cv2.erode(trust, np.ones((3, 3), np.uint8))
    soft = cv2.GaussianBlur(shrunk, (0, 0), 1.5)
    return resize(np.minimum(soft, trust).astype(np.float32), width, height, "bilinear")
