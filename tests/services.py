"""A running service for tests: a real server on a port of its own, with hosts of the test's choice."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from helpers import wait_until

from impasto.progress import Progress
from impasto.service.app import make_app
from impasto.service.config import ServiceConfig
from impasto.service.hosts import Hosts
from impasto.service.service import Service
from impasto.service.work import Answer, Work


@dataclass
class ThreadHosts:
    """Hosts that work in threads of this process; what goes in and comes out is pickled, as between processes.

    Attributes:
        before: called with each work before it is done, in its thread.
        done: all works that have ended.
        free: bytes that work may take.
    """

    workers: int = 2
    before: Callable[[Work], None] = lambda _: None
    done: list[Work] = field(default_factory=list)
    up: bool = True
    free: int | None = None
    started: bool = False
    closed: bool = False
    shares_files: bool = True

    async def start(self) -> None:
        self.started = True

    async def run(self, work: Work, seconds: float, on_progress: Callable[[Progress], object] | None = None) -> Answer:
        loop, left = asyncio.get_running_loop(), threading.Event()

        def tell(now: Progress) -> bool:
            if on_progress is not None:
                loop.call_soon_threadsafe(hear, pickle.loads(pickle.dumps(now)))
            return not left.is_set()

        def hear(now: Progress) -> None:
            if on_progress is not None and on_progress(now) is False:
                left.set()

        def do() -> Answer:
            self.before(work)
            return pickle.loads(pickle.dumps(work)).run(tell)

        try:
            answer = await asyncio.wait_for(asyncio.to_thread(do), seconds)
        finally:
            left.set()
        self.done.append(work)
        return answer

    def ready(self) -> bool:
        return self.up

    def memory(self) -> int:
        return 0

    def free_memory(self) -> int | None:
        return self.free

    async def close(self, grace: float) -> None:
        self.closed = True


@dataclass
class Running:
    """A service that answers.

    Attributes:
        url: without a slash at its end.
    """

    url: str
    service: Service
    hosts: Any
    loop: asyncio.AbstractEventLoop


@contextmanager
def running(hosts: Hosts, config: ServiceConfig | None = None) -> Iterator[Running]:
    """Serve, in a thread, until the end of the block."""
    ready, found = threading.Event(), dict[str, Any]()

    async def serve() -> None:
        await hosts.start()
        service = Service.of(hosts, config or ServiceConfig())
        server = uvicorn.Server(uvicorn.Config(make_app(service), port=0, log_level="error", lifespan="off"))
        found.update(server=server, service=service, loop=asyncio.get_running_loop())
        ready.set()
        await server.serve()
        await hosts.close(0)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(60)
    server = found["server"]
    wait_until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(f"http://127.0.0.1:{port}", found["service"], hosts, found["loop"])
    finally:
        server.should_exit = True
        thread.join(30)
