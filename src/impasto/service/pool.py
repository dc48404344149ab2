"""Processes of this machine that do work: started, replaced, and asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence

from impasto.service.connection import Connection, Died
from impasto.service.hosts import Busy, Ending, Heard, TookTooLong, WorkerLost
from impasto.service.messages import Begun, Done, packed, resident
from impasto.service.work import Answer, Work
from impasto.system.memory import free_memory
from impasto.system.sessions import processors

LOG = logging.getLogger("impasto.service")
DEATHS = 2
"""Processes that die over the same work before it is given up."""
_LOSSES = 10  # of processes, those that had not begun with the work among them
_GOES_ON = 2.0  # seconds that work which is not wanted any more may go on, before its process is killed
_PAUSES = (0.1, 0.5, 2.0, 10.0)  # seconds between two tries to start a process that does not get ready
_PATIENCE = 10.0  # seconds in which no process starts, after which those who wait for one are refused
_READY_IN = 120.0  # seconds that a process may take to get ready
_GROWTH = 1.5  # times its size when it was ready, a process may have in any case


class WorkerPool:
    """A fixed number of seats, each with a process; one that has died, or holds too much memory, gets a successor.

    Args:
        workers: how many; 0, as many as there are processors.
        worker_megabytes: a process that holds more after its work is replaced.
        nice: by how much they give way to the process that answers requests.

    Attributes:
        lost: processes that have died of themselves.
        recycled: processes that were replaced for their memory.
    """

    shares_files = True

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
        self._ending = self._failing = False

    async def start(self) -> None:
        self._keepers = [asyncio.create_task(self._keep()) for _ in range(self.workers)]

    async def run(self, work: Work, seconds: float, on_progress: Heard | None = None) -> Answer:
        """Do some work. See `Hosts.run`.

        Raises:
            Busy: with the code "not-ready": no process can be started.
        """
        said, deaths = packed(work), 0
        for _ in range(_LOSSES):
            worker = await self._next()
            self._busy += 1
            self._idle.clear()
            try:
                return (await self._done(worker, said, seconds, on_progress)).unpacked()
            except Died as error:
                if self._ending:
                    raise Ending from None
                LOG.warning("a process that painted has died: %s", error)
                deaths += worker.begun
                if deaths == DEATHS:
                    break
            finally:
                self._busy -= 1
                if not self._busy:
                    self._idle.set()
        raise WorkerLost

    def ready(self) -> bool:
        return bool(self._alive) and not self._ending

    def memory(self) -> int:
        return sum(resident(worker.process.pid) for worker in self._alive)

    def free_memory(self) -> int | None:
        return free_memory()

    async def close(self, grace: float) -> None:
        self._ending = True
        self._refuse(Ending)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._idle.wait(), grace)
        ending = [*self._keepers, *self._abandoned]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in list(self._alive)))

    async def _next(self) -> Connection:
        """The next process that is free; the one that worked last, so that others stay small."""
        if self._ending:
            raise Ending
        if self._failing and not self._alive:
            raise _not_ready()
        if self._free:
            return self._free.pop()
        asked: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._wanted.append(asked)
        try:
            return await asked
        except asyncio.CancelledError:
            if asked.done() and not asked.cancelled() and asked.exception() is None:
                self._give(asked.result())
            raise

    def _refuse(self, error: Callable[[], Busy]) -> None:
        """Have all who wait for a process wait no longer."""
        while self._wanted:
            asked = self._wanted.popleft()
            if not asked.done():
                asked.set_exception(error())

    def _give(self, worker: Connection) -> None:
        """Hand a process to whoever waits for one."""
        if worker.gone.is_set():
            return
        if worker.retired:
            worker.kill()
            return
        while self._wanted:
            asked = self._wanted.popleft()
            if not asked.done():
                asked.set_result(worker)
                return
        self._free.append(worker)

    async def _done(
        self,
        worker: Connection,
        said: Sequence[bytes | memoryview],
        seconds: float,
        on_progress: Heard | None,
    ) -> Done:
        """Have one process do some work; afterwards it is free, on its way to be so, or dead."""
        worker.begun = False
        try:
            done = await asyncio.wait_for(_asked(worker, said, on_progress), seconds)
        except asyncio.CancelledError:
            task = asyncio.create_task(self._abandon(worker))
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)
            raise
        except asyncio.TimeoutError:
            worker.kill()
            raise TookTooLong(seconds) from None
        except BaseException:
            worker.kill()
            raise
        self._settle(worker, done)
        return done

    async def _abandon(self, worker: Connection) -> None:
        """Have a process stop what it does, and be free; or kill it."""
        try:
            if not worker.whole:
                raise Died("it has heard but half of its work")
            done = await asyncio.wait_for(_asked(worker, (), None), _GOES_ON)
        except BaseException as error:
            worker.kill()
            if not isinstance(error, Exception):
                raise
        else:
            self._settle(worker, done)

    def _settle(self, worker: Connection, done: Done) -> None:
        """Free a process, or have it replaced."""
        if done.memory > max(self._most, _GROWTH * worker.size) and not worker.leaving.is_set():
            self.recycled += 1
            free = free_memory()
            if free is not None and free < _GROWTH * worker.size:
                worker.kill()  # no room for two
            else:
                worker.leaving.set()  # works on until its successor is there
        self._give(worker)

    async def _keep(self) -> None:
        """Keep one seat taken until the end."""
        failures, failing_since, before = 0, 0.0, None
        while not self._ending:
            try:
                worker = await self._started()
            except Exception as error:  # noqa: BLE001  no seat may stay empty
                LOG.warning("a process that paints does not start: %s", str(error) or type(error).__name__)
                failures += 1
                failing_since = failing_since if failures > 1 else time.monotonic()
                self._failing = time.monotonic() - failing_since >= _PATIENCE
                if self._failing and not self._alive:
                    self._refuse(_not_ready)
                await asyncio.sleep(_PAUSES[min(failures, len(_PAUSES)) - 1])
                continue
            if self._ending:  # Python 3.11's `wait_for` swallows a cancellation that comes with what it waits for
                await worker.end()
                return
            failures, self._failing = 0, False
            self._alive.add(worker)
            worker.when_gone(self._forget)
            self._give(worker)
            if before is not None:
                self._retire(before)
            await worker.leaving.wait()
            before = None if worker.gone.is_set() else worker

    async def _started(self) -> Connection:
        threads = os.environ.get("IMPASTO_THREADS") or str(max(1, processors() // self.workers))
        limits = {"IMPASTO_THREADS": threads, "OMP_NUM_THREADS": threads, "MALLOC_ARENA_MAX": "2"}
        limits |= {"PYTHONSAFEPATH": "1"}  # nothing is imported from the folder in which the service was started
        command = [sys.executable, "-m", "impasto.service.worker", str(self._nice)]
        worker = await Connection.to(command, os.environ | limits)
        try:
            said = await asyncio.wait_for(worker.hear(), _READY_IN)
            assert isinstance(said, Begun)
        except BaseException:
            await worker.end()
            raise
        worker.size = resident(worker.process.pid)
        return worker

    def _retire(self, worker: Connection) -> None:
        """End a process whose successor is there, once its work is done."""
        worker.retired = True
        if worker in self._free:
            self._free.remove(worker)
            worker.kill()

    def _forget(self, worker: Connection) -> None:
        self._alive.discard(worker)
        if worker in self._free:
            self._free.remove(worker)
        if worker.wanted:
            self.lost += 1


async def _asked(worker: Connection, said: Sequence[bytes | memoryview], on_progress: Heard | None) -> Done:
    """Say something, and listen until work has ended."""
    await worker.say(said)
    going = True
    while not isinstance(message := await worker.hear(), Done):
        if isinstance(message, Begun):
            worker.begun = True
        elif on_progress is not None and on_progress(message) is False and going:
            going = False
            await worker.say(())
    return message


def _not_ready() -> Busy:
    hint = "the service's log says why"
    return Busy("no process that paints can be started", _PAUSES[-1], hint, code="not-ready")
