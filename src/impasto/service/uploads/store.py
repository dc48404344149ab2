"""Store the uploads of a service in a private temporary folder, with limits. Unused uploads are deleted."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TypeAlias

from impasto.errors import ImpastoError, write_fault
from impasto.service.hosts import Busy
from impasto.service.jobs.folders import PrivateFolder
from impasto.service.uploads.kept import Facts, Kept
from impasto.service.work import Upload

Holder: TypeAlias = Callable[[], Awaitable[bool]]
"""Returns True if an upload is still needed."""

MOST = 10_000
"""Largest number of uploads, however small they are."""
_SWEEP = 30.0  # seconds between deletions of unused uploads
_FRAMES = 40  # frames of a clip whose reduced pictures are kept
_ENDINGS = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".3gp"}


@dataclass(eq=False)
class Stored:
    """An upload.

    Attributes:
        owner: name of the key that sent it; "" without keys.
        canvases: {second: the reduced picture}. A photo's is that of 0.
        used: time of its last use, by the monotonic clock.
        holders: functions that tell whether it is still needed.
    """

    id: str
    owner: str
    name: str
    file: Kept
    bytes: int
    facts: Facts
    canvases: dict[float, Kept] = field(default_factory=dict)
    used: float = 0.0
    size: int = 0
    holders: list[Holder] = field(default_factory=list)


class Uploads:
    """Stores files until they are unused for a while. Only the event loop's thread may call this.

    Args:
        megabytes: largest size of all files, including the reduced pictures.
        minutes: time without use after which a file is deleted.
        inline: True to send the bytes to workers on other machines, which cannot read the folder.
    """

    def __init__(
        self, megabytes: int, minutes: float, *, inline: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._idle, self._inline, self._clock = megabytes * 1_000_000, minutes * 60, inline, clock
        self._folder: PrivateFolder | None = None
        self._kept: dict[str, Stored] = {}
        self._bytes = 0
        self._sweeping: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    async def file(self, upload: Upload) -> Kept:
        """Write a file to the folder. Call `add` or `drop` afterwards.

        Raises:
            Busy: there is no room, even without the unused files.
        """
        self._make_room(len(upload.data))
        return await self._written(upload.name, upload.data)

    async def add(self, owner: str, file: Kept, size: int, facts: Facts, canvas: bytes) -> Stored:
        """Add a file that was examined, with its reduced picture.

        Raises:
            Busy: there is no room.
        """
        one = Stored(secrets.token_urlsafe(18), owner, file.name, file, size, facts, used=self._clock(), size=size)
        self._bytes += size
        self._kept[one.id] = one
        if self._sweeping is None or self._sweeping.done():
            self._sweeping = asyncio.create_task(self._sweep())
        await self.keep_canvas(one, 0.0, canvas)
        return one

    async def keep_canvas(self, one: Stored, second: float, canvas: bytes) -> Kept:
        """Store a reduced picture of an upload.

        Raises:
            Busy: there is no room.
        """
        self._make_room(len(canvas))
        kept = await self._written("canvas", canvas)
        while len(one.canvases) >= _FRAMES:
            oldest = next(second for second in one.canvases if second)
            self._forget_canvas(one, oldest)
        if second in one.canvases or one.id not in self._kept:  # another request was faster, or the upload was removed
            self.drop(kept)
            return one.canvases.get(second, kept)
        one.canvases[second] = kept
        one.size += len(canvas)
        self._bytes += len(canvas)
        return kept

    def find(self, name: str, owner: str) -> Stored:
        """Return the upload with an id. This counts as a use.

        Raises:
            ImpastoError: it does not exist, belongs to another key, or was deleted.
        """
        one = self._kept.get(name)
        if one is None or one.owner != owner or self._is_over(one):
            hint = "it may have been deleted; send it again"
            raise ImpastoError("no upload has this id", hint, code="no-such-upload")
        one.used = self._clock()
        return one

    def hold(self, names: Iterable[str], holder: Holder) -> None:
        """Keep uploads while they are needed. A page that shows a clip being painted sends no other requests."""
        for name in names:
            if name in self._kept:
                self._kept[name].holders.append(holder)

    def expires_in(self, one: Stored) -> float:
        """Return the seconds after which an upload is deleted if it is not used."""
        return max(0.0, self._idle - (self._clock() - one.used))

    def remove(self, one: Stored) -> None:
        """Delete an upload."""
        if self._kept.pop(one.id, None) is not None:
            self._bytes -= one.size
            for file in (one.file, *one.canvases.values()):
                self.drop(file)

    def drop(self, file: Kept) -> None:
        """Delete a file."""
        with suppress(OSError):
            file.path.unlink(missing_ok=True)

    async def close(self) -> None:
        """Delete everything."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        self._kept.clear()
        self._bytes = 0
        if self._folder is not None:
            await asyncio.to_thread(self._folder.remove)
            self._folder = None

    def _is_over(self, one: Stored) -> bool:
        return not one.holders and self._clock() - one.used > self._idle

    def _make_room(self, size: int) -> None:
        """Delete the least recently used uploads until a new one of this size fits."""
        by_use = sorted((one for one in self._kept.values() if not one.holders), key=lambda one: one.used)
        for one in by_use:
            if not (self._is_over(one) or self._bytes + size > self._most or len(self._kept) >= MOST):
                break
            if self._clock() - one.used < self._idle / 10 and not self._is_over(one):
                break
            self.remove(one)
        if self._bytes + size > self._most:
            raise Busy("there is no room for more uploads", 60, "try again later, or send a smaller file")

    async def _written(self, name: str, data: bytes) -> Kept:
        if self._folder is None:
            self._folder = PrivateFolder()
        path = self._folder.path / f"{secrets.token_hex(12)}{_ending(name)}"

        def write() -> str:
            path.write_bytes(data)
            return hashlib.blake2b(data, digest_size=16).hexdigest()

        try:
            digest = await asyncio.to_thread(write)
        except OSError as error:
            message = f"cannot store the upload: {error.strerror or error}"
            raise ImpastoError(message, "try again later", code=write_fault(error)) from error
        return Kept(name, digest, path, data if self._inline else None)

    def _forget_canvas(self, one: Stored, second: float) -> None:
        kept = one.canvases.pop(second)
        with suppress(OSError):
            size = kept.path.stat().st_size
            one.size -= size
            self._bytes -= size
        self.drop(kept)

    async def _sweep(self) -> None:
        while self._kept:
            await asyncio.sleep(_SWEEP)
            await self.sweep()

    async def sweep(self) -> None:
        """Delete uploads that are unused for a while and not needed."""
        for one in list(self._kept.values()):
            if one.holders:
                one.used = self._clock()
                one.holders = [holder for holder in one.holders if await holder()]
            if self._is_over(one):
                self.remove(one)


def _ending(name: str) -> str:
    """Return a known suffix of the sender's name, for the decoder; nothing else of the name is used."""
    ending = PurePath(name).suffix.lower()
    return ending if ending in _ENDINGS else ""
