"""Talk to a worker process from the process that started it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import pickle
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from impasto.service.messages import LENGTH, framed

_PIECE = 1 << 20  # bytes that are written or read at once
_UNBOUNDED = 1 << 40  # a limit would stop the reading, and hide that the process has ended


class Died(Exception):
    """The process has ended."""


class Connection:
    """A process, and the frames to and from it. A task that waits in `say` or `hear` may be canceled.

    Attributes:
        size: memory of the process in bytes when it was ready.
        begun: True if it has begun with its current work.
        whole: True if the last message was written completely.
        wanted: True until the process should end.
        gone: set when the process has ended.
        leaving: set when its seat needs another process.
        retired: True if it should end as soon as it is free.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.size, self.begun, self.whole, self.wanted, self.retired = 0, False, True, True, False
        self.gone, self.leaving = asyncio.Event(), asyncio.Event()
        self._missing: int | None = None
        self._pieces: list[bytes] = []
        self._watching = asyncio.create_task(self._watch())

    @classmethod
    async def to(cls, command: Sequence[str], environment: Mapping[str, str]) -> Connection:
        """Start a process.

        Raises:
            OSError: the system cannot start it.
        """
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, env=dict(environment), limit=_UNBOUNDED
        )
        return cls(process)

    async def say(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Write the pieces of a message. Raise Died if the process no longer listens."""
        pipe = self.process.stdin
        assert pipe is not None
        self.whole = False
        try:
            for piece in framed(pieces):
                for start in range(0, len(piece), _PIECE):
                    pipe.write(memoryview(piece)[start : start + _PIECE])
                    await pipe.drain()
        except (ConnectionError, RuntimeError):
            await self._die()
        self.whole = True

    async def hear(self) -> Any:
        """Return the next message. Raise Died if there are no more."""
        pipe = self.process.stdout
        assert pipe is not None
        try:
            if self._missing is None:
                (self._missing,) = LENGTH.unpack(await pipe.readexactly(LENGTH.size))
            while self._missing:
                piece = await pipe.read(min(_PIECE, self._missing))
                if not piece:
                    await self._die()
                self._pieces.append(piece)
                self._missing -= len(piece)
        except (asyncio.IncompleteReadError, ConnectionError):
            await self._die()
        if sum(map(len, self._pieces)) > _PIECE:
            message = await asyncio.to_thread(_unpacked, self._pieces)
        else:
            message = pickle.loads(b"".join(self._pieces))  # noqa: S301  our own process has written it
        self._missing, self._pieces = None, []
        return message

    def kill(self) -> None:
        """Kill the process at once."""
        self.wanted = False
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def end(self) -> None:
        """Kill the process, and wait until it has ended."""
        self.kill()
        await self._watching

    def when_gone(self, call: Callable[[Connection], None]) -> None:
        """Call a function when the process has ended."""
        self._watching.add_done_callback(lambda _: call(self))

    async def _die(self) -> NoReturn:
        """End a process that has closed a pipe, as an ending process does."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await asyncio.shield(self._watching)
        raise Died(f"it has ended with {self.process.returncode}")

    async def _watch(self) -> None:
        await self.process.wait()
        self.gone.set()
        self.leaving.set()


class _Pieces(io.RawIOBase):
    """Reads pieces of bytes one after the other, so that no step blocks the event loop for long."""

    def __init__(self, pieces: Sequence[bytes | memoryview]) -> None:
        self._left = deque(memoryview(piece) for piece in pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if not self._left:
            return 0
        count = min(len(target), len(self._left[0]))
        target[:count] = self._left[0][:count]
        self._left[0] = self._left[0][count:]
        if not self._left[0]:
            self._left.popleft()
        return count


def _unpacked(pieces: Sequence[bytes | memoryview]) -> Any:
    return pickle.load(io.BufferedReader(_Pieces(pieces)))  # noqa: S301  our own process has written it
