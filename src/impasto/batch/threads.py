"""Paint many photos in threads of this program: those of a plan, or those that arrive in a folder."""

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
"""The photos that are there now, and the errors of those that must not be painted."""

PASSING = {"disk-full", "not-writable", "not-readable", "memory"}
"""Codes of faults that may pass without any change to the photo."""


def painted_in_threads(
    work: Sequence[PaintJob], paint: Callable[[PaintJob], Result], jobs: int, stop: Event
) -> Iterator[Result]:
    """Paint all jobs, `jobs` photos at a time, as far as possible in order.

    The caller's own thread only waits, so that it can react to Ctrl-C.

    Args:
        stop: once set, no further photo is started. Started photos are finished.
    Yields:
        The result of each photo, in the order in which photos finish.
    """
    waiting = iter(work)
    running: set[Future[Result]] = set()
    pool = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="paint")
    try:
        while True:
            # Submit a few at a time: ten thousand photos do not need ten thousand futures.
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
    """Paint the photos of a folder, and those that arrive later, until `stop` is set.

    A photo is painted once its file is the same at two checks: cameras and downloads write slowly. If a disk is full,
    or a file cannot be read or written, the photo is retried after a while, and its failure is reported once.

    Args:
        find: plans all photos that are there now, and says which of them must not be painted.
        pause: seconds between two checks.
    Yields:
        The result of each photo, and None before each wait for more.
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
            except OSError:  # deleted meanwhile
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
        stop.wait(max(pause, 4 * looked))  # checking many thousand files takes seconds


class _Again:
    """Photos to retry, because their fault may pass: a full disk, a missing drive."""

    _FIRST, _LONGEST = 2.0, 300.0  # seconds between two tries

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[float, float, str]] = {}  # time of the next try, pause, last error

    def is_due(self, job: PaintJob) -> bool:
        return job.photo in self._waiting and self._waiting[job.photo][0] <= time.monotonic()

    def is_news(self, result: Result) -> bool:
        """Record the result of a photo, and return True unless the same failure has been reported."""
        _, pause, said = self._waiting.pop(result.photo, (0.0, self._FIRST / 2, ""))
        if result.code in PASSING:
            pause = min(2 * pause, self._LONGEST)
            self._waiting[result.photo] = time.monotonic() + pause, pause, result.error
        return not result.error or result.error != said
