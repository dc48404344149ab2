"""The statistics of a clip's frames, shared by all frames of a shot so that they are painted alike."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.engines.look import Look, steady
from impasto.pixels.arrays import Pixels

Statistics: TypeAlias = NDArray[np.float32]
"""The statistics that a network normalizes by: means and mean squares, one normalization after the other."""

_EVERY = 16  # one of this many frames of a shot is measured
_COMPARED = 8  # frames within which a fade must change; otherwise it has ended


class Shot:
    """The state of a shot: running means of the statistics that normalize features.

    If every frame were normalized by its own statistics, the whole picture would change whenever something enters it.
    Frames 0, 1, 2, 4, 8 and every sixteenth frame are measured. The light engine paints the other frames a third
    faster.

    A frame that differs completely from the measured ones (`Look`) restarts the means. This frame and the next ones use
    their own statistics until the picture no longer changes as a whole.

    Args:
        frames: length of the running means; 1: all similar frames use the first frame's statistics.
    """

    def __init__(self, frames: int = 128) -> None:
        self.frames = frames
        self.means: dict[str, Statistics] = {}
        self.counts: dict[str, int] = {}
        self._measured: dict[str, NDArray[np.float32]] = {}  # mean look of the measured frames
        self._last: dict[str, Look] = {}
        self._unsettled: dict[str, NDArray[np.float32]] = {}  # looks of the frames since a restart

    def look(self, run: str, frame: Pixels) -> None:
        """Look at the next frame of a run. Drop statistics that are not valid for it.

        Args:
            frame: H x W x 3, 0..1.
        """
        seen, before = Look.of(frame), self._last.get(run)
        self._last[run] = seen
        unsettled = self._unsettled.get(run)
        if unsettled is not None:
            unsettled = np.concatenate([unsettled[-_COMPARED:], seen.measures[None]])
            if len(unsettled) > _COMPARED and steady(unsettled):
                unsettled = None
        elif before is None:
            unsettled = seen.measures[None] if seen.blank else None
        elif not seen.blank and not (
            seen.follows(before) and not before.blank and seen.fits(self._measured.get(run, seen.measures))
        ):
            unsettled = seen.measures[None]
        self._unsettled.pop(run, None)
        if unsettled is not None:
            self._unsettled[run] = unsettled
            self.means.pop(run, None)
            self.counts[run] = 0

    def measures(self, run: str) -> bool:
        """Return True if the next frame must be measured."""
        count = self.counts.get(run, 0)
        return count == 0 or (self.frames > 1 and _measured(count) > _measured(count - 1))

    def add(self, run: str, statistics: Statistics | None) -> None:
        """Add a frame of a run, with its own statistics if it is measured."""
        count = self.counts.get(run, 0)
        if self.measures(run):
            assert statistics is not None
            most = max(1, self.frames // _EVERY)
            share = np.float32(1 / min(_measured(count), most))
            before = self.means.get(run, statistics)
            self.means[run] = before + (statistics - before) * share
            if run in self._last:
                seen = self._last[run].measures
                known = self._measured.get(run, seen) if count else seen
                self._measured[run] = known + (seen - known) * share
        self.counts[run] = count + 1

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the state as arrays, for files."""
        found: dict[str, NDArray[Any]] = {"frames": np.array(self.frames)}
        for run, count in self.counts.items():
            found[f"count_{run}"] = np.array(count)
        for name, values in (("mean", self.means), ("measured", self._measured), ("unsettled", self._unsettled)):
            found |= {f"{name}_{run}": value for run, value in values.items()}
        for run, last in self._last.items():
            found |= {f"last_{run}": last.measures, f"gray_{run}": last.gray}
        return found

    @staticmethod
    def of(arrays: dict[str, NDArray[Any]]) -> Shot:
        """Restore a shot from the result of `arrays`."""
        shot = Shot(int(arrays["frames"]))

        def kept(name: str) -> dict[str, NDArray[Any]]:
            return {key.removeprefix(name): value for key, value in arrays.items() if key.startswith(name)}

        shot.counts = {run: int(count) for run, count in kept("count_").items()}
        shot.means, shot._measured, shot._unsettled = (kept(f"{name}_") for name in ("mean", "measured", "unsettled"))
        grays = kept("gray_")
        shot._last = {run: Look(measures, grays[run]) for run, measures in kept("last_").items()}
        return shot


def _measured(frame: int) -> int:
    """Return how many frames up to this one are measured: powers of two, then multiples of `_EVERY`."""
    return 1 + min(frame, _EVERY - 1).bit_length() + frame // _EVERY
