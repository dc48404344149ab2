"""Send the state of a job as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

The events are read from the store, so that any replica can send them. Each event contains the whole state, so a client
that was disconnected misses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from impasto.service.jobs.queue import Queue
from impasto.service.jobs.store import Job, StoreFault

LOG = logging.getLogger("impasto.service")
LOOK = 0.25
"""Seconds between two reads of the store."""
QUIET = 15.0
"""Seconds without news after which a comment keeps the connection open."""
RETRY = 2000
"""Milliseconds after which a disconnected client reconnects."""
END = "end"
"""The id of the last event. A client that reconnects with it learns that there are no more."""


async def events(
    queue: Queue,
    job: Job,
    shown: Callable[[Job], dict[str, Any]],
    *,
    last: str = "",
    ending: Callable[[], bool] = lambda: False,
    quiet: float = QUIET,
) -> AsyncIterator[bytes]:
    """Yield the events of a job from now to its end.

    Args:
        shown: returns the job as clients see it.
        last: id of the last event that the client received. This event is not repeated.
        ending: returns True if the service is shutting down. The client then reconnects to another one.
    """
    yield f"retry: {RETRY}\n\n".encode()
    loop = asyncio.get_running_loop()
    seen, said = last, loop.time()
    while not ending():
        try:
            found = await queue.get(job.id, job.owner)
        except StoreFault as error:
            LOG.warning("a job's events wait: %s", error)
            await asyncio.sleep(1)
            continue
        if found is None:
            yield _event("canceled", END, shown(job) | {"state": "canceled"})
            return
        if found.over:
            yield _event(found.state, END, shown(found))
            return
        place = await _place(queue, found)
        number = str(found.version) if place is None else f"{found.version}-{place}"
        if number != seen:
            yield _event("progress", number, shown(found) | ({} if place is None else {"place": place}))
            seen, said = number, loop.time()
        elif loop.time() - said >= quiet:
            yield b": it goes on\n\n"
            said = loop.time()
        await asyncio.sleep(LOOK)


async def _place(queue: Queue, job: Job) -> int | None:
    with contextlib.suppress(StoreFault):
        return await queue.place(job)
    return None


def _event(name: str, number: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\nid: {number}\ndata: {json.dumps(data)}\n\n".encode()
