"""A process that does work, as the one that has started it sees it."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

from impasto.service.messages import LENGTH, packed

_PIECE = 1 << 20  # bytes that are read at once
_LARGE = 1 << 20  # bytes of a message above which it is not unpacked in the event loop


class Died(Exception):
    """The process has ended."""


class Connection:
    """A process, and the frames to and from it.

    Attributes:
        gone: set once it has died.
        outlived: set once it is to be replaced.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.gone, self.outlived = asyncio.Event(), asyncio.Event()
        self._watching = asyncio.create_task(self._watch())

    @classmethod
    async def to(cls, command: Sequence[str], environment: Mapping[str, str]) -> Connection:
        """Start a process.

        Raises:
            OSError: the system does not.
        """
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, env=dict(environment), limit=_PIECE
        )
        return cls(process)

    async def say(self, message: object) -> None:
        """Raises Died if the process does not listen any more."""
        data = await asyncio.to_thread(packed, message)
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(LENGTH.pack(len(data)))
            self.process.stdin.write(data)
            await self.process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise Died(f"it has ended with {self.process.returncode}") from error

    async def hear(self) -> Any:
        """The next message. Raises Died if there is none any more."""
        assert self.process.stdout is not None
        try:
            (length,) = LENGTH.unpack(await self.process.stdout.readexactly(LENGTH.size))
            data = await self.process.stdout.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Died(f"it has ended with {self.process.returncode}") from error
        if length > _LARGE:
            return await asyncio.to_thread(pickle.loads, data)
        return pickle.loads(data)  # noqa: S301  our own process has written it

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def end(self) -> None:
        """End it, and wait until it has."""
        self.kill()
        await self.process.wait()
        await self._watching

    async def _watch(self) -> None:
        await self.process.wait()
        self.gone.set()
