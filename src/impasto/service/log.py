"""One record for each request, for whoever runs the service. Neither keys nor queries nor names of files are in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Say: TypeAlias = Callable[[dict[str, Any]], None]
"""Called with a request's record: time, client, method, path, status, ms, bytes; and key, megapixels where known."""


def moment(seconds: float) -> str:
    """A time, in seconds since 1970, as RFC 3339 writes it."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log:
    """Tells of each request when it has ended. `scope["state"]` says whose key it was and how large its picture."""

    def __init__(self, app: ASGIApp, say: Say) -> None:
        self.app, self.say = app, say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        status, size = 0, 0  # 0: the client has left before there was an answer

        async def sending(message: Message) -> None:
            nonlocal status, size
            status = message.get("status", status)
            size += len(message.get("body", b""))
            await send(message)

        state = scope.setdefault("state", {})
        try:
            await self.app(scope, receive, sending)
        finally:
            record: dict[str, Any] = {
                "time": moment(time.time()),
                "client": (scope.get("client") or ("",))[0],
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round((time.perf_counter() - begun) * 1000, 1),
                "bytes": size,
            }
            self.say(record | {name: state[name] for name in ("key", "megapixels") if name in state})
