"""What a frame looks like at a glance: whether statistics that were measured on other frames can hold for it.

A network that is normalized by the statistics of a black frame paints the scene after it in pure black and white. So
does one that is normalized by a title, by a fade's first frames, or by the scene before a cut. Half a frame is read at
most: something bright that comes in changes neither the median of the parts' contrasts nor that of their levels much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels, reduced
from impasto.pixels.color import luminance

_SIZE = 48, 32  # at which a frame is looked at
_PARTS = 6, 4  # across and down
_FLOOR = 0.02  # of contrast: what differs by less is noise
_BLANK = 0.015  # deviation of brightness of a frame that shows nothing
_RISE, _WHOLE_RISE = 0.6, 1.25  # doublings of the parts' contrast, and of the whole frame's
_SHIFT, _FALL = 1.25, 0.6  # of the level, in contrasts; what is darker than it should be soon is black
_CUT, _CHANGED = 0.25, 0.1  # correlation with the frame before, below which it is another scene; change of brightness
_STEADY = 0.15  # doublings and shifts that a fade goes beyond within the frames that are compared


@dataclass(frozen=True, eq=False)
class Look:
    """A frame, looked at.

    Attributes:
        measures: the parts' contrast; the whole frame's; the level of red, green and blue. The contrasts are
            deviations, 0..0.5, the levels 0..1.
        gray: the frame's brightness, small.
    """

    measures: NDArray[np.float32]
    gray: NDArray[np.float32]

    @staticmethod
    def of(frame: Pixels) -> Look:
        """Look at a frame, H x W x 3, 0..1."""
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
        """Whether the frame shows nothing."""
        return bool(self.measures[1] < _BLANK)

    def follows(self, before: Look) -> bool:
        """Whether the frame shows what the one before does, moved or faded."""
        one, two = (gray - gray.mean() for gray in (self.gray, before.gray))
        likeness = float((one * two).sum()) / max(float(np.sqrt((one**2).sum() * (two**2).sum())), 1e-6)
        return likeness >= _CUT or float(np.abs(self.gray - before.gray).mean()) < _CHANGED

    def fits(self, measured: NDArray[np.float32]) -> bool:
        """Whether statistics that were measured on frames of such measures hold for this one.

        They hold for a frame that fades: it is painted paler. They do not hold for one with more contrast, or of
        another level.
        """
        rise, whole_rise, shift = _differences(self.measures, measured)
        darker = float(luminance(self.measures[2:] - measured[2:])) < 0
        fades = rise < -_RISE / 2
        return rise < _RISE and whole_rise < _WHOLE_RISE and (fades or shift < (_FALL if darker else _SHIFT))


def steady(measures: NDArray[np.float32]) -> bool:
    """Whether successive frames, N x 5 measures, have ended to change as a whole."""
    rise, whole_rise, shift = _differences(measures[-1], measures[0])
    return max(abs(rise), abs(whole_rise), shift) < _STEADY


def _differences(measures: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[float, float, float]:
    """Doublings of both contrasts, and the shift of the level in contrasts."""
    rise, whole_rise = np.log2((measures[:2] + _FLOOR) / (others[:2] + _FLOOR))
    shift = np.abs(measures[2:] - others[2:]).mean() / (max(measures[0], others[0]) + _FLOOR)
    return float(rise), float(whole_rise), float(shift)
