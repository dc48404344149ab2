"""Run jobs: claim them, report their progress, store their results. A runner that loses a claim writes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias, TypeVar

from impasto.errors import ImpastoError
from impasto.progress import Progress
from impasto.service.hosts import Ending, Hosts
from impasto.service.jobs.folders import remove_abandoned
from impasto.service.jobs.previews import EVERY
from impasto.service.jobs.queue import Queue
from impasto.service.jobs.store import Job, StoreFault
from impasto.service.work import Answer, Still, Work

T = TypeVar("T")
MakeWork: TypeAlias = "Callable[[Job, bytes], Work]"
"""Makes a job's work from its request. It may raise an ImpastoError, and it may block."""

LOG = logging.getLogger("impasto.service")
POLL = 1.0
"""Seconds between checks for jobs of other programs."""
BEAT = 1.0
"""Seconds between reports of a job without news, after which it learns that it is canceled."""
SWEEP = 60.0
"""Seconds between removals of expired jobs."""


class Runner:
    """Claims jobs and runs them, as many at once as the hosts allow.

    Args:
        hosts: for jobs only. They start with the first job, or with `prepare`. None if other programs run the jobs.
        make_work: see `MakeWork`.
        seconds: longest time of a job.
    """

    def __init__(self, queue: Queue, hosts: Hosts | None, make_work: MakeWork, seconds: float) -> None:
        self.queue, self.hosts, self.make_work, self.seconds = queue, hosts, make_work, seconds
        self._wake = asyncio.Event()
        self._closing = False
        self._started = False
        self._loops: list[asyncio.Task[None]] = []
        self._running: dict[asyncio.Task[None], Job] = {}

    def start(self) -> None:
        """Begin to look for jobs."""
        self._loops = [asyncio.create_task(self._claim()), asyncio.create_task(self._sweep())]

    async def prepare(self) -> None:
        """Start the hosts, if they have not started yet."""
        if self.hosts is not None and not self._started and not self._closing:
            self._started = True
            await self.hosts.start()

    def wake(self) -> None:
        """Look for jobs at once."""
        self._wake.set()

    @property
    def running(self) -> int:
        """Return the number of jobs that run here."""
        return len(self._running)

    async def close(self, grace: float) -> None:
        """Let running jobs end, up to a time in seconds. The rest returns to the queue."""
        self._closing = True
        await canceled(self._loops)
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        left = list(self._running.items())
        await canceled([task for task, _ in left], again=5)  # a worker that does not stop is killed after 2 s
        for _, job in left:
            with contextlib.suppress(StoreFault):
                await self.queue.give_back(job)
        if self._started and self.hosts is not None:
            await self.hosts.close(0)
        await asyncio.to_thread(remove_abandoned)

    async def _claim(self) -> None:
        while not self._closing:  # Python 3.11's `wait_for` drops a cancellation that arrives together with its result
            job = None
            if self.hosts is not None and len(self._running) < self.hosts.workers:
                try:
                    job = await self.queue.claim()
                except StoreFault as error:
                    LOG.warning("cannot claim jobs: %s", error)
            if job is None:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL)
                self._wake.clear()
                continue
            task = asyncio.create_task(self._do(job))
            self._running[task] = job
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not (self._closing and task.cancelled()):  # `close` returns canceled jobs to the queue
            self._running.pop(task, None)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            LOG.error("a job ended with an unexpected error", exc_info=task.exception())

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(StoreFault):
                await self.queue.sweep()
            await asyncio.sleep(SWEEP)

    async def _do(self, job: Job) -> None:
        """Run a job until it has ended or belongs to another program."""
        latest = _Latest()
        work = asyncio.create_task(self._answer(job, latest))
        try:
            held = await self._watch(job, work, latest)
        finally:
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        if held is None:
            LOG.warning("lost the claim on job %s to another service; discarding the result", job.id[:6])
        elif held.canceling:
            await self._stored(lambda: self.queue.canceled(job))
        else:
            news, preview = latest.take()
            if news is not None:
                await self._stored(lambda: self.queue.report(job, news, preview))
            await self._keep(job, work)

    async def _answer(self, job: Job, latest: _Latest) -> Answer:
        request = await self.queue.store.blob(job.id, "request")
        if request is None:
            raise ImpastoError("the job's request was removed", code="failure")
        assert self.hosts is not None
        work = await asyncio.to_thread(self.make_work, job, request)
        await self.prepare()
        return await self.hosts.run(work, self.seconds, latest)

    async def _watch(self, job: Job, work: asyncio.Task[Answer], latest: _Latest) -> Job | None:
        """Report until the work has ended or should end. Return None if the claim was lost."""
        loop, beat = asyncio.get_running_loop(), min(BEAT, self.queue.lease / 3)
        held: Job | None = job
        reported = loop.time()
        while held is not None and not held.canceling:
            await asyncio.wait({work}, timeout=min(EVERY, beat))
            if work.done():
                break
            latest.stopping = held.stopping
            news, preview = latest.take()
            if news is None and loop.time() - reported < beat:
                continue
            try:
                held = await self.queue.report(job, news, preview)
                reported = loop.time()
            except StoreFault as error:
                LOG.warning("cannot report on job %s: %s", job.id[:6], error)
                if loop.time() - reported > self.queue.lease:
                    return None
                await asyncio.sleep(min(1.0, beat))
        return held

    async def _keep(self, job: Job, work: asyncio.Task[Answer]) -> None:
        """Store the result or the error."""
        error = work.exception()
        if error is None:
            answer = work.result()
            facts, notes = dict(answer.facts), tuple(answer.notes)
            try:
                await self._stored(
                    lambda: self.queue.done(job, answer.data, media_type=answer.media_type, facts=facts, notes=notes)
                )
                return
            except ImpastoError as refused:
                error = refused
        if isinstance(error, Ending):
            await self._stored(lambda: self.queue.give_back(job))
            return
        if not isinstance(error, ImpastoError):
            LOG.error("a job ended with an unexpected error", exc_info=error)
            error = ImpastoError("unexpected error of the service", "please report it", code="unexpected")
        failure = error
        await self._stored(lambda: self.queue.failed(job, failure))
        await asyncio.to_thread(remove_abandoned)

    async def _stored(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write to the store. If it does not answer, try again while the claim is valid.

        Raises:
            StoreFault: the store did not answer in that time.
        """
        deadline = asyncio.get_running_loop().time() + self.queue.lease / 3
        while True:
            try:
                return await write()
            except StoreFault as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                LOG.warning("cannot store a job yet: %s", error)
                await asyncio.sleep(1)


async def canceled(tasks: Collection[asyncio.Task[None]], again: float = 0.1) -> None:
    """Cancel tasks, and wait until they have ended.

    Args:
        again: seconds after which the remaining tasks are canceled again, because the package redis may swallow a
            cancellation.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again)


class _Latest:
    """The last report, until it is taken.

    Attributes:
        stopping: True if the work should end with its current result.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._report: Progress | None = None
        self._preview: bytes | None = None

    def __call__(self, report: Progress) -> bool:
        self._report = report
        if isinstance(report.preview, Still):
            self._preview = report.preview.jpeg
        return not self.stopping

    def take(self) -> tuple[Progress | None, bytes | None]:
        report, preview = self._report, self._preview
        self._report = self._preview = None
        return report, preview
