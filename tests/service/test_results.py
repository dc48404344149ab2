"""Results that are kept, and work that several wait for."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from impasto.errors import UsageError
from impasto.service.results import Results
from impasto.service.work import Answer

WORK: Any = None


class Gate:
    """Does work once it is opened.

    Attributes:
        begun, cancelled: how often.
        error: what the work raises.
    """

    def __init__(self, size: int = 10) -> None:
        self.size, self.begun, self.cancelled = size, 0, 0
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def run(self, _work: object) -> Answer:
        self.begun += 1
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error:
            raise self.error
        return Answer(bytes(self.size), "image/png", {"seconds": {"paint": 1.0}})


def in_loop(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 30))  # type: ignore[arg-type]


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def results(gate: Gate, megabytes: int = 1) -> Results:
    return Results(gate, megabytes)  # type: ignore[arg-type]


def test_work_goes_on_while_somebody_waits_for_it() -> None:
    async def body() -> None:
        gate = Gate()
        found = results(gate)
        first, second = (asyncio.create_task(found.of(WORK, "a")) for _ in range(2))
        await settled()
        first.cancel()
        await settled()
        third = asyncio.create_task(found.of(WORK, "a"))
        await settled()
        second.cancel()
        await settled()
        assert (gate.begun, gate.cancelled) == (1, 0)
        gate.open.set()
        assert (await third).data == bytes(10)

    in_loop(body)


def test_the_last_to_leave_takes_the_work_along() -> None:
    async def body() -> None:
        gate = Gate()
        found = results(gate)
        waiting = [asyncio.create_task(found.of(WORK, "a")) for _ in range(2)]
        await settled()
        for one in waiting:
            one.cancel()
        await settled()
        assert (gate.begun, gate.cancelled) == (1, 1)
        again = asyncio.create_task(found.of(WORK, "a"))  # nobody is given what was cancelled
        await settled()
        gate.open.set()
        assert (await again).data == bytes(10)
        assert gate.begun == 2

    in_loop(body)


def test_errors_reach_all_and_are_not_kept() -> None:
    async def body() -> None:
        gate = Gate()
        found = results(gate)
        gate.error = UsageError("no", code="conflict")
        gate.open.set()
        both = await asyncio.gather(*(found.of(WORK, "a") for _ in range(2)), return_exceptions=True)
        assert both == [gate.error] * 2
        gate.error = None
        assert (await found.of(WORK, "a")).data == bytes(10)
        assert gate.begun == 2

    in_loop(body)


class Photo:
    """Stands for work and the photo in it."""


class Refuses(Gate):
    async def run(self, _work: object) -> Answer:
        await self.open.wait()
        raise UsageError("no", code="conflict")


@pytest.mark.parametrize("leaves", [False, True])
def test_work_that_fails_or_is_left_is_freed_at_once(leaves: bool) -> None:
    async def body() -> None:
        gate = Refuses()
        found = results(gate)
        work = Photo()
        known = weakref.ref(work)
        asked = asyncio.create_task(found.of(work, "a"))  # type: ignore[arg-type]
        del work
        await settled()
        if leaves:
            asked.cancel()
        else:
            gate.open.set()
        await asyncio.gather(asked, return_exceptions=True)
        del asked
        await settled()
        assert known() is None

    gc.disable()  # it would free what holds itself, later
    try:
        in_loop(body)
    finally:
        gc.enable()


def test_the_results_that_were_used_last_are_kept() -> None:
    async def body() -> None:
        gate = Gate(size=240_000)
        gate.open.set()
        found = results(gate)
        for key in "abcd":
            await found.of(WORK, key)
        await found.of(WORK, "a")
        await found.of(WORK, "e")
        assert gate.begun == 5
        assert [key for key in "abcde" if found.kept(key)] == ["a", "c", "d", "e"]

    in_loop(body)


@pytest.mark.parametrize(("megabytes", "size"), [(0, 10), (1, 300_000)])
def test_no_room_or_too_little_keeps_nothing(megabytes: int, size: int) -> None:
    async def body() -> None:
        gate = Gate(size)
        gate.open.set()
        found = results(gate, megabytes)
        await found.of(WORK, "a")
        assert found.kept("a") is None

    in_loop(body)
