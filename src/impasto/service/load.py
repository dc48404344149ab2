"""Queue work for the worker processes, limited in megapixels."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from dataclasses import dataclass

from impasto.service.config import ServiceConfig
from impasto.service.hosts import Busy, Ending, Heard, Hosts
from impasto.service.metrics import Metrics
from impasto.service.speed import Speed
from impasto.service.work import Answer, Work

_LEAST = 0.1  # megapixels that even the smallest work counts, because it costs a request
_BYTES = 200_000_000  # memory in bytes of a work, besides the worker's own
_BYTES_PER_PIXEL = 30  # and for each pixel; 1 to 49 megapixels took at most 190 MB and 22 bytes a pixel
_MEMORY_BACK = 5.0  # seconds after which more memory may be free
_LOOK_EVERY = 1.0  # seconds between two measurements of the free memory


@dataclass(eq=False)
class _Waiting:
    megapixels: float
    turn: asyncio.Future[None]


class Load:
    """Work that waits for a host, in order of arrival. All work of the service runs through it.

    Args:
        hosts: do the work.

    Attributes:
        running: number of running works.
        waiting_megapixels: megapixels of all waiting works. Each counts at least 0.1.
        rejected: number of refused works for each error code.
        speed: measured on the finished works.
    """

    def __init__(self, hosts: Hosts, config: ServiceConfig, metrics: Metrics) -> None:
        self.hosts, self.config, self.metrics = hosts, config, metrics
        metrics.watch(self)
        self.ending = False
        self.running = 0
        self.rejected: Counter[str] = Counter()
        self.speed = Speed()
        self.waiting_megapixels = 0.0
        self._memory: int | None = None
        self._looked = -math.inf
        self._waiting: deque[_Waiting] = deque()

    @property
    def waiting(self) -> int:
        """Return the number of waiting works."""
        return len(self._waiting)

    async def run(self, work: Work, on_progress: Heard | None = None) -> Answer:
        """Wait for a host, and let it do the work. Canceling the task removes it from the queue, or cancels the work.

        A picture larger than the whole queue is accepted if nothing waits.

        Raises:
            Busy: the queue is full. With the code "memory": there is too little memory.
            Ending: the service is shutting down.
            ImpastoError: as for `Hosts.run`.
        """
        try:
            return await self._run(work, max(_LEAST, work.megapixels), on_progress)
        except Busy as error:
            self.rejected[error.code] += 1
            raise

    async def _run(self, work: Work, megapixels: float, on_progress: Heard | None) -> Answer:
        came = time.monotonic()
        self._admit(megapixels)
        await self._turn(megapixels)
        began = time.monotonic()
        try:
            self._check_memory(megapixels)  # others may have used it in the meantime
            answer = await self.hosts.run(work, self.config.seconds, on_progress)
            stages = dict(answer.facts.get("seconds", {}))
            spent = time.monotonic() - began
            self.speed.learn(megapixels, math.fsum(stages.values()) or spent)  # `spent` includes a start
            stages |= {"wait": began - came, "work": spent}
            self.metrics.painted(str(answer.facts.get("engine", "")), work.megapixels, stages)
            return answer
        finally:
            self.running -= 1
            self._call_next()

    def end(self) -> None:
        """Refuse waiting and new work."""
        self.ending = True
        while self._waiting:
            turn = self._leave(self._waiting[0]).turn
            if not turn.done():
                turn.set_exception(Ending())

    def retry_after(self) -> float:
        """Return the seconds until the waiting work has begun, estimated from the measured speed; at least 1."""
        seconds = self.speed.seconds(self.waiting, self.waiting_megapixels) / max(1, self.hosts.workers)
        return max(1.0, math.ceil(seconds))

    def _admit(self, megapixels: float) -> None:
        if self.ending:
            raise Ending
        if self._waiting and self.waiting_megapixels + megapixels > self.config.queue_megapixels:
            waiting = f"the queue is full: {self.waiting_megapixels:.1f} megapixels wait"
            raise Busy(waiting, self.retry_after(), "try again after the seconds in Retry-After")
        self._check_memory(megapixels)

    def _check_memory(self, megapixels: float) -> None:
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY:
            self._looked, self._memory = now, self.hosts.free_memory()
        if self._memory is not None and _BYTES + 1e6 * megapixels * _BYTES_PER_PIXEL > self._memory:
            message = f"not enough free memory for {megapixels:.1f} megapixels now"
            hint = "send a smaller picture, or try again later"
            raise Busy(message, max(_MEMORY_BACK, self.retry_after()), hint, code="memory")

    async def _turn(self, megapixels: float) -> None:
        """Wait for this work's turn."""
        if self.running < self.hosts.workers and not self._waiting:
            self.running += 1
            return
        one = _Waiting(megapixels, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        self.waiting_megapixels += megapixels
        try:
            await one.turn
        except asyncio.CancelledError:
            if one in self._waiting:
                self._leave(one)
            elif one.turn.done() and not one.turn.cancelled() and one.turn.exception() is None:
                self.running -= 1
                self._call_next()
            raise

    def _call_next(self) -> None:
        while self._waiting and self.running < self.hosts.workers:
            turn = self._leave(self._waiting[0]).turn
            if not turn.done():
                self.running += 1
                turn.set_result(None)

    def _leave(self, one: _Waiting) -> _Waiting:
        """Remove one work from the queue."""
        self._waiting.remove(one)
        self.waiting_megapixels = self.waiting_megapixels - one.megapixels if self._waiting else 0.0
        return one
