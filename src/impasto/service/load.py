"""How much may wait: a queue bounded in megapixels before the processes that do the work."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from impasto.progress import Progress
from impasto.service.config import ServiceConfig
from impasto.service.hosts import Busy, Ending, Hosts
from impasto.service.metrics import Metrics
from impasto.service.work import Answer, Work
from impasto.system.memory import free_memory

_FIXED = 0.5  # megapixels; a picture of none takes as long as these
_FIRST_GUESS = 0.3  # seconds a megapixel
_SMOOTHING = 0.1  # of the mean, the share of the newest measurement
_BYTES_PER_PIXEL = 40  # of a picture while it is painted, beside what a worker holds anyway
_MARGIN = 200_000_000  # bytes that stay free
_MEMORY_BACK = 5.0  # seconds after which there may be more memory


@dataclass(eq=False)
class _Waiting:
    megapixels: float
    turn: asyncio.Future[None]


class Load:
    """Work that waits for a host, first come, first served; the one way to have some done.

    Args:
        hosts: that do it.

    Attributes:
        rejected: how often work was refused, by the error's code.
    """

    def __init__(self, hosts: Hosts, config: ServiceConfig, metrics: Metrics) -> None:
        self.hosts, self.config, self.metrics = hosts, config, metrics
        metrics.watch(self)
        self.ending = False
        self.running = 0
        self.rejected: Counter[str] = Counter()
        self.seconds_a_megapixel = _FIRST_GUESS
        self._waiting: deque[_Waiting] = deque()
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def waiting_megapixels(self) -> float:
        return math.fsum(one.megapixels for one in self._waiting)

    async def run(self, work: Work, on_progress: Callable[[Progress], None] | None = None) -> Answer:
        """Wait for a host and have it do the work. A task that is cancelled leaves the queue, or cancels the work.

        A picture larger than the whole queue is taken when nothing waits.

        Raises:
            Busy: the queue is full; or, with the code "memory", there is too little memory.
            Ending: the service is being stopped.
            ImpastoError: as `Hosts.run`.
        """
        megapixels, came = work.megapixels, time.monotonic()
        try:
            self._admit(megapixels)
            await self._turn(megapixels)
        except Busy as error:
            self.rejected[error.code] += 1
            raise
        began = time.monotonic()
        try:
            answer = await self.hosts.run(work, self.config.seconds, on_progress)
            spent = time.monotonic() - began
            self._learn(megapixels, spent)
            stages = {"wait": began - came, "work": spent} | dict(answer.facts.get("seconds", {}))
            self.metrics.painted(str(answer.facts.get("engine", "")), megapixels, stages)
            return answer
        finally:
            self.running -= 1
            self._changed.set()
            self._call_next()

    def end(self) -> None:
        """Refuse what waits and what comes."""
        self.ending = True
        while self._waiting:
            turn = self._waiting.popleft().turn
            if not turn.done():
                turn.set_exception(_ending())

    async def drained(self, grace: float) -> bool:
        """Wait until nothing runs any more, for so many seconds; whether that came."""
        deadline = time.monotonic() + grace
        while self.running:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), deadline - time.monotonic())
            except (TimeoutError, asyncio.TimeoutError):
                return False
        return True

    def retry_after(self) -> float:
        """Seconds after which what waits now will have begun, by the speed that was measured; at least 1."""
        units = self.waiting_megapixels + _FIXED * (self.waiting + self.running / 2)
        return max(1.0, math.ceil(units * self.seconds_a_megapixel / max(1, self.hosts.workers)))

    def _admit(self, megapixels: float) -> None:
        if self.ending:
            raise _ending()
        if self._waiting and self.waiting_megapixels + megapixels > self.config.queue_megapixels:
            waiting = f"{self.waiting_megapixels:.1f} megapixels wait already"
            raise Busy(waiting, self.retry_after(), "ask again after the seconds of Retry-After")
        free = free_memory()
        if free is not None and megapixels * 1e6 * _BYTES_PER_PIXEL + _MARGIN > free:
            message = f"there is too little memory for {megapixels:.1f} megapixels now"
            error = Busy(message, max(_MEMORY_BACK, self.retry_after()), "a smaller picture takes less")
            error.code = "memory"
            raise error

    async def _turn(self, megapixels: float) -> None:
        """Wait until it is this one's turn."""
        if self.running < self.hosts.workers and not self._waiting:
            self.running += 1
            return
        one = _Waiting(megapixels, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        try:
            await one.turn
        except asyncio.CancelledError:
            if one in self._waiting:
                self._waiting.remove(one)
            elif one.turn.done() and not one.turn.cancelled() and one.turn.exception() is None:
                self.running -= 1
                self._call_next()
            raise

    def _call_next(self) -> None:
        while self._waiting and self.running < self.hosts.workers:
            turn = self._waiting.popleft().turn
            if not turn.done():
                self.running += 1
                turn.set_result(None)

    def _learn(self, megapixels: float, seconds: float) -> None:
        self.seconds_a_megapixel += _SMOOTHING * (seconds / (megapixels + _FIXED) - self.seconds_a_megapixel)


def _ending() -> Ending:
    return Ending("the service is being stopped", 1.0, "ask again in a moment")
