"""Cancel work for clients that disconnect before they get an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")


class Left(Exception):
    """The client has closed its connection."""


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of some work. Cancel the work if the client disconnects.

    The request's body must have been read.

    Raises:
        Left: the client has disconnected.
    """
    task, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait([task, leaving], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Left
    finally:
        for one in (task, leaving):
            one.cancel()
        await asyncio.gather(task, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
