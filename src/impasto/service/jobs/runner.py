"""Have jobs done: claim, report, end. Whoever loses a claim writes nothing."""

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
"""Seconds after which jobs of other programs are looked for."""
BEAT = 1.0
"""Seconds between two reports of a job that has no news: how soon it hears that it is canceled."""
SWEEP = 60.0
"""Seconds between two looks for what has expired."""


class Runner:
    """Claims jobs and has them done, as many at once as its hosts take.

    Args:
        hosts: of their own; started with the first job, or by `prepare`. None, others do the jobs.
        make_work: see `MakeWork`.
        seconds: that a job may take.
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
        """Start the hosts, if nobody has."""
        if self.hosts is not None and not self._started and not self._closing:
            self._started = True
            await self.hosts.start()

    def wake(self) -> None:
        """Look for jobs at once."""
        self._wake.set()

    @property
    def running(self) -> int:
        """How many jobs are worked on here."""
        return len(self._running)

    async def close(self, grace: float) -> None:
        """Let what runs end, for so many seconds; what does not goes back to waiting."""
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
        while not self._closing:  # in Python 3.11 `wait_for` swallows a cancellation that comes with what it waits for
            job = None
            if self.hosts is not None and len(self._running) < self.hosts.workers:
                try:
                    job = await self.queue.claim()
                except StoreFault as error:
                    LOG.warning("no jobs are taken: %s", error)
            if job is None:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL)
                self._wake.clear()
                continue
            task = asyncio.create_task(self._do(job))
            self._running[task] = job
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not (self._closing and task.cancelled()):  # what `close` has cut off is given back there
            self._running.pop(task, None)
        self._wake.set()
        if not task.cancelled() and task.exception() is not None:
            LOG.error("a job has ended with a fault of the service", exc_info=task.exception())

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(StoreFault):
                await self.queue.sweep()
            await asyncio.sleep(SWEEP)

    async def _do(self, job: Job) -> None:
        """Work on a job until it has ended, or belongs to somebody else."""
        latest = _Latest()
        work = asyncio.create_task(self._answer(job, latest))
        try:
            held = await self._watch(job, work, latest)
        finally:
            if not work.done():
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
        if held is None:
            LOG.warning("job %s is not held any more; its result is dropped", job.id[:6])
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
            raise ImpastoError("the job's request has been removed", code="failure")
        assert self.hosts is not None
        work = await asyncio.to_thread(self.make_work, job, request)
        await self.prepare()
        return await self.hosts.run(work, self.seconds, latest)

    async def _watch(self, job: Job, work: asyncio.Task[Answer], latest: _Latest) -> Job | None:
        """Report until the work has ended or is to end. None if the job is not held any more."""
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
                LOG.warning("job %s cannot be reported: %s", job.id[:6], error)
                if loop.time() - reported > self.queue.lease:
                    return None
                await asyncio.sleep(min(1.0, beat))
        return held

    async def _keep(self, job: Job, work: asyncio.Task[Answer]) -> None:
        """Keep what has come out, or what was raised."""
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
            LOG.error("a job has ended with a fault of the service", exc_info=error)
            error = ImpastoError("this should not have happened", "please report it", code="unexpected")
        failure = error
        await self._stored(lambda: self.queue.failed(job, failure))
        await asyncio.to_thread(remove_abandoned)

    async def _stored(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write to the store; if it does not answer, try again while the job is held.

        Raises:
            StoreFault: it has not answered for that long.
        """
        deadline = asyncio.get_running_loop().time() + self.queue.lease / 3
        while True:
            try:
                return await write()
            except StoreFault as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                LOG.warning("a job cannot be stored yet: %s", error)
                await asyncio.sleep(1)


async def canceled(tasks: Collection[asyncio.Task[None]], again: float = 0.1) -> None:
    """Cancel tasks and wait for their ends.

    Args:
        again: seconds after which those are canceled again that have not ended: the package redis may swallow it.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again)


class _Latest:
    """The last report, until it is taken.

    Attributes:
        stopping: whether the work is to end with what there is.
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
