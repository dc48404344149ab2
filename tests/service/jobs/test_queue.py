"""What every store must do, in SQLite and in a real Redis."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import refused

from impasto.errors import ImpastoError, UsageError
from impasto.progress import Progress
from impasto.service.hosts import Busy
from impasto.service.jobs.queue import PAUSES, Bounds, Queue
from impasto.service.jobs.sqlite import SqliteStore
from impasto.service.jobs.store import Job

NUMBERS = itertools.count()
BOUNDS = Bounds(waiting=100, size=1_000_000, kept=3600)


def job(**values: Any) -> Job:
    return Job(id=f"job-{next(NUMBERS)}", kind="photo", owner="", created=0, expires=0, **values)


class Clock:
    """A store whose time can be set forward."""

    def __init__(self, store: Any) -> None:
        self.store, self.ahead = store, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def now(self) -> float:
        return await self.store.now() + self.ahead


def with_queue(opened: Any, body: Callable[[Queue, Clock], Any], bounds: Bounds = BOUNDS, lease: float = 30) -> None:
    async def main() -> None:
        async with opened() as store:
            clock = Clock(store)
            await body(Queue(clock, bounds, lease), clock)

    asyncio.run(main())


def test_many_claimers_get_each_job_once(open_store: Any) -> None:
    async def main() -> None:
        async with open_store() as first, open_store() as second:
            queues = [Queue(first, BOUNDS), Queue(second, BOUNDS)]
            sent = [(await queues[0].add(job(), b"photo")).id for _ in range(12)]
            claims = await asyncio.gather(*(queues[n % 2].claim() for n in range(40)))
            again = [await queues[0].claim() for _ in range(13)]  # claims that crossed may have come back with nothing
            got = [claim.id for claim in [*claims, *again] if claim is not None]
            assert sorted(got) == sorted(sent)

    asyncio.run(main())


def test_the_first_that_came_is_the_first_that_is_worked_on(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        sent = [(await queue.add(job(), b"x")).id for _ in range(3)]
        assert [(await queue.claim()).id for _ in range(3)] == sent  # type: ignore[union-attr]

    with_queue(open_store, body)


def test_a_lost_claim_writes_nothing(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        await queue.add(job(), b"x")
        dead = await queue.claim()
        assert dead is not None
        assert await queue.claim() is None
        clock.ahead = queue.lease + 1
        alive = await queue.claim()
        assert alive is not None
        assert alive.id == dead.id
        assert await queue.report(dead, Progress(1, 2)) is None
        assert not await queue.done(dead, b"the dead one's", media_type="image/png")
        assert not await queue.failed(dead, ImpastoError("it died"))
        assert not await queue.give_back(dead)
        assert await queue.done(alive, b"the other's", media_type="image/png")
        assert await queue.store.blob(alive.id, "result") == b"the other's"
        assert not await queue.done(alive, b"twice", media_type="image/png")
        assert await queue.store.blob(alive.id, "request") is None

    with_queue(open_store, body)


def test_a_report_renews_the_claim_and_never_goes_back(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        await queue.add(job(), b"x")
        claim = await queue.claim()
        assert claim is not None
        clock.ahead = queue.lease - 1
        held = await queue.report(claim, Progress(1, 4, 0.25, "layer", {"total": 2.5}), b"jpeg")
        assert held is not None
        assert (held.step, held.total, held.fraction, held.message, held.losses) == (
            1,
            4,
            0.25,
            "layer",
            {"total": 2.5},
        )
        assert held.preview
        assert await queue.store.blob(held.id, "preview") == b"jpeg"
        clock.ahead = queue.lease + 5
        assert await queue.claim() is None
        alive = await queue.report(claim, None)
        assert alive is not None
        assert alive.version == held.version  # nothing that a client would see
        assert alive.lease > held.lease
        later = await queue.report(claim, Progress(2, 4, 0.1))
        assert later is not None
        assert later.fraction == 0.25
        assert later.version > held.version

    with_queue(open_store, body)


def test_a_job_that_kills_whoever_works_on_it_is_given_up(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        sent = await queue.add(job(), b"x")
        for turn in range(2):
            assert await queue.claim() is not None
            clock.ahead = (turn + 1) * (queue.lease + 1)
        assert await queue.claim() is None
        found = await queue.get(sent.id, "")
        assert found is not None
        assert (found.state, found.error["code"]) == ("failed", "killed")
        assert await queue.store.blob(sent.id, "request") is None

    with_queue(open_store, body)


def test_a_job_that_is_given_back_is_taken_again_and_has_lost_no_try(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        await queue.add(job(), b"x")
        for _ in range(5):
            claim = await queue.claim()
            assert claim is not None
            assert claim.tries == 1
            assert await queue.give_back(claim)

    with_queue(open_store, body)


def test_a_waiting_job_is_canceled_at_once_a_running_one_hears_of_it(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        waiting = await queue.add(job(), b"x")
        canceled = await queue.cancel(waiting)
        assert canceled is not None
        assert canceled.state == "canceled"
        assert await queue.claim() is None
        assert await queue.store.blob(waiting.id, "request") is None
        assert await queue.cancel(waiting) is None
        await queue.add(job(), b"x")
        claim = await queue.claim()
        assert claim is not None
        asked = await queue.cancel(claim)
        assert asked is not None
        assert asked.state == "running"
        held = await queue.report(claim, None)
        assert held is not None
        assert held.canceling
        assert await queue.canceled(claim)
        assert (await queue.get(claim.id, "")).state == "canceled"  # type: ignore[union-attr]

    with_queue(open_store, body)


def test_a_canceled_job_whose_holder_has_died_is_not_worked_on_again(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        await queue.add(job(), b"x")
        claim = await queue.claim()
        assert claim is not None
        await queue.cancel(claim)
        clock.ahead = queue.lease + 1
        assert await queue.claim() is None
        assert (await queue.get(claim.id, "")).state == "canceled"  # type: ignore[union-attr]

    with_queue(open_store, body)


def test_another_owner_sees_no_job(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        sent = await queue.add(replace(job(), owner="anna"), b"x")
        assert await queue.get(sent.id, "anna") is not None
        assert await queue.get(sent.id, "bert") is None
        assert await queue.get(sent.id, "") is None

    with_queue(open_store, body)


def test_only_so_many_may_wait(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        for _ in range(2):
            await queue.add(job(), b"x")
        with refused(Busy, "busy") as caught:
            await queue.add(job(), b"x")
        assert caught.value.retry_after > 0  # type: ignore[attr-defined]
        assert await queue.claim() is not None
        await queue.add(job(), b"x")

    with_queue(open_store, body, Bounds(2, 1000, 60))


def test_old_results_make_room_and_what_waits_does_not(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        names = []
        for _ in range(2):
            await queue.add(job(), b"x")
            claim = await queue.claim()
            assert claim is not None
            assert await queue.done(claim, bytes(400), media_type="image/png")
            names.append(claim.id)
        await queue.add(job(), bytes(500))
        assert await queue.get(names[0], "") is None
        assert await queue.get(names[1], "") is not None
        with refused(Busy, "busy"):
            await queue.add(job(), bytes(600))
        with refused(ImpastoError, "too-large"):
            await queue.add(job(), bytes(1001))
        assert (await queue.store.usage()).size <= 1000

    with_queue(open_store, body, Bounds(10, 1000, 60))


def test_a_result_that_is_too_large_is_refused(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        await queue.add(job(), b"x")
        claim = await queue.claim()
        assert claim is not None
        with refused(ImpastoError, "too-large"):
            await queue.done(claim, bytes(1001), media_type="image/png")
        assert await queue.failed(claim, ImpastoError("too much", "less", code="too-large"))
        found = await queue.get(claim.id, "")
        assert found is not None
        assert found.error == {"message": "too much", "hint": "less", "code": "too-large"}

    with_queue(open_store, body, Bounds(10, 1000, 60))


def test_jobs_expire_with_all_that_lies_beside_them(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        sent = await queue.add(job(idempotency="once"), b"x")
        kept = await queue.add(job(), b"y")
        await queue.store.change(sent.id, lambda found: replace(found, expires=1.0))
        await queue.sweep()
        assert await queue.get(sent.id, "") is None
        assert await queue.store.blob(sent.id, "request") is None
        assert await queue.store.blob(kept.id, "request") == b"y"
        usage = await queue.store.usage()
        assert (usage.waiting, usage.jobs, usage.size) == (1, 1, 1)
        claim = await queue.claim()
        assert claim is not None
        assert claim.id == kept.id
        assert (await queue.add(job(idempotency="once"), b"x")).id != sent.id

    with_queue(open_store, body)


def test_the_same_request_again_gives_the_same_job(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        ways = [replace(job(), owner="anna", idempotency="a", digest="1") for _ in range(8)]
        sent = await asyncio.gather(*(queue.add(way, b"x") for way in ways))
        assert len({found.id for found in sent}) == 1
        assert (await queue.store.usage()).jobs == 1
        with refused(UsageError, "conflict"):
            await queue.add(replace(job(), owner="anna", idempotency="a", digest="2"), b"y")
        other = await queue.add(replace(job(), owner="bert", idempotency="a", digest="2"), b"y")
        assert other.id != sent[0].id

    with_queue(open_store, body)


def test_what_waits_is_there_after_a_restart(open_store: Any) -> None:
    async def main() -> None:
        async with open_store() as store:
            sent = await Queue(store, BOUNDS).add(job(), bytes(range(256)))
        async with open_store() as store:
            claim = await Queue(store, BOUNDS).claim()
            assert claim is not None
            assert claim.id == sent.id
            assert await store.blob(claim.id, "request") == bytes(range(256))

    asyncio.run(main())


def test_a_delivery_is_claimed_once_and_tried_a_few_times(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        await queue.add(job(webhook="https://example.org/"), b"x")
        assert await queue.claim_delivery() is None
        claim = await queue.claim()
        assert claim is not None
        await queue.done(claim, b"result", media_type="image/png")
        tried = 0
        while True:
            due = await queue.claim_delivery()
            if due is None:
                clock.ahead += max(PAUSES) + 1
                due = await queue.claim_delivery()
            if due is None:
                break
            tried += 1
            assert await queue.claim_delivery() is None
            await queue.note_delivery(due, delivered=False)
        assert tried == len(PAUSES) + 1
        assert (await queue.get(claim.id, "")).delivery == "failed"  # type: ignore[union-attr]

    with_queue(open_store, body)


def test_a_removed_job_is_gone(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        sent = await queue.add(job(), b"x")
        await queue.store.remove(sent.id)
        assert await queue.get(sent.id, "") is None
        assert await queue.claim() is None
        assert tuple(await queue.store.usage()) == (0, 0, 0)

    with_queue(open_store, body)


@pytest.mark.parametrize("name", ["request", "result", "preview"])
def test_what_is_not_there_is_none(open_store: Any, name: str) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        assert await queue.get("nothing", "") is None
        assert await queue.store.blob("nothing", name) is None
        assert await queue.store.change("nothing", lambda found: found) is None

    with_queue(open_store, body)


def test_more_ask_at_once_than_a_store_has_connections(open_store: Any) -> None:
    async def body(queue: Queue, clock: Clock) -> None:
        sent = await queue.add(job(), b"photo")
        found = await asyncio.gather(*(queue.get(sent.id, "") for _ in range(500)))
        assert {one and one.id for one in found} == {sent.id}

    with_queue(open_store, body)


def test_a_clock_that_is_set_back_holds_up_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "jobs.sqlite")
        await store.open()
        first, second = [await Queue(store, BOUNDS).add(job(), b"photo") for _ in range(2)]
        before = await store.now()
        monkeypatch.setattr(time, "time", lambda: before - 7200)
        claimed = await Queue(store, BOUNDS).claim()
        assert claimed is not None
        assert claimed.id == first.id
        assert before <= await store.now() < before + 60
        await store.close()
        store = SqliteStore(tmp_path / "jobs.sqlite")  # as after a restart of the machine
        await store.open()
        claimed = await Queue(store, BOUNDS).claim()
        assert claimed is not None
        assert claimed.id == second.id
        await store.close()

    asyncio.run(main())


def test_a_file_that_is_removed_is_begun_anew(tmp_path: Path) -> None:
    async def main() -> None:
        first, second = SqliteStore(tmp_path / "jobs.sqlite"), SqliteStore(tmp_path / "jobs.sqlite")
        await first.open()
        await second.open()
        lost = await Queue(first, BOUNDS).add(job(), b"photo")
        for file in tmp_path.iterdir():
            file.unlink()
        kept = await Queue(first, BOUNDS).add(job(), b"photo")
        assert await second.get(kept.id) == kept
        assert await first.get(lost.id) is await second.get(lost.id) is None
        await first.close()
        await second.close()

    asyncio.run(main())
