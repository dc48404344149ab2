"""Long work beside the page: a queue, its places, progress, and a stop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from impasto.errors import ImpastoError
from impasto.picture import Picture
from impasto.progress import Progress

Work: TypeAlias = "Callable[[Callable[[Progress], bool]], Any]"
State = Literal["waiting", "running", "done", "stopped", "failed"]
FORGOTTEN = 60.0  # seconds without a look after which nobody waits for a job any more


@dataclass(eq=False)
class Job:
    """One piece of work, as its owner sees it.

    Attributes:
        work: given a callback for its progress, makes the result; ends early when that returns False.
        losses: of every step.
        picture: as it is now; in the end the result, if that is a picture.
        result: what the work has made.
    """

    work: Work = field(repr=False)
    state: State = "waiting"
    fraction: float = 0.0
    step: int = 0
    total: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)
    picture: Picture | None = None
    result: Any = None
    message: str = ""
    stopping: bool = False
    seen: float = field(default_factory=time.monotonic)
    began: float = 0.0

    @property
    def ended(self) -> bool:
        return self.state in ("done", "stopped", "failed")


class Jobs:
    """A queue worked off by a few threads; a job that nobody looks at any more is stopped.

    Args:
        workers: how many run at once.
        preview_every: seconds between previews.
    """

    def __init__(self, workers: int, *, preview_every: float = 2.0, forgotten: float = FORGOTTEN) -> None:
        self.preview_every, self.forgotten = preview_every, forgotten
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        for index in range(workers):
            threading.Thread(target=self._serve, name=f"optimize-{index}", daemon=True).start()

    def add(self, work: Work) -> Job:
        job = Job(work)
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()
        return job

    def place(self, job: Job) -> int:
        """How many wait before it, itself counted; 0 if it does not wait."""
        job.seen = time.monotonic()
        with self._changed:
            return self._waiting.index(job) + 1 if job in self._waiting else 0

    def stop(self, job: Job) -> None:
        """End it with the best so far; one that waits never begins."""
        job.stopping = True
        with self._changed:
            if job in self._waiting:
                self._waiting.remove(job)
                job.state = "stopped"

    def _serve(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                job = self._waiting.popleft()
            if time.monotonic() - job.seen < self.forgotten:
                self._run(job)
            else:
                job.state = "stopped"

    def _run(self, job: Job) -> None:
        job.state, job.began = "running", time.monotonic()
        shown = 0.0

        def progress(report: Progress) -> bool:
            nonlocal shown
            job.fraction, job.step, job.total = report.fraction, report.step, report.total
            if report.losses:
                job.losses.append(dict(report.losses))
            now = time.monotonic()
            if report.preview is not None and now - shown > self.preview_every:
                job.picture, shown = report.preview(), now
            return not job.stopping and now - job.seen < self.forgotten

        try:
            job.result = job.work(progress)
            job.picture = job.result if isinstance(job.result, Picture) else job.picture
            job.state = "stopped" if job.stopping else "done"
        except ImpastoError as error:
            job.message, job.state = str(error), "failed"
        except Exception as error:  # noqa: BLE001  the page must live on
            job.message, job.state = f"this should not have happened: {type(error).__name__}: {error}", "failed"


def curve(losses: list[dict[str, float]]) -> dict[str, list[Any]]:
    """Losses as a chart takes them: at most 200 points of each term."""
    every = max(1, len(losses) // 200)
    kept = losses[::every]
    names = list(dict.fromkeys(name for row in kept for name in row))
    return {name: [row.get(name) for row in kept] for name in names}
