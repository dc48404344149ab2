"""Paint many photos in threads of this program, those of a plan or those that arrive in a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeAlias

from impasto.batch.job import PaintJob
from impasto.batch.report import Result, failure
from impasto.errors import ImpastoError

Arrived: TypeAlias = "tuple[Sequence[PaintJob], Mapping[PaintJob, ImpastoError]]"
"""The photos that are there now, and what is wrong with some of them."""

PASSING = {"disk-full", "not-writable", "not-readable", "memory"}
"""The codes of what may be better later, without any change to the photo."""


def painted_in_threads(
    work: Sequence[PaintJob], paint: Callable[[PaintJob], Result], jobs: int, stop: Event
) -> Iterator[Result]:
    """Paint everything, `jobs` photos at once, in order as far as that goes.

    The caller's own thread only waits, so that it can hear Ctrl-C.

    Args:
        stop: once set, no further photo is begun; those that are begun are finished.
    Yields:
        What became of each photo, in the order in which they are done.
    """
    waiting = iter(work)
    running: set[Future[Result]] = set()
    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="paint")
    try:
        while True:
            # Not all at once: a queue of ten thousand photos needs no ten thousand futures.
            while len(running) < jobs and not stop.is_set() and (job := next(waiting, None)) is not None:
                running.add(pool.submit(paint, job))
            if not running:
                return
            finished, running = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def painted_as_they_arrive(
    find: Callable[[], Arrived],
    paint: Callable[[PaintJob], Result],
    jobs: int,
    stop: Event,
    *,
    pause: float = 1.0,
) -> Iterator[Result | None]:
    """Paint what lies in a folder and what arrives there, until `stop` is set.

    A photo is taken once its file has not changed from one look to the next: cameras and downloads write slowly.
    Where the disk is full, or a file cannot be read or written, it is tried again after a while, and reported once.

    Args:
        find: plans all photos that are there now, and says which of them must not be painted.
        pause: seconds between two looks.
    Yields:
        What became of each photo, and None before each wait for more.
    """
    seen: dict[str, tuple[int, int]] = {}
    taken: dict[str, tuple[int, int]] = {}
    again = _Again()
    while not stop.is_set():
        began, ready = time.monotonic(), []
        found, refused = find()
        looked = time.monotonic() - began
        for job in found:
            try:
                status = os.stat(job.photo)
            except OSError:  # gone again
                continue
            facts = status.st_size, status.st_mtime_ns
            if taken.get(job.photo) == facts and not again.is_due(job):
                continue
            if seen.get(job.photo) == facts:
                ready.append(job)
                taken[job.photo] = facts
            seen[job.photo] = facts
        yield from (failure(job, refused[job]) for job in ready if job in refused)
        for result in painted_in_threads([job for job in ready if job not in refused], paint, jobs, stop):
            if again.is_news(result):
                yield result
        yield None
        stop.wait(max(pause, 4 * looked))  # looking at many thousand files takes seconds


class _Again:
    """The photos that are tried again, since what went wrong may pass: a full disk, a drive that is away."""

    _FIRST, _LONGEST = 2.0, 300.0  # seconds between two tries

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[float, float, str]] = {}  # when, after how long, and what was wrong

    def is_due(self, job: PaintJob) -> bool:
        return job.photo in self._waiting and self._waiting[job.photo][0] <= time.monotonic()

    def is_news(self, result: Result) -> bool:
        """Note what became of a photo, and whether that has not been said before."""
        _, pause, said = self._waiting.pop(result.photo, (0.0, self._FIRST / 2, ""))
        if result.code in PASSING:
            pause = min(2 * pause, self._LONGEST)
            self._waiting[result.photo] = time.monotonic() + pause, pause, result.error
        return not result.error or result.error != said
