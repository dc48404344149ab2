"""Compare frames coarsely: decide if statistics that were measured on other frames are valid for a frame.

A network that normalizes by the statistics of a black frame paints the next scene in pure black and white. The same
happens after a title, after the first frames of a fade, and after a cut. The measures are medians over the frame's
parts. So a bright object that enters hardly changes them, unless it covers half of the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels, reduced
from impasto.pixels.color import luminance

_SIZE = 48, 32  # size at which a frame is measured
_PARTS = 6, 4  # horizontally and vertically
_FLOOR = 0.02  # of contrast: smaller differences are noise
_BLANK = 0.015  # deviation of brightness, below which a frame shows nothing
_RISE, _WHOLE_RISE = 0.6, 1.25  # doublings of the parts' contrast, and of the whole frame's
_SHIFT, _FALL = 1.25, 0.6  # of the level, in contrasts; the limit is smaller for darker frames, which soon turn black
_CUT, _CHANGED = 0.25, 0.1  # correlation with the last frame, below which the scene is new; change of brightness
_STEADY = 0.15  # doublings and shifts that a fade exceeds within the compared frames


@dataclass(frozen=True, eq=False)
class Look:
    """Coarse measures of a frame.

    Attributes:
        measures: the parts' contrast; the whole frame's contrast; the levels of red, green and blue. Contrasts are
            deviations, 0..0.5; levels are 0..1.
        gray: the frame's brightness, reduced.
    """

    measures: NDArray[np.float32]
    gray: NDArray[np.float32]

    @staticmethod
    def of(frame: Pixels) -> Look:
        """Measure a frame, H x W x 3, 0..1."""
        small = reduced(frame, *_SIZE)
        across, down = _PARTS
        parts = small.reshape(down, _SIZE[1] // down, across, _SIZE[0] // across, 3)
        levels = parts.mean((1, 3)).reshape(-1, 3)
        level = np.median(levels, 0)
        within = np.median(parts.std((1, 3)).mean(2))
        between = np.median(np.abs(levels - level), 0).mean()
        gray = luminance(small)
        return Look(np.array([np.hypot(within, between), gray.std(), *level], np.float32), gray)

    @property
    def blank(self) -> bool:
        """True if the frame shows nothing."""
        return bool(self.measures[1] < _BLANK)

    def follows(self, before: Look) -> bool:
        """Return True if the frame shows the same scene as the last one, moved or faded."""
        one, two = (gray - gray.mean() for gray in (self.gray, before.gray))
        likeness = float((one * two).sum()) / max(float(np.sqrt((one**2).sum() * (two**2).sum())), 1e-6)
        return likeness >= _CUT or float(np.abs(self.gray - before.gray).mean()) < _CHANGED

    def fits(self, measured: NDArray[np.float32]) -> bool:
        """Return True if statistics that were measured on frames with such measures are valid for this frame.

        They are valid for a fading frame, which is painted paler. They are not valid for a frame with more contrast or
        another level.
        """
        rise, whole_rise, shift = _differences(self.measures, measured)
        darker = float(luminance(self.measures[2:] - measured[2:])) < 0
        fades = rise < -_RISE / 2
        return rise < _RISE and whole_rise < _WHOLE_RISE and (fades or shift < (_FALL if darker else _SHIFT))


def steady(measures: NDArray[np.float32]) -> bool:
    """Return True if consecutive frames, N x 5 measures, no longer change as a whole."""
    rise, whole_rise, shift = _differences(measures[-1], measures[0])
    return max(abs(rise), abs(whole_rise), shift) < _STEADY


def _differences(measures: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return the doublings of both contrasts, and the shift of the level in contrasts."""
    rise, whole_rise = np.log2((measures[:2] + _FLOOR) / (others[:2] + _FLOOR))
    shift = np.abs(measures[2:] - others[2:]).mean() / (max(measures[0], others[0]) + _FLOOR)
    return float(rise), float(whole_rise), float(shift)
