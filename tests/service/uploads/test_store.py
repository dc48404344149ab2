"""What is kept of uploads, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from helpers import refused

from impasto.errors import ImpastoError
from impasto.service.hosts import Busy
from impasto.service.uploads.kept import Facts
from impasto.service.uploads.store import Stored, Uploads
from impasto.service.work import Upload

FACTS = Facts("photo", 10, 10)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def add(uploads: Uploads, data: bytes = b"x" * 100, owner: str = "") -> Stored:
    file = await uploads.file(Upload("p.jpg", data))
    return await uploads.add(owner, file, len(data), FACTS, b"canvas")


def with_uploads(body: Callable[[Uploads, Clock], Coroutine[Any, Any, None]], megabytes: int = 1) -> None:
    async def main() -> None:
        clock = Clock()
        uploads = Uploads(megabytes, 1, clock=clock)
        try:
            await body(uploads, clock)
        finally:
            await uploads.close()

    asyncio.run(main())


def test_what_nobody_asks_for_is_forgotten() -> None:
    async def body(uploads: Uploads, clock: Clock) -> None:
        one, other = await add(uploads), await add(uploads)
        clock.now = 50
        assert uploads.find(one.id, "") is one
        clock.now = 100
        uploads.find(one.id, "")
        with refused(ImpastoError, "no-such-upload"):
            uploads.find(other.id, "")

    with_uploads(body)


def test_files_go_with_their_upload() -> None:
    folders: list[Path] = []

    async def body(uploads: Uploads, clock: Clock) -> None:
        one = await add(uploads)
        files = [one.file.path, *(canvas.path for canvas in one.canvases.values())]
        assert all(file.is_file() for file in files)
        assert one.file.path.stat().st_mode & 0o077 == 0 or one.file.path.parent.stat().st_mode & 0o077 == 0
        uploads.remove(one)
        assert not any(file.exists() for file in files)
        folders.append((await add(uploads)).file.path.parent)

    with_uploads(body)
    assert not folders[0].exists()


def test_the_least_used_makes_room() -> None:
    async def body(uploads: Uploads, clock: Clock) -> None:
        first = await add(uploads, b"x" * 400_000)
        clock.now = 10
        second = await add(uploads, b"x" * 400_000)
        clock.now = 20
        uploads.find(first.id, "")
        clock.now = 30
        await add(uploads, b"x" * 400_000)
        assert uploads.find(first.id, "") is first
        with refused(ImpastoError, "no-such-upload"):
            uploads.find(second.id, "")

    with_uploads(body)


def test_what_has_just_been_used_stays() -> None:
    async def body(uploads: Uploads, clock: Clock) -> None:
        one = await add(uploads, b"x" * 700_000)
        with pytest.raises(Busy):
            await add(uploads, b"x" * 700_000)
        assert uploads.find(one.id, "") is one

    with_uploads(body)


def test_a_clips_frames_are_bounded() -> None:
    async def body(uploads: Uploads, clock: Clock) -> None:
        one = await add(uploads)
        for second in range(1, 100):
            await uploads.keep_canvas(one, float(second), b"frame")
        assert 0.0 in one.canvases
        assert 99.0 in one.canvases
        assert len(one.canvases) <= 40
        size = one.size
        uploads.remove(one)
        assert size == 100 + len(b"canvas") + 39 * len(b"frame")

    with_uploads(body)


def test_what_is_needed_for_a_job_stays_until_it_ends() -> None:
    async def body(uploads: Uploads, clock: Clock) -> None:
        running = True

        async def goes_on() -> bool:
            return running

        one, other = await add(uploads, b"x" * 500_000), await add(uploads)
        uploads.hold([one.id, "no-such"], goes_on)
        clock.now = 1000
        await uploads.sweep()
        assert uploads.find(one.id, "") is one
        with refused(ImpastoError, "no-such-upload"):
            uploads.find(other.id, "")
        clock.now = 2000
        with pytest.raises(Busy):  # it does not make room either
            await add(uploads, b"x" * 600_000)
        assert one.file.path.exists()
        running = False
        await uploads.sweep()
        assert uploads.find(one.id, "") is one  # from now on, time counts
        clock.now = 3000
        await uploads.sweep()
        assert not one.file.path.exists()

    with_uploads(body)
