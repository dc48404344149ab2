"""A replica of Ray Serve that does one piece of work at a time and reports its progress."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

from impasto.progress import Progress
from impasto.service.hosts import WorkerLost
from impasto.service.messages import Begun, Done, outcome, resident
from impasto.service.pool import DEATHS
from impasto.service.work import Answer, Tell, Work
from impasto.service.worker import warm

_GOES_ON = 2.0  # seconds that canceled work may run on before its process is ended
_LINGERS = 1.0  # seconds that an oversized replica stays, so that its answer is sent


class Tally:
    """Counts how often each work was begun. It ends with the service, and then the replicas end, too."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, work: str) -> int:
        self._begun[work] += 1
        return self._begun[work]

    def forget(self, work: str) -> None:
        del self._begun[work]

    def here(self) -> bool:
        return True


Said: TypeAlias = "Begun | Progress | Done"


class Painter:
    """The code that runs in each replica.

    Args:
        most: limit of the memory in bytes. A larger replica ends after its work, and Ray starts another.
        name: name of the application.
        tally: handle of the service's `Tally`.
    """

    def __init__(self, most: int, name: str, tally: Any) -> None:
        self.most, self.name, self.tally, self.busy = most, name, tally, False
        warm()

    async def check_health(self) -> None:
        """Remove the application if its service was killed. Ray calls this periodically."""
        from ray import serve
        from ray.exceptions import ActorDiedError

        try:
            await self.tally.here.remote()
        except ActorDiedError:
            await asyncio.to_thread(serve.delete, self.name, _blocking=False)

    async def work(self, key: str, work: Work) -> AsyncIterator[Said]:
        """Do some work. A caller that leaves stops the work. If the work does not stop, the process is ended.

        Args:
            key: the same for each attempt.
        """
        tries = await self.tally.begin.remote(key)
        yield Begun()
        if tries > DEATHS:
            yield outcome(_Fatal(), lambda _: True)
            return
        loop, said = asyncio.get_running_loop(), asyncio.Queue[Said]()
        self.busy = going = True

        def tell(progress: Progress) -> bool:
            loop.call_soon_threadsafe(said.put_nowait, progress)
            return going

        thread = loop.run_in_executor(None, lambda: outcome(work, tell))
        thread.add_done_callback(lambda ended: said.put_nowait(ended.result()))
        try:
            while not isinstance(message := await said.get(), Done):
                yield message
            yield message
        finally:
            going = False
            if not thread.done():
                await asyncio.wait([thread], timeout=_GOES_ON)
            if not thread.done():
                os._exit(1)
            self.busy = False
            if resident() > self.most:
                loop.call_later(_LINGERS, self._end)

    def _end(self) -> None:
        if not self.busy:
            os._exit(0)


class _Fatal:
    """Replaces work that has killed too many replicas."""

    megapixels = 0.0

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002
        raise WorkerLost
