"""The one record by which long work tells its caller where it stands, whoever draws it."""

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
    """Where some work stands.

    Attributes:
        step: how many of `total` steps are done; the work may end before the last.
        total: 0 where nobody knows.
        fraction: 0..1, the share of the time that is spent, steps not being of equal length.
        message: what is being done, or has just been done, in a few words.
        losses: each term, weighted, and their sum, "total"; empty where nothing is optimized.
        preview: makes the picture as it is now, at the size that is worked on; None where there is none.
    """

    step: int
    total: int
    fraction: float = 0.0
    message: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)
    preview: Callable[[], Picture] | None = None


OnProgress: TypeAlias = Callable[[Progress], "bool | None"]
"""Called after every step; if it returns False the work stops and keeps what it has."""


class Stopped(ImpastoError):
    """The caller asked for the work's end, through its progress callback."""

    code = "stopped"

    def __init__(self) -> None:
        super().__init__("the painting has been stopped")


class Steps:
    """Counts the pixels of a picture that are done; called from several threads.

    Args:
        total: pixels of the whole picture.
        message: what is being done.
        before: 0..1, the share of the time that has been spent when the first of them begin.
    """

    def __init__(self, total: int, on_progress: OnProgress, message: str, before: float = 0.0) -> None:
        self._total, self._on_progress, self._message, self._before = total, on_progress, message, before
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
            now = Progress(step, 2, self._before + (1 - self._before) * share, self._message)
            if self._on_progress(now) is False:
                raise Stopped
