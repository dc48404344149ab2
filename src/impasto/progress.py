"""Progress records, with which long work reports to its caller."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from impasto.errors import ImpastoError

if TYPE_CHECKING:
    from impasto.picture import Picture


@dataclass(frozen=True)
class Progress:
    """The state of some long work.

    Attributes:
        step: the number of finished steps. The work may end before the last step.
        total: the number of all steps; 0 if unknown.
        fraction: 0..1, the share of the time that has passed. Steps may differ in length.
        message: the current or last activity, in a few words.
        losses: each weighted loss term, and their sum as "total". Empty if nothing is optimized.
        preview: returns the present picture, at the working size; None if there is no preview.
    """

    step: int
    total: int
    fraction: float = 0.0
    message: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)
    preview: Callable[[], Picture] | None = None


OnProgress: TypeAlias = Callable[[Progress], "bool | None"]
"""A callback that runs after every step. If it returns False, the work stops and keeps its result so far."""


class Stopped(ImpastoError):
    """Report that the caller's progress callback asked the work to stop."""

    code = "stopped"

    def __init__(self) -> None:
        super().__init__("painting was stopped")


class Steps:
    """Count the finished pixels of a picture, from several threads.

    Args:
        total: pixels of the whole picture.
        message: the current activity.
        before: 0..1, the share of the time that had passed before the first pixel.
    """

    def __init__(self, total: int, on_progress: OnProgress, message: str, before: float = 0.0) -> None:
        self._total, self._on_progress, self._message, self._before = total, on_progress, message, before
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self, pixels: int) -> None:
        """Add finished pixels to the count, and report the progress.

        Raises:
            Stopped: the progress callback asked to stop.
        """
        with self._lock:
            self._done += pixels
            share = self._done / self._total
            step = 1 + (self._done >= self._total)
            now = Progress(step, 2, self._before + (1 - self._before) * share, self._message)
            if self._on_progress(now) is False:
                raise Stopped
