"""Keep a connection open briefly after an early answer, so that the client receives it."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PATIENCE = 5.0  # seconds


class Linger:
    """Reads on for a while if a request is refused before its end, and then closes the connection.

    Closing a connection with unread bytes resets it, so the client might never see the refusal.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not has_body(scope):
            await self.app(scope, receive, send)
            return
        more = True

        async def reading() -> Message:
            nonlocal more
            message = await receive()
            more = bool(message.get("more_body"))  # False, too, if the client has left
            return message

        async def sending(message: Message) -> None:
            if more and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            if more and message["type"] == "http.response.body" and not message.get("more_body"):
                await send({**message, "more_body": True})
                message = {"type": "http.response.body"}
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(_to_the_end(), _PATIENCE)
            await send(message)

        async def _to_the_end() -> None:
            while more:
                await reading()

        await self.app(scope, reading, sending)


def has_body(scope: Scope) -> bool:
    """Return True if a request announces a body."""
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
