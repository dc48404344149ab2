"""The queue before the processes: who waits, who is refused, and how long that is said to last."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from helpers import refused
from services import ThreadHosts

from impasto.service import load as module
from impasto.service.config import ServiceConfig
from impasto.service.hosts import Busy, Ending
from impasto.service.load import Load
from impasto.service.metrics import Metrics
from impasto.service.speed import Speed
from impasto.service.work import Answer, Work


class GateHosts(ThreadHosts):
    """One seat; works wait until they are let go, in any order."""

    def __init__(self) -> None:
        super().__init__(workers=1)
        self.begun: list[Any] = []
        self.gate = asyncio.Event()

    async def run(self, work: Work, seconds: float, on_progress: Any = None) -> Answer:
        self.begun.append(work)
        await self.gate.wait()
        self.done.append(work)
        return Answer(b"", "text/plain", {"engine": "light", "seconds": {"paint": 0.25}})


@dataclass(frozen=True)
class Sized:
    megapixels: float

    def run(self, tell: Any) -> Answer:
        raise NotImplementedError


def in_loop(body: Callable[[Load, GateHosts], Awaitable[None]], **settings: Any) -> None:
    async def bounded() -> None:
        hosts = GateHosts()
        load = Load(hosts, ServiceConfig(**settings), Metrics())
        await asyncio.wait_for(body(load, hosts), 30)

    asyncio.run(bounded())


async def begin(load: Load, *sizes: float) -> list[asyncio.Task[Answer]]:
    tasks = [asyncio.create_task(load.run(Sized(size))) for size in sizes]
    await asyncio.sleep(0.01)
    return tasks


def test_first_come_first_served() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        tasks = await begin(load, 1, 2, 3)
        assert (load.running, load.waiting, load.waiting_megapixels) == (1, 2, 5)
        hosts.gate.set()
        await asyncio.gather(*tasks)
        assert [work.megapixels for work in hosts.done] == [1, 2, 3]
        assert (load.running, load.waiting) == (0, 0)

    in_loop(body)


def test_what_finds_no_room_is_told_when_to_come_back() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        tasks = await begin(load, 5, 8)
        with refused(Busy, "busy", "8.0") as caught:
            await load.run(Sized(3))
        assert caught.value.retry_after == math.ceil(load.speed.seconds(1, 8))
        assert load.rejected == {"busy": 1}
        hosts.gate.set()
        await asyncio.gather(*tasks)

    in_loop(body, queue_megapixels=10)


def test_speed_is_measured() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        hosts.gate.set()
        for _ in range(300):
            await load.run(Sized(10))
        assert load.speed.seconds(1, 10) == pytest.approx(0.25, rel=0.05)
        assert load.speed.seconds(100, 1000) == pytest.approx(25, rel=0.05)

    in_loop(body)


def test_the_first_pictures_count_more_than_guesses() -> None:
    speed = Speed()
    speed.learn(1.0, 1.5)
    assert speed.seconds(1, 1.0) == pytest.approx(1.4, rel=0.1)


def test_small_pictures_take_their_time_too() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        load.speed = Speed()
        for _ in range(500):
            load.speed.learn(0.1, 0.2)
            load.speed.learn(2.0, 1.15)
        fixed, slope = load.speed.line
        assert (fixed, slope) == (pytest.approx(0.15, rel=0.05), pytest.approx(0.5, rel=0.05))
        tasks = await begin(load, *[0.001] * 101)
        assert load.retry_after() == math.ceil(load.speed.seconds(100, 10)) >= 20
        hosts.gate.set()
        await asyncio.gather(*tasks)

    in_loop(body)


def test_the_queue_is_bounded_for_tiny_pictures() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        tasks = await begin(load, *[0.0] * 30)
        refusals = [task.exception() for task in tasks if task.done()]
        assert len(refusals) == 30 - 1 - 10
        assert {type(one) for one in refusals} == {Busy}
        hosts.gate.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert load.waiting_megapixels == 0

    in_loop(body, queue_megapixels=1)


@pytest.mark.parametrize("measured", [[(1.0, 0.5)] * 9, [(1.0, 1.0), (2.0, 0.1)] * 9, [(1.0, 0.1), (2.0, 9.0)] * 9])
def test_no_measurement_makes_a_negative_time(measured: list[tuple[float, float]]) -> None:
    speed = Speed()
    for megapixels, seconds in measured:
        speed.learn(megapixels, seconds)
    assert min(speed.line) >= 0
    assert speed.seconds(1, 1) > 0


def test_work_larger_than_the_queue_is_taken_when_nothing_waits() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        tasks = await begin(load, 50, 60)
        with refused(Busy, "busy"):
            await load.run(Sized(50))
        hosts.gate.set()
        await asyncio.gather(*tasks)

    in_loop(body, queue_megapixels=10)


def test_who_leaves_gives_the_place_up() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        first, second, third = await begin(load, 1, 2, 3)
        second.cancel()
        await asyncio.sleep(0.01)
        assert load.waiting_megapixels == 3
        first.cancel()
        await asyncio.sleep(0.01)
        assert [work.megapixels for work in hosts.begun] == [1, 3]
        hosts.gate.set()
        await third

    in_loop(body)


def test_too_little_memory_is_said() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        hosts.free = 300_000_000
        hosts.gate.set()
        await load.run(Sized(1))
        with refused(Busy, "memory") as caught:
            await load.run(Sized(30))
        assert caught.value.retry_after >= 1

    in_loop(body)


def test_memory_that_has_gone_while_a_work_waited_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_EVERY", -1)

    async def body(load: Load, hosts: GateHosts) -> None:
        first, second = await begin(load, 1, 20)
        hosts.free = 300_000_000
        hosts.gate.set()
        await first
        with refused(Busy, "memory"):
            await second
        assert (load.running, load.rejected["memory"]) == (0, 1)
        await load.run(Sized(1))

    in_loop(body)


def test_at_the_end_what_runs_is_done_and_the_rest_refused() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        running, waiting = await begin(load, 1, 2)
        load.end()
        with refused(Ending, "ending"):
            await waiting
        with refused(Ending, "ending"):
            await load.run(Sized(1))
        assert not running.done()
        hosts.gate.set()
        await running
        assert load.running == 0

    in_loop(body)


def test_metrics_tell_of_it() -> None:
    async def body(load: Load, hosts: GateHosts) -> None:
        tasks = await begin(load, 1, 2)
        text = load.metrics.text().decode()
        assert "impasto_queue_megapixels 2.0" in text
        assert "impasto_running 1.0" in text
        hosts.gate.set()
        await asyncio.gather(*tasks)
        text = load.metrics.text().decode()
        assert 'impasto_pictures_total{engine="light"} 2.0' in text
        assert 'impasto_stage_seconds_per_megapixel_count{stage="paint"} 2.0' in text

    in_loop(body)
