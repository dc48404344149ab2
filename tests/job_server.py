"""A service with jobs alone, in a thread: a real server on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette

try:
    import httpx2 as httpx
except ImportError:  # what older versions of the package openai bring
    import httpx  # type: ignore[no-redef]

from helpers import wait_until
from services import ThreadHosts

from impasto.service.app import make_app
from impasto.service.config import ServiceConfig
from impasto.service.jobs.jobs import Jobs
from impasto.service.service import Service


class Server:
    """What a client sees of it, and a way in."""

    def __init__(self, url: str, service: Service) -> None:
        self.client = httpx.Client(base_url=url, timeout=30)
        self.service = service
        self.loop: asyncio.AbstractEventLoop | None = None

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=_headers(headers))

    def delete(self, path: str, **headers: str) -> httpx.Response:
        return self.client.delete(path, headers=_headers(headers))

    def post(
        self, path: str, values: dict[str, str], *, key: str = "", idempotency: str = "", **files: Any
    ) -> httpx.Response:
        headers = _headers({"key": key, "idempotency": idempotency})
        return self.client.post(path, data=values, files=files or None, headers=headers)

    def post_files(self, path: str, values: dict[str, str], files: list[Any]) -> httpx.Response:
        return self.client.post(path, data=values, files=files)

    def stream(self, path: str, **headers: str) -> Iterator[dict[str, Any]]:
        """Events as they come."""
        with self.client.stream("GET", path, headers=_headers(headers)) as answer:
            assert answer.status_code == 200
            found: dict[str, Any] = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "data":
                    found["data"] = json.loads(value)
                elif name in ("event", "id"):
                    found[name] = value
                elif not line and "data" in found:
                    yield found
                    found = {}

    def events(self, path: str) -> list[dict[str, Any]]:
        return list(self.stream(path))

    def run(self, body: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Have something done in the service's loop, and wait for it."""
        assert self.loop is not None
        asyncio.run_coroutine_threadsafe(body(), self.loop).result(30)

    def call(self, body: Callable[[Jobs], object]) -> None:
        assert self.loop is not None
        assert self.service.jobs is not None
        self.loop.call_soon_threadsafe(body, self.service.jobs)


def _headers(said: dict[str, str]) -> dict[str, str]:
    names = {"key": "X-Key", "idempotency": "Idempotency-Key", "last": "Last-Event-ID"}
    return {names[name]: value for name, value in said.items() if value}


@contextlib.contextmanager
def served(*, hosts: Any = None, **config: Any) -> Iterator[Server]:
    """A running service; `key` of a request is whose it is."""
    settings = ServiceConfig(**config)
    service = Service.of(ThreadHosts(1), settings)
    service.at_home = True
    service.jobs = Jobs(service, hosts or ThreadHosts(1), lease=5)
    found = Server("http://127.0.0.1", service)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        assert service.jobs is not None
        found.loop = asyncio.get_running_loop()
        await service.jobs.start()
        yield
        await service.jobs.close(0)

    app = make_app(service)
    app.router.lifespan_context = lifespan

    async def keyed(scope: Any, receive: Any, send: Any) -> None:
        for name, value in scope.get("headers", ()):
            if name == b"x-key":
                scope.setdefault("state", {})["key"] = value.decode()
        await app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(keyed, port=0, log_level="warning", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive())
    port = server.servers[0].sockets[0].getsockname()[1]
    found.client.base_url = httpx.URL(f"http://127.0.0.1:{port}")
    try:
        yield found
    finally:
        found.client.close()
        server.should_exit = True
        thread.join(30)
