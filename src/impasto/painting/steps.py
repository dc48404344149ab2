"""Tell where the painting of a large photo stands, and end it early."""

from __future__ import annotations

import threading

from impasto.errors import ImpastoError
from impasto.progress import OnProgress, Progress

_PAINTED = 0.15  # of the time, once the picture is painted small


class Stopped(ImpastoError):
    """The caller asked for the work's end, through its progress callback."""

    code = "stopped"

    def __init__(self) -> None:
        super().__init__("the painting has been stopped")


class Steps:
    """Counts the pixels that are done; called from several threads.

    Args:
        total: pixels of the whole picture.
    """

    def __init__(self, total: int, on_progress: OnProgress) -> None:
        self._total, self._on_progress = total, on_progress
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self, pixels: int) -> None:
        """Say that so many more are done.

        Raises:
            Stopped: the end is asked for.
        """
        with self._lock:
            self._done += pixels
            share = self._done / self._total
            step = 1 + (self._done >= self._total)
            now = Progress(step, 2, _PAINTED + (1 - _PAINTED) * share, "strokes at full size")
            if self._on_progress(now) is False:
                raise Stopped
