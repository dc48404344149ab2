"""Cache results, and share paintings between clients that wait for the same one."""

from __future__ import annotations

import asyncio
import functools
from collections import OrderedDict
from dataclasses import dataclass, replace

from impasto.service.load import Load
from impasto.service.work import Answer, Work


@dataclass
class _Shared:
    task: asyncio.Task[Answer]
    waiting: int = 0


class Results:
    """Has each piece of work done only once, even if several clients ask at the same time, and caches recent answers.

    Args:
        megabytes: largest size of the cached answers.
    """

    def __init__(self, load: Load, megabytes: int) -> None:
        self.load, self.most = load, megabytes * 1_000_000
        self.hits = 0
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[str, _Shared] = {}

    def kept(self, key: str) -> Answer | None:
        """Return a cached answer."""
        answer = self._kept.get(key)
        if answer is not None:
            self._kept.move_to_end(key)
        return answer

    async def of(self, work: Work, key: str) -> Answer:
        """Return the answer for a key. The work is canceled when the last client that waits for it has left.

        Raises:
            ImpastoError: as for `Load.run`.
        """
        answer = self.kept(key)
        if answer is not None:
            self.hits += 1
            return answer
        shared = self._under_way.get(key)
        if shared is None:
            shared = self._under_way[key] = _Shared(asyncio.create_task(self._done(work, key)))
            shared.task.add_done_callback(functools.partial(self._ended, key))
        else:
            self.hits += 1
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.task.done():
                self._under_way.pop(key, None)
                shared.task.cancel()
            del shared  # it holds the task, whose error holds this frame

    async def _done(self, work: Work, key: str) -> Answer:
        answer = await self.load.run(work)
        self._keep(key, answer)
        return answer

    def _ended(self, key: str, task: asyncio.Task[Answer]) -> None:
        """Forget a task. The task cannot do this itself: its error would keep both the task and the photo in memory."""
        shared = self._under_way.get(key)
        if shared is not None and shared.task is task:
            del self._under_way[key]

    def _keep(self, key: str, answer: Answer) -> None:
        if len(answer.data) > self.most / 4:
            return
        answer = replace(answer, facts={**answer.facts, "seconds": {"cache": 0.0}})  # it took time only once
        if key not in self._kept:
            self._bytes += len(answer.data)
        self._kept[key] = answer
        while self._bytes > self.most:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.data)
