"""Log one record for each request. It contains no keys, no queries and no names of files."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeAlias

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Say: TypeAlias = Callable[[dict[str, Any]], None]
"""Called with the record of a request: time, client, method, path, status, ms, bytes; and key, megapixels if known."""


def moment(seconds: float) -> str:
    """Format a time, in seconds since 1970, as in RFC 3339."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log:
    """Reports each request when it has ended. `scope["state"]` has the name of its key and the size of its picture."""

    def __init__(self, app: ASGIApp, say: Say) -> None:
        self.app, self.say = app, say

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        status, size = 0, 0  # 0: the client disconnected before the answer

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
