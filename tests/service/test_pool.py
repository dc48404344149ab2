"""Processes that do work: they die, hang, grow and are replaced, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import ROOT, file_bytes, refused, scene
from service_works import Die, Eat, Echo, Fail, Refuse, Say, Unknown, Wait

from impasto.errors import ImpastoError, UsageError
from impasto.progress import Progress
from impasto.service import pool as module
from impasto.service.hosts import Busy, Ending, TookTooLong, WorkerLost
from impasto.service.pool import WorkerPool
from impasto.service.work import PaintWork, Upload

psutil = pytest.importorskip("psutil")


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes import this suite's works."""
    paths = [str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


@asynccontextmanager
async def pool(workers: int = 1, megabytes: int = 2000) -> AsyncIterator[WorkerPool]:
    found = WorkerPool(workers, megabytes)
    await found.start()
    try:
        yield found
    finally:
        await found.close(0)
        assert not processes()


def processes() -> list[Any]:
    """The workers of this process; other tests leave other children."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # one that has ended has no command
            if "impasto.service.worker" in child.cmdline():
                found.append(child)
    return found


def in_loop(body: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(body(), 120)

    asyncio.run(bounded())


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_work_is_done_and_errors_travel() -> None:
    async def body() -> None:
        async with pool() as hosts:
            assert not hosts.ready()
            assert (await hosts.run(Say("a"), 60)).data == b"a"
            assert hosts.ready()
            with refused(UsageError, "conflict", "sense") as caught:
                await hosts.run(Refuse(), 60)
            assert caught.value.hint == "do otherwise"
            with refused(ImpastoError, "unexpected") as fault:
                await hosts.run(Fail(), 60)
            assert "oops" not in str(fault.value)  # it may be nothing for strangers
            assert (await hosts.run(Say("b" * 3_000_000), 60)).data == b"b" * 3_000_000
            assert hosts.memory() > 50_000_000

    in_loop(body)


def test_it_ends_although_a_cancellation_is_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `wait_for` does until Python 3.11 if what it waits for comes at the same time."""
    starting = asyncio.Event()

    async def swallow(what: Awaitable[object], _seconds: float) -> object:
        starting.set()
        task = asyncio.ensure_future(what)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            return await task

    async def body() -> None:
        hosts = WorkerPool(1)
        with monkeypatch.context() as patch:
            patch.setattr(module.asyncio, "wait_for", swallow)
            await hosts.start()
            await starting.wait()
            await hosts.close(0)
        assert not processes()

    in_loop(body)


def test_pictures_are_the_same_whoever_paints_them() -> None:
    work = PaintWork(Upload("photo.jpg", file_bytes(scene(96, 64), "JPEG")), (("udnie", 1.0),), engine="light")
    here = work.run(lambda _: True).data

    async def body() -> None:
        async with pool(2) as hosts:
            answers = await asyncio.gather(*(hosts.run(work, 60) for _ in range(6)))
            assert {answer.data for answer in answers} == {here}
            assert set(answers[0].facts["seconds"]) == {"style", "read", "paint", "encode"}

    in_loop(body)


def test_work_is_tried_again_when_its_process_dies(tmp_path: Path) -> None:
    async def body() -> None:
        async with pool() as hosts:
            assert (await hosts.run(Die(tmp_path / "once", 1), 60)).data == b"lived"
            with refused(WorkerLost, "killed"):
                await hosts.run(Die(tmp_path / "always", 99), 60)
            assert (tmp_path / "always").read_text() == "xx"
            assert (await hosts.run(Say(), 60)).data == b"done"
            assert hosts.lost == 3

    in_loop(body)


def test_a_process_that_is_killed_while_it_rests_is_replaced() -> None:
    async def body() -> None:
        async with pool() as hosts:
            first = (await hosts.run(Say(), 60)).facts["process"]
            os.kill(int(first), signal.SIGKILL)
            second = (await hosts.run(Say(), 60)).facts["process"]
            assert second != first

    in_loop(body)


def test_work_outlives_the_death_of_all_that_rest() -> None:
    async def body() -> None:
        async with pool(3) as hosts:
            await until(lambda: len(hosts._alive) == 3)
            for worker in processes():
                worker.kill()
            assert (await hosts.run(Say(), 60)).data == b"done"
            await until(lambda: len(hosts._alive) == 3)
            assert hosts.lost == 3

    in_loop(body)


def test_work_that_kills_does_no_harm_to_others(tmp_path: Path) -> None:
    async def body() -> None:
        async with pool(2) as hosts:
            others = [asyncio.create_task(hosts.run(Say(str(one)), 60)) for one in range(40)]
            deadly = [hosts.run(Die(tmp_path / str(one), 99), 60) for one in range(2)]
            ended = await asyncio.gather(*deadly, return_exceptions=True)
            assert [type(one) for one in ended] == [WorkerLost] * 2
            assert [answer.data for answer in await asyncio.gather(*others)] == [b"%d" % one for one in range(40)]
            assert hosts.lost == 4

    in_loop(body)


def test_work_that_cannot_be_unpacked_is_refused_and_its_process_lives() -> None:
    async def body() -> None:
        async with pool() as hosts:
            before = (await hosts.run(Say(), 60)).facts["process"]
            with refused(ImpastoError, "unexpected"):
                await hosts.run(Unknown(os.getpid()), 60)
            assert (await hosts.run(Say(), 60)).facts["process"] == before

    in_loop(body)


def test_large_messages_are_cut_off_anywhere_without_harm() -> None:
    chance = np.random.default_rng(0)
    data = chance.bytes(8_000_000)

    async def body() -> None:
        async with pool() as hosts:
            await hosts.run(Say(), 60)
            for _ in range(25):
                task = asyncio.create_task(hosts.run(Echo(data, 3), 60, lambda _: None))
                await asyncio.sleep(chance.random() * 0.06)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            assert (await hosts.run(Echo(data), 60)).data == data
            assert hosts.lost == 0

    in_loop(body)


def test_a_process_that_is_killed_while_it_hears_or_answers_is_replaced() -> None:
    chance = np.random.default_rng(1)
    data = chance.bytes(20_000_000)

    async def body() -> None:
        async with pool() as hosts:
            for wait in (0.0, 0.02, 0.05):
                await hosts.run(Say(), 60)
                task = asyncio.create_task(hosts.run(Echo(data), 60))
                await asyncio.sleep(wait)
                for worker in processes():
                    worker.kill()
                assert (await task).data == data

    in_loop(body)


def test_the_event_loop_goes_on_beside_large_messages() -> None:
    data = bytes(60_000_000)

    async def body() -> None:
        async with pool() as hosts:
            await hosts.run(Say(), 60)
            task = asyncio.create_task(hosts.run(Echo(data), 60))
            longest = 0.0
            while not task.done():
                before = time.thread_time()  # of the processor; others use it, too
                await asyncio.sleep(0)
                longest = max(longest, time.thread_time() - before)
            assert (await task).data == data
            assert longest < 0.03

    in_loop(body)


@pytest.mark.parametrize("deaf", [False, True])
def test_work_that_is_cancelled_gives_its_process_back(tmp_path: Path, deaf: bool) -> None:
    async def body() -> None:
        async with pool() as hosts:
            task = asyncio.create_task(hosts.run(Wait(tmp_path / "begun", deaf=deaf), 60))
            await until((tmp_path / "begun").exists)
            waiting = asyncio.create_task(hosts.run(Say("never"), 60))
            await asyncio.sleep(0)
            for one in (waiting, task):
                one.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await one
            after = (await hosts.run(Say(), 60)).facts["process"]
            assert (str(after) == (tmp_path / "begun").read_text()) is not deaf

    in_loop(body)


def test_work_ends_early_with_what_there_is_and_its_process_goes_on(tmp_path: Path) -> None:
    async def body() -> None:
        async with pool() as hosts:
            told: list[Progress] = []

            def hear(now: Progress) -> bool:
                told.append(now)
                return len(told) < 3

            assert (await hosts.run(Wait(tmp_path / "begun"), 60, hear)).data == b"waited"
            after = (await hosts.run(Say(), 60)).facts["process"]
            assert str(after) == (tmp_path / "begun").read_text()

    in_loop(body)


def test_work_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    async def body() -> None:
        async with pool() as hosts:
            await hosts.run(Say(), 60)
            with refused(TookTooLong, "too-slow"):
                await hosts.run(Wait(tmp_path / "begun", deaf=True), 0.2)
            assert (await hosts.run(Say(), 60)).data == b"done"

    in_loop(body)


def test_progress_is_told(tmp_path: Path) -> None:
    async def body() -> None:
        async with pool() as hosts:
            told: list[Progress] = []
            await hosts.run(Echo(b"", preview=2), 60, told.append)
            pictures = [one.preview() for one in told if one.preview is not None]
            assert [picture.samples.shape for picture in pictures] == [(512, 512, 3)] * 2
            told.clear()
            task = asyncio.create_task(hosts.run(Wait(tmp_path / "begun", tmp_path / "gate"), 60, told.append))
            await until(lambda: len(told) > 2)
            (tmp_path / "gate").touch()
            await task
            assert [one.step for one in told] == list(range(len(told)))

    in_loop(body)


def test_a_process_that_grows_is_replaced() -> None:
    async def body() -> None:
        async with pool(megabytes=400) as hosts:
            first = (await hosts.run(Eat(500), 60)).data
            await until(lambda: hosts.memory() < 400_000_000)
            assert (hosts.recycled, hosts.lost) == (1, 0)
            assert (await hosts.run(Eat(1), 60)).data != first

    in_loop(body)


def test_a_process_works_on_until_its_successor_is_there() -> None:
    async def body() -> None:
        async with pool(megabytes=400) as hosts:
            first = (await hosts.run(Eat(500), 60)).data
            assert (await hosts.run(Eat(0), 60)).data == first
            while (await hosts.run(Eat(0), 60)).data == first:
                await asyncio.sleep(0.01)

    in_loop(body)


def test_a_process_ends_before_its_successor_begins_where_there_is_no_room_for_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "free_memory", lambda: 100_000_000)

    async def body() -> None:
        async with pool(megabytes=400) as hosts:
            first = (await hosts.run(Eat(500), 60)).data
            assert (await hosts.run(Eat(0), 60)).data != first
            assert (hosts.recycled, hosts.lost) == (1, 0)

    in_loop(body)


