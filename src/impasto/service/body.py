"""Limit how much a request may send, how slowly, and how much all requests together may hold."""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.errors import ImpastoError
from impasto.service.hosts import Busy
from impasto.service.problems import problem

_ENVELOPE = 1_000_000  # bytes that a form may have besides its files
_PATIENCE = 10.0  # seconds that a client may take, in addition to the time for its bytes
_BYTES_A_SECOND = 4000.0  # slowest accepted rate of a connection
_RETRY = 2.0  # seconds; requests end about as often as pictures do


class Body:
    """Limits the bodies of requests.

    Args:
        most: largest size of a request's files in bytes.
        held: largest size in bytes of all requests without an answer yet.
        patience: seconds that a client may take, plus one second for each 4,000 bytes.
    """

    def __init__(self, app: ASGIApp, most: int, held: int, patience: float = _PATIENCE) -> None:
        self.app, self.most, self.most_held, self.patience = app, most, held, patience
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reading = _Reading(self, receive, send)
        length = Headers(scope=scope).get("content-length", "")
        try:
            if length.isdecimal():
                self.check(0, int(length))
            await self.app(scope, reading.receive, reading.send)
        except Exception as error:
            if isinstance(error, ImpastoError) and reading.refusal is None:
                reading.refusal = error
            if reading.refusal is None:
                raise
        finally:
            self.held -= reading.bytes
        if reading.refusal and not reading.started:
            await problem(reading.refusal, scope["path"])(scope, receive, send)

    def check(self, before: int, more: int) -> None:
        """Check that there is room for more bytes of a request.

        Raises:
            ImpastoError: the request is too large.
            Busy: all requests together are too large.
        """
        if before + more > self.most + _ENVELOPE:
            raise ImpastoError(
                f"the request is larger than {self.most / 1e6:g} MB",
                "send a smaller file; the operator of the service can raise --max-upload",
                code="too-large",
            )
        if self.held + more > self.most_held:
            raise Busy("too many uploads at once", _RETRY, "try again later")


class _Reading:
    """The body of one request while it arrives. It also notes whether the answer has begun."""

    def __init__(self, limits: Body, receive: Receive, send: Send) -> None:
        self._limits, self._receive, self._send = limits, receive, send
        self.bytes, self.waited = 0, 0.0
        self.whole = self.started = False
        self.refusal: ImpastoError | None = None

    async def receive(self) -> Message:
        if self.refusal:
            raise self.refusal
        if self.whole:
            return await self._receive()
        try:
            message = await self._in_time()
            more = len(message.get("body", b""))
            self._limits.check(self.bytes, more)
        except ImpastoError as error:
            self.refusal = error
            raise
        self.bytes += more
        self._limits.held += more
        self.whole = not message.get("more_body")
        return message

    async def _in_time(self) -> Message:
        """Return the next part. Only time spent here, waiting for the client, counts."""
        begun = time.monotonic()
        left = self._limits.patience + self.bytes / _BYTES_A_SECOND - self.waited
        try:
            return await asyncio.wait_for(self._receive(), max(0.0, left))
        except asyncio.TimeoutError:
            raise ImpastoError(
                "the request arrives too slowly", "use a faster connection, or send a smaller file", code="slow-request"
            ) from None
        finally:
            self.waited += time.monotonic() - begun

    async def send(self, message: Message) -> None:
        """Pass the answer on. After a refusal, drop the application's answer, because the refusal is sent."""
        if self.refusal and not self.started:
            return
        self.started = True
        await self._send(message)
