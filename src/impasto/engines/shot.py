"""What is remembered of a clip's frames, so that all of a shot are painted alike."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Statistics: TypeAlias = NDArray[np.float32]
"""What a network normalizes by: means and mean squares, one normalization after the other."""

_EVERY = 16  # frames of a shot: one of so many is measured


class Shot:
    """What is remembered of a shot's frames: running means of the statistics that features are normalized by.

    Were every frame normalized by its own, all of it would change whenever something enters the picture. Frames 0, 1,
    2, 4, 8 and every sixteenth are measured: the light engine paints the frames between a third faster.

    Args:
        frames: over how many the means run; 1, the first frame's hold for all.
    """

    def __init__(self, frames: int = 128) -> None:
        self.frames = frames
        self.means: dict[str, Statistics] = {}
        self.counts: dict[str, int] = {}

    def measures(self, run: str) -> bool:
        """Whether the next frame must be measured."""
        count = self.counts.get(run, 0)
        return count == 0 or (self.frames > 1 and _measured(count) > _measured(count - 1))

    def add(self, run: str, statistics: Statistics | None) -> None:
        """Take in a frame of one of a frame's runs, and its own statistics if they are wanted."""
        count = self.counts.get(run, 0)
        if self.measures(run):
            assert statistics is not None
            before = self.means.get(run, statistics)
            most = max(1, self.frames // _EVERY)
            self.means[run] = before + (statistics - before) / np.float32(min(_measured(count), most))
        self.counts[run] = count + 1


def _measured(frame: int) -> int:
    """How many of a shot's frames are measured up to this one: the powers of two, then the multiples of `_EVERY`."""
    return 1 + min(frame, _EVERY - 1).bit_length() + frame // _EVERY
