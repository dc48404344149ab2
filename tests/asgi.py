"""Ask an ASGI application without a server, and an application to ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Said(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


def request(path: str = "/", method: str = "GET", client: str = "192.0.2.9", **headers: str) -> Scope:
    """A request's scope; _ in the names of headers stands for -."""
    given = {"host": "localhost:8080"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items() if value],
        "client": (client, 4711),
        "state": {},
    }


async def asked(app: ASGIApp, scope: Scope, parts: Sequence[bytes] = (b"",)) -> Said:
    """The answer to a request whose body comes in parts."""
    coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    coming[-1]["more_body"] = False
    sent: list[Message] = []

    async def receive() -> Message:
        if not coming:  # the client waits for the answer
            await asyncio.Event().wait()
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    assert start["type"] == "http.response.start"
    headers: dict[str, str] = {}  # those that come twice: a line for each
    for name, value in start["headers"]:
        headers[name.decode()] = "\n".join([*headers.get(name.decode(), "").splitlines(), value.decode()])
    return Said(start["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))


def ask(app: ASGIApp, path: str = "/", method: str = "GET", parts: Sequence[bytes] = (b"",), **headers: str) -> Said:
    """As `asked`, from a test that is no coroutine."""
    return asyncio.run(asked(app, request(path, method, **headers), parts))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what was sent; the path /deaf answers without having read it."""
    got: Any = b"" if scope["path"] == "/deaf" else await Request(scope, receive).body()
    await PlainTextResponse(got)(scope, receive, send)
