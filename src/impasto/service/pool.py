"""Start, replace and stop the worker processes of this machine."""

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
"""Processes that may die over the same work before it is given up."""
_LOSSES = 10  # lost processes before work is given up, including those that had not begun with it
_GOES_ON = 2.0  # seconds that canceled work may run on before its process is killed
_PAUSES = (0.1, 0.5, 2.0, 10.0)  # seconds between attempts to start a process that does not get ready
_PATIENCE = 10.0  # seconds without any process after which waiting work is refused
_READY_IN = 120.0  # seconds that a process may take to get ready
_GROWTH = 1.5  # a process may grow to this many times its initial memory in any case


class WorkerPool:
    """A fixed number of seats with a process each. A process that dies or holds too much memory is replaced.

    Args:
        workers: number of seats; 0 for one on each processor.
        worker_megabytes: a process that holds more after its work is replaced.
        nice: lowers the priority relative to the process that answers requests.

    Attributes:
        lost: number of processes that have died.
        recycled: number of processes that were replaced because of their memory.
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
        """Do some work; see `Hosts.run`.

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
        """Return the next free process. The one that worked last comes first, so that others stay small."""
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
        """Refuse all work that waits for a process."""
        while self._wanted:
            asked = self._wanted.popleft()
            if not asked.done():
                asked.set_exception(error())

    def _give(self, worker: Connection) -> None:
        """Hand a process to waiting work."""
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
        """Let one process do some work. Afterwards it is free, about to be free, or dead."""
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
        """Make a process stop its work, or kill it."""
        try:
            if not worker.whole:
                raise Died("it has received only half of its work")
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
                worker.kill()  # there is no memory for two
            else:
                worker.leaving.set()  # it continues until its successor is ready
        self._give(worker)

    async def _keep(self) -> None:
        """Keep one seat filled until the end."""
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
            if self._ending:  # Python 3.11's `wait_for` drops a cancellation that arrives together with its result
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
        limits |= {"PYTHONSAFEPATH": "1"}  # do not import modules from the current folder
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
        """End a process whose successor is ready, after its current work."""
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
    """Send a message, and listen until the work has ended."""
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
    hint = "see the log of the service"
    return Busy("no worker process can be started", _PAUSES[-1], hint, code="not-ready")
