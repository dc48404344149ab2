"""A replica of Ray Serve's that does one piece of work at a time, and what it says meanwhile."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from impasto.errors import ImpastoError, OutOfMemory
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.service.work import Answer, Work

_GOES_ON = 2.0  # seconds that work which is canceled may go on, before its process is ended
_LINGERS = 1.0  # seconds that a replica which holds too much stays, so that its answer is on its way
_PREVIEW_EVERY = 1.0  # seconds between two previews


@dataclass(frozen=True)
class Begun:
    """A replica has taken the work."""


@dataclass(frozen=True)
class Step:
    """Where the work stands, without what cannot travel; `picture` is the preview, made already."""

    progress: Progress
    picture: Picture | None

    def unpacked(self) -> Progress:
        picture = self.picture
        return self.progress if picture is None else replace(self.progress, preview=lambda: picture)


@dataclass(frozen=True)
class Done:
    """The work has ended.

    Attributes:
        answer: or, as its parts, the error that it has raised.
        replica: which one.
        memory: bytes that the replica holds.
    """

    answer: Answer | tuple[type[ImpastoError], tuple[Any, ...], dict[str, Any]]
    replica: str
    memory: int

    def unpacked(self) -> Answer:
        if isinstance(self.answer, Answer):
            return self.answer
        kind, words, facts = self.answer
        error = kind.__new__(kind, *words)
        error.__dict__.update(facts)
        raise error


Said: TypeAlias = "Begun | Step | Done"


class Painter:
    """What runs in each replica.

    Args:
        most: bytes; a replica that holds more after its work ends, and Ray starts another.
    """

    def __init__(self, most: int) -> None:
        self.most, self.busy = most, False

    async def work(self, work: Work) -> AsyncIterator[Said]:
        """Do some work. A caller that leaves stops it, and if it does not stop, ends this process."""
        loop, said = asyncio.get_running_loop(), asyncio.Queue[Said]()
        self.busy = going = True
        shown = time.monotonic()

        def tell(progress: Progress) -> bool:
            nonlocal shown
            now, picture = time.monotonic(), None
            if progress.preview is not None and now - shown >= _PREVIEW_EVERY:
                shown, picture = now, progress.preview()
            loop.call_soon_threadsafe(said.put_nowait, Step(replace(progress, preview=None), picture))
            return going

        yield Begun()
        thread = loop.run_in_executor(None, lambda: _outcome(work, tell))
        thread.add_done_callback(lambda ended: said.put_nowait(ended.result()))
        try:
            while not isinstance(message := await said.get(), Done):
                yield message
            yield message
        finally:
            going = False
            if not thread.done():
                await asyncio.wait([thread], timeout=_GOES_ON)
            if not thread.done():
                os._exit(1)
            self.busy = False
            if resident() > self.most:
                loop.call_later(_LINGERS, self._end)

    def _end(self) -> None:
        if not self.busy:
            os._exit(0)


def _outcome(work: Work, tell: Any) -> Done:
    try:
        answer: Any = work.run(tell)
    except MemoryError:
        answer = OutOfMemory("the picture takes more memory than there is", "a smaller size takes less")
    except ImpastoError as error:
        answer = error
    except Exception as error:  # noqa: BLE001  the replica lives on
        first = str(error).splitlines()[0][:200] if str(error) else ""
        message = f"this should not have happened: {type(error).__name__}: {first}"
        answer = ImpastoError(message, "please report it", code="unexpected")
    if isinstance(answer, ImpastoError):
        answer = (type(answer), answer.args, answer.__dict__)
    return Done(answer, f"{platform.node()} {os.getpid()}", resident())


def resident() -> int:
    """Bytes that this process holds; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