def test_a_bound_below_the_size_of_a_process_that_is_ready_replaces_none() -> None:
    async def body() -> None:
        async with pool(megabytes=1) as hosts:
            assert len({(await hosts.run(Say(), 60)).facts["process"] for _ in range(3)}) == 1
            assert hosts.recycled == 0

    in_loop(body)


def test_nobody_waits_for_processes_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "impasto").mkdir()
    (tmp_path / "impasto/__init__.py").write_text("raise SystemExit(3)")
    good = os.environ["PYTHONPATH"]
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(module, "_PATIENCE", 0.3)

    async def body() -> None:
        async with pool() as hosts:
            with refused(Busy, "not-ready"):
                await hosts.run(Say(), 60)
            with refused(Busy, "not-ready"):
                await hosts.run(Say(), 60)
            assert not hosts.ready()
            monkeypatch.setenv("PYTHONPATH", good)
            await until(hosts.ready)
            assert (await hosts.run(Say(), 60)).data == b"done"

    in_loop(body)


def test_what_runs_may_end_and_what_waits_is_refused(tmp_path: Path) -> None:
    async def body() -> None:
        async with pool() as hosts:
            running = asyncio.create_task(hosts.run(Wait(tmp_path / "begun", tmp_path / "gate"), 60))
            await until((tmp_path / "begun").exists)
            closing = asyncio.create_task(hosts.close(60))
            await asyncio.sleep(0)
            (tmp_path / "gate").touch()
            assert (await running).data == b"waited"
            await closing
            with refused(Ending, "ending"):
                await hosts.run(Say(), 60)

    in_loop(body)


def test_processes_end_with_the_one_that_has_started_them() -> None:
    import subprocess
    import sys

    script = (
        "import asyncio, os, signal\n"
        "from impasto.service.pool import WorkerPool\n"
        "from service_works import Say\n"
        "async def main():\n"
        "    pool = WorkerPool(1)\n"
        "    await pool.start()\n"
        "    print((await pool.run(Say(), 60)).facts['process'], flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    worker = int(done.stdout)
    psutil.wait_procs([psutil.Process(worker)] if psutil.pid_exists(worker) else [], timeout=30)
    assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE
