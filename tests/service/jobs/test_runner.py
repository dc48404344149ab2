"""The runner: each job done once, whoever dies."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from job_works import BEGUN, GATES, GateWork
from services import ThreadHosts

from impasto.errors import ImpastoError, PictureError
from impasto.service.hosts import Ending, WorkerLost
from impasto.service.jobs.queue import Bounds, Queue
from impasto.service.jobs.runner import Runner, canceled
from impasto.service.jobs.store import Job, JobStore, StoreFault
from impasto.service.jobs.webhook import Webhooks, deliver_all
from impasto.service.work import Answer, Work

NUMBERS = itertools.count()
BOUNDS = Bounds(waiting=100, size=1_000_000, kept=3600)


@pytest.fixture(autouse=True)
def _closed_gates() -> None:
    GATES.clear()
    BEGUN.clear()


def make_work(job: Job, request: bytes) -> Work:
    return GateWork(request.decode())


@asynccontextmanager
async def running(
    store: JobStore, hosts: Any = None, lease: float = 30, make: Any = make_work, grace: float = 0
) -> AsyncIterator[Runner]:
    runner = Runner(Queue(store, BOUNDS, lease), hosts or ThreadHosts(1), make, 60)
    runner.start()
    try:
        yield runner
    finally:
        await runner.close(grace)


async def send(store: JobStore, name: str) -> Job:
    job = Job(id=f"{name}-{next(NUMBERS)}", kind="photo", owner="", created=0, expires=0)
    return await Queue(store, BOUNDS).add(job, name.encode())


async def until(store: JobStore, job: Job, condition: Callable[[Job], object]) -> Job:
    deadline = time.monotonic() + 20
    while True:
        found = await store.get(job.id)
        assert found is not None
        if condition(found):
            return found
        assert time.monotonic() < deadline, f"it never happened: {found}"
        await asyncio.sleep(0.01)


def test_a_job_runs_with_reports_and_keeps_its_result(open_store: Any) -> None:
    async def main() -> None:
        async with open_store() as store, running(store) as runner:
            job = await send(store, "told")
            runner.wake()
            found = await until(store, job, lambda found: found.step > 1)
            assert found.state == "running"
            assert found.losses["total"] > 0
            GATES["told"].set()
            found = await until(store, job, lambda found: found.over)
            assert (found.state, found.fraction, found.media_type) == ("done", 1.0, "text/plain")
            assert await store.blob(job.id, "result") == b"told done"

    asyncio.run(main())


def test_reports_are_written_a_few_times_a_second(open_store: Any) -> None:
    async def main() -> None:
        async with open_store() as store, running(store) as runner:
            job = await send(store, "often")
            runner.wake()
            first = await until(store, job, lambda found: found.step > 0)
            found = await until(store, job, lambda found: found.step > first.step + 60)
            assert found.version - first.version <= 8
            GATES["often"].set()

    asyncio.run(main())


def test_a_canceled_job_ends_and_keeps_nothing(open_store: Any) -> None:
    async def main() -> None:
        async with open_store() as store, running(store) as runner:
            job = await send(store, "unwanted")
            runner.wake()
            await until(store, job, lambda found: found.step > 0)
            await runner.queue.cancel(job)
            found = await until(store, job, lambda found: found.over)
            assert found.state == "canceled"
            assert await store.blob(job.id, "result") is None

    asyncio.run(main())


def test_a_lost_lease_drops_the_result(open_store: Any) -> None:
    """Two replicas, one of which has stood still for too long: one of them alone answers."""

    async def main() -> None:
        async with open_store() as store, running(store, lease=0.9) as slow:
            job = await send(store, "slow")
            slow.wake()
            await until(store, job, lambda found: found.step > 0)
            held = await store.get(job.id)
            await store.change(job.id, lambda found: replace(found, lease=0.0))
            other = await Queue(store, BOUNDS).claim()
            assert other is not None
            assert held is not None
            assert other.holder != held.holder
            GATES["slow"].set()
            while slow.running:
                await asyncio.sleep(0.01)
            assert (await store.get(job.id)).state == "running"  # type: ignore[union-attr]
            assert await Queue(store, BOUNDS).done(other, b"the other's", media_type="text/plain")
            assert await store.blob(job.id, "result") == b"the other's"

    asyncio.run(main())


def test_what_runs_when_a_replica_is_stopped_is_done_by_another(open_store: Any) -> None:
    async def main() -> None:
        async with open_store() as store:
            async with running(store) as first:
                job = await send(store, "moved")
                first.wake()
                await until(store, job, lambda found: found.step > 0)
            assert (await store.get(job.id)).state == "waiting"  # type: ignore[union-attr]
        GATES["moved"].set()
        async with open_store() as store, running(store):
            found = await until(store, job, lambda found: found.over)
            assert found.state == "done"
        assert len(BEGUN["moved"]) == 2

    asyncio.run(main())


def test_what_ends_within_the_grace_is_kept(open_store: Any) -> None:
    async def main() -> None:
        async with open_store() as store:
            async with running(store, grace=20) as runner:
                job = await send(store, "graceful")
                runner.wake()
                await until(store, job, lambda found: found.step > 0)
                asyncio.get_running_loop().call_later(0.1, GATES["graceful"].set)
            found = await store.get(job.id)
            assert found is not None
            assert found.state == "done"

    asyncio.run(main())


class FailingHosts(ThreadHosts):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error, self.calls = error, 0

    async def run(self, *_: Any, **__: Any) -> Answer:
        self.calls += 1
        if self.calls == 1:
            raise self.error
        return Answer(b"later", "text/plain")


def outcome_of(open_store: Any, error: BaseException) -> Job:
    async def main() -> Job:
        async with open_store() as store, running(store, FailingHosts(error)) as runner:
            job = await send(store, "failing")
            runner.wake()
            return await until(store, job, lambda found: found.over)

    return asyncio.run(main())


def test_an_error_is_kept_with_its_hint_and_code(open_store: Any) -> None:
    found = outcome_of(open_store, PictureError("it holds text", "a picture", code="not-a-picture"))
    assert found.state == "failed"
    assert found.error == {"message": "it holds text", "hint": "a picture", "code": "not-a-picture"}


def test_a_worker_that_died_twice_fails_its_job(open_store: Any) -> None:
    assert outcome_of(open_store, WorkerLost()).error["code"] == "killed"


def test_a_fault_of_the_service_says_nothing_of_its_inside(open_store: Any) -> None:
    found = outcome_of(open_store, RuntimeError("/secret/path"))
    assert found.error["code"] == "unexpected"
    assert "/secret" not in found.to_json()


def test_a_job_that_meets_the_end_of_its_host_waits_again(open_store: Any) -> None:
    found = outcome_of(open_store, Ending(5))
    assert (found.state, found.tries) == ("done", 1)


def test_a_request_that_makes_no_sense_here_fails_its_job(open_store: Any) -> None:
    def refuse(job: Job, request: bytes) -> Work:
        raise ImpastoError("that style is not here", code="unknown-style")

    async def main() -> None:
        async with open_store() as store, running(store, make=refuse) as runner:
            job = await send(store, "foreign")
            runner.wake()
            found = await until(store, job, lambda found: found.over)
            assert found.error["code"] == "unknown-style"

    asyncio.run(main())


def test_hosts_start_with_the_first_job_and_none_means_none(open_store: Any) -> None:
    async def main() -> None:
        hosts, idle = ThreadHosts(1), ThreadHosts(0)
        GATES.setdefault("first", threading.Event()).set()
        async with open_store() as store, running(store, idle):
            async with running(store, hosts) as runner:
                assert not hosts.started
                job = await send(store, "first")
                runner.wake()
                await until(store, job, lambda found: found.over)
                assert hosts.started
            assert hosts.closed
        assert not idle.started

    asyncio.run(main())


class FlakyStore:
    """Fails for a while."""

    def __init__(self, store: Any) -> None:
        self.store, self.failing = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def change(self, *args: Any) -> Any:
        if self.failing:
            self.failing -= 1
            raise StoreFault("away")
        return await self.store.change(*args)


def test_a_store_that_is_away_for_a_while_loses_no_result(open_store: Any) -> None:
    async def main() -> None:
        async with open_store() as store:
            flaky = FlakyStore(store)
            async with running(flaky) as runner:  # type: ignore[arg-type]
                job = await send(store, "patient")
                runner.wake()
                await until(store, job, lambda found: found.step > 0)
                flaky.failing = 2
                GATES["patient"].set()
                found = await until(store, job, lambda found: found.over)
                assert found.state == "done"
                assert len(BEGUN["patient"]) == 1

    asyncio.run(main())


def test_it_ends_whatever_the_store_does_meanwhile(open_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.service.jobs.runner.SWEEP", 0.001)
    monkeypatch.setattr("impasto.service.jobs.webhook._POLL", 0.001)

    async def main() -> None:
        async with open_store() as store:
            queue = Queue(store, BOUNDS)
            for number in range(20):
                runner = Runner(queue, None, lambda job, request: GateWork("never"), 60)
                runner.start()
                telling = asyncio.create_task(deliver_all(queue, Webhooks((), ()), lambda job: b""))
                await asyncio.sleep(number * 0.0003)  # at another moment of a question to the store
                await asyncio.wait_for(asyncio.gather(runner.close(0), canceled([telling])), 10)

    asyncio.run(main())
