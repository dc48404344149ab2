"""Track the running requests, and end them when the service ends."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.service.hosts import Ending
from impasto.service.problems import problem

_RETRY = 5.0  # seconds until a load balancer has found another replica


class Requests:
    """Tracks the running requests. Streams of events do not count, because they end on their own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._running: set[asyncio.Task[object]] = set()
        self._awaited: set[asyncio.Task[object]] = set()
        self._idle = asyncio.Event()
        self._ending = self._cut = False

    def end(self) -> None:
        """From now on, close each connection with its answer."""
        self._ending = True
        self._awaited = set(self._running)
        if not self._awaited:
            self._idle.set()

    async def idle(self, seconds: float) -> None:
        """Wait for the requests that were running at `end`, up to a time in seconds. Then answer the rest with 503."""
        try:
            await asyncio.wait_for(self._idle.wait(), max(0.0, seconds))
        except asyncio.TimeoutError:
            self._cut = True
            for task in list(self._running):
                task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        task = asyncio.current_task()
        assert task is not None
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = list(message.get("headers", ()))
                if any(name.lower() == b"content-type" and b"event-stream" in value for name, value in headers):
                    self._done(task)
                if self._ending:
                    headers = [header for header in headers if header[0].lower() != b"connection"]
                    message = {**message, "headers": [*headers, (b"connection", b"close")]}
            await send(message)

        self._running.add(task)
        try:
            await self.app(scope, receive, sending)
        except asyncio.CancelledError:
            if not self._cut or started:
                raise
            await problem(Ending(_RETRY), scope["path"])(scope, receive, sending)
        finally:
            self._done(task)

    def _done(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        self._awaited.discard(task)
        if self._ending and not self._awaited:
            self._idle.set()
