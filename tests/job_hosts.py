"""Hosts that work in threads of this process, and dieable ones."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from impasto.progress import Progress
from impasto.service.work import Answer, Tell, Work


class ThreadHosts:
    """Do work in threads; what goes in and comes out is pickled, as between processes."""

    def __init__(self, workers: int = 1) -> None:
        self.workers, self.started, self.closed = workers, False, False

    async def start(self) -> None:
        self.started = True

    async def run(self, work: Work, seconds: float, on_progress: Callable[[Progress], None] | None = None) -> Answer:
        loop, going = asyncio.get_running_loop(), threading.Event()
        going.set()

        def tell(now: Progress) -> bool:
            sent = pickle.loads(pickle.dumps(now))
            if on_progress is not None:
                loop.call_soon_threadsafe(on_progress, sent)
            return going.is_set()

        def do() -> Answer:
            return pickle.loads(pickle.dumps(work)).run(tell)

        try:
            return await asyncio.wait_for(asyncio.to_thread(do), seconds)
        finally:
            going.clear()

    def ready(self) -> bool:
        return True

    def memory(self) -> int:
        return 0

    def free_memory(self) -> int | None:
        return None

    async def close(self, grace: float) -> None:
        self.closed = True


GATES: dict[str, threading.Event] = {}
BEGUN: dict[str, list[str]] = {}


@dataclass(frozen=True)
class GateWork:
    """Begins, waits until its gate is open or it is to end, and answers with its name."""

    name: str
    megapixels: float = 0.0
    facts: dict[str, object] = field(default_factory=dict)

    def run(self, tell: Tell) -> Answer:
        BEGUN.setdefault(self.name, []).append(self.name)
        gate, step = GATES.setdefault(self.name, threading.Event()), 0
        while not gate.wait(0.01):
            step += 1
            if not tell(Progress(step, 1000, step / 1000, "waits", {"total": 1 / step})):
                return Answer(b"ended early", "text/plain")
        return Answer(f"{self.name} done".encode(), "text/plain", self.facts)
