"""Processes of this machine that do work: started, replaced, and asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import deque
from collections.abc import Callable

from impasto.progress import Progress
from impasto.service.connection import Connection, Died
from impasto.service.hosts import Ending, TookTooLong, WorkerLost
from impasto.service.messages import Begun, Done, Step, Stop, resident
from impasto.service.work import Answer, Work
from impasto.system.sessions import processors

LOG = logging.getLogger("impasto.service")
DEATHS = 2
"""Processes that die over the same work before it is given up."""
_GOES_ON = 2.0  # seconds that work which is not wanted any more may go on, before its process is killed
_PAUSES = (0.1, 0.5, 2.0, 10.0)  # seconds between two tries to start a process that does not get ready
_READY_IN = 120.0  # seconds that a process may take to get ready


class WorkerPool:
    """A fixed number of seats, each with a process; one that has died, or holds too much memory, gets a successor.

    Args:
        workers: how many; 0, as many as there are processors.
        worker_megabytes: a process that holds more after its work is replaced.
        nice: by how much they give way to the process that answers requests.
    """

    def __init__(self, workers: int = 0, worker_megabytes: int = 2000, *, nice: int = 5) -> None:
        self.workers = workers or processors()
        self.lost = self.recycled = 0
        self._most, self._nice = worker_megabytes * 1_000_000, nice
        self._free: deque[Connection] = deque()
        self._wanted: deque[asyncio.Future[Connection]] = deque()
        self._alive: set[Connection] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._abandoned: set[asyncio.Task[None]] = set()
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._ending = False

    async def start(self) -> None:
        self._keepers = [asyncio.create_task(self._keep()) for _ in range(self.workers)]

    async def run(self, work: Work, seconds: float, on_progress: Callable[[Progress], None] | None = None) -> Answer:
        """Do some work. See `Hosts.run`."""
        for _ in range(DEATHS):
            worker = await self._next()
            self._busy += 1
            self._idle.clear()
            try:
                return (await self._done(worker, work, seconds, on_progress)).unpacked()
            except Died:
                self.lost += 1
            finally:
                self._busy -= 1
                if not self._busy:
                    self._idle.set()
            if self._ending:
                raise Ending("the service is being stopped", 1.0, "ask again in a moment")
        raise WorkerLost("the process that painted has died, twice over the same work", "a smaller picture takes less")

    def ready(self) -> bool:
        return bool(self._alive) and not self._ending

    def memory(self) -> int:
        return sum(resident(worker.process.pid) for worker in self._alive)

    async def close(self, grace: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._idle.wait(), grace)
        self._ending = True
        ending = [*self._keepers, *self._abandoned]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for asked in self._wanted:
            if not asked.done():
                asked.set_exception(Ending("the service is being stopped", 1.0, "ask again in a moment"))
        await asyncio.gather(*(worker.end() for worker in list(self._alive)))
        self._alive.clear()

    async def _next(self) -> Connection:
        """The next process that is free."""
        if self._ending:
            raise Ending("the service is being stopped", 1.0, "ask again in a moment")
        if self._free:
            return self._free.popleft()
        asked: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._wanted.append(asked)
        try:
            return await asked
        except asyncio.CancelledError:
            if asked.done() and not asked.cancelled() and asked.exception() is None:
                self._give(asked.result())
            raise

    def _give(self, worker: Connection) -> None:
        """Hand a process to whoever waits for one."""
        if worker.gone.is_set():
            return
        while self._wanted:
            asked = self._wanted.popleft()
            if not asked.done():
                asked.set_result(worker)
                return
        self._free.append(worker)

    async def _done(
        self, worker: Connection, work: Work, seconds: float, on_progress: Callable[[Progress], None] | None
    ) -> Done:
        """Have one process do some work; afterwards it is free, on its way to be so, or dead."""
        done: Done | None = None
        try:
            await worker.say(work)
            done = await asyncio.wait_for(_followed(worker, on_progress), seconds)
        except (TimeoutError, asyncio.TimeoutError):
            worker.kill()
            hint = "ask for a smaller picture"
            raise TookTooLong(f"it has taken more than {seconds:g} seconds", hint) from None
        except asyncio.CancelledError:
            task = asyncio.create_task(self._abandon(worker))
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)
            raise
        if done.memory > self._most:
            worker.outlived.set()  # works on until its successor is there
        self._give(worker)
        return done

    async def _abandon(self, worker: Connection) -> None:
        """Have a process stop what it does, and be free; or kill it."""
        try:
            await worker.say(Stop())
            await asyncio.wait_for(_followed(worker, None), _GOES_ON)
        except (TimeoutError, asyncio.TimeoutError, Died):
            worker.kill()
        else:
            self._give(worker)

    async def _keep(self) -> None:
        """Keep one seat taken, for ever."""
        failures, before = 0, None
        while True:
            try:
                worker = await self._started()
            except (Died, OSError, TimeoutError, asyncio.TimeoutError) as error:
                LOG.warning("a process that paints does not start: %s", error or type(error).__name__)
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
                failures += 1
                continue
            failures = 0
            if before is not None:
                await self._retire(before)
                before = None
            self._alive.add(worker)
            self._give(worker)
            dead, outlived = asyncio.create_task(worker.gone.wait()), asyncio.create_task(worker.outlived.wait())
            try:
                await asyncio.wait([dead, outlived], return_when=asyncio.FIRST_COMPLETED)
            finally:
                dead.cancel()
                outlived.cancel()
            if worker.gone.is_set():
                self._forget(worker)
            else:
                before = worker

    async def _started(self) -> Connection:
        threads = str(max(1, processors() // self.workers))
        limits = {"IMPASTO_THREADS": threads, "OMP_NUM_THREADS": threads, "MALLOC_ARENA_MAX": "2"}
        command = [sys.executable, "-m", "impasto.service.worker", str(self._nice)]
        worker = await Connection.to(command, os.environ | limits)
        try:
            said = await asyncio.wait_for(worker.hear(), _READY_IN)
            assert isinstance(said, Begun)
        except BaseException:
            worker.kill()
            raise
        return worker

    async def _retire(self, worker: Connection) -> None:
        """End a process whose successor is there, once its work is done."""
        while worker not in self._free and not worker.gone.is_set():
            await asyncio.sleep(0.05)
        self._forget(worker)
        self.recycled += 1
        await worker.end()

    def _forget(self, worker: Connection) -> None:
        self._alive.discard(worker)
        if worker in self._free:
            self._free.remove(worker)


async def _followed(worker: Connection, on_progress: Callable[[Progress], None] | None) -> Done:
    while not isinstance(message := await worker.hear(), Done):
        if isinstance(message, Step) and on_progress is not None:
            on_progress(message.unpacked())
    return message
