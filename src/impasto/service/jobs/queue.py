"""What happens to jobs, whatever store they lie in: sent, claimed, reported, ended, canceled, forgotten."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from impasto.errors import ImpastoError, UsageError
from impasto.progress import Progress
from impasto.service.hosts import Busy
from impasto.service.jobs.store import Job, JobStore, State
from impasto.service.problems import hint_of

TRIES = 2
"""Claims after which a job is given up: it may be what kills whoever works on it."""

PAUSES = (5, 60, 600, 3600)
"""Seconds after each failed delivery of a webhook until the next."""
MOST_JOBS = 10_000
"""Jobs that are kept, however small they are."""


@dataclass(frozen=True)
class Bounds:
    """How much is kept.

    Attributes:
        waiting: jobs that may wait.
        size: bytes of all jobs together.
        kept: seconds that a job is kept after its last change.
    """

    waiting: int
    size: int
    kept: float


class Queue:
    """Jobs in a store; any number of programs may hold a queue of the same store.

    Args:
        lease: seconds that a claim holds without a report.

    Attributes:
        ended: how many jobs have ended here, by their state.
    """

    def __init__(self, store: JobStore, bounds: Bounds, lease: float = 30) -> None:
        self.store, self.bounds, self.lease = store, bounds, lease
        self.ended: Counter[str] = Counter()
        self._adding = asyncio.Lock()

    async def add(self, job: Job, request: bytes) -> Job:
        """Put a job in; its times are set here.

        Returns:
            the job; an earlier one if its owner has sent the same request under the same idempotency key.
        Raises:
            Busy: too many wait, or there is no room.
            UsageError: the idempotency key was another request's.
        """
        now = await self.store.now()
        job = replace(job, created=now, expires=now + self.bounds.kept, size=len(request))
        most = min(self.bounds.size, self.store.largest)
        if len(request) > most:
            raise ImpastoError(f"a job may have {most / 1e6:g} MB", "send less at once", code="too-large")
        async with self._adding:
            if not await self._make_room(len(request)):
                raise Busy("there is no room for more jobs", 60, "send it again later")
            found = await self.store.add(job, request, self.bounds.waiting)
        if found is None:
            raise Busy("too many jobs wait", 30, "send it again later")
        return _same(found, job.digest)

    async def earlier(self, owner: str, idempotency: str, digest: str) -> Job | None:
        """What an owner has sent under an idempotency key.

        Raises:
            UsageError: it was another request.
        """
        found = await self.store.named(owner, idempotency) if idempotency else None
        return None if found is None else _same(found, digest)

    async def get(self, job: str, owner: str) -> Job | None:
        """A job of that owner; None if there is none."""
        found = await self.store.get(job)
        return found if found is not None and found.owner == owner else None

    async def place(self, job: Job) -> int | None:
        """The place of a job among those that wait, 1 for the next; None if it does not wait."""
        return 1 + await self.store.earlier(job) if job.state == "waiting" else None

    async def claim(self) -> Job | None:
        """Take a job that waits, or whose holder has gone, to work on it. No two claims hold the same job."""
        now, holder = await self.store.now(), secrets.token_hex(8)

        def take(job: Job) -> Job | None:
            if job.queue != "work" or job.due > now:
                return None
            if job.canceling:
                return self._kept(job.ended_as("canceled", now), now)
            if job.tries >= TRIES:
                error = _said(ImpastoError(f"whoever worked on it has died {job.tries} times", code="killed"))
                return self._kept(job.ended_as("failed", now, error=error), now)
            began = job.began or now
            taken = replace(job, state="running", holder=holder, lease=now + self.lease, tries=job.tries + 1)
            return self._kept(replace(taken, began=began), now)

        for name in await self.store.due("work", now):
            job = await self.store.change(name, take)
            if job is None and await self.store.get(name) is None:
                await self.store.remove(name)  # it has expired
            elif job is not None and job.over:
                await self.store.change(name, lambda job: replace(job, size=0), {"request": None, "preview": None})
            elif job is not None:
                return job
        return None

    async def report(self, claim: Job, report: Progress | None, preview: bytes | None = None) -> Job | None:
        """Say where a job stands, and that its holder lives.

        Returns:
            the job, whose `canceling` may ask to end; None if the claim does not hold any more.
        """
        now = await self.store.now()

        def note(job: Job) -> Job | None:
            if job.holder != claim.holder:
                return None
            job = self._kept(replace(job, lease=now + self.lease, preview=job.preview or preview is not None), now)
            if report is None:
                return job
            fraction = max(job.fraction, min(1.0, report.fraction))
            losses = {name: round(float(value), 6) for name, value in report.losses.items()}
            return replace(
                job, step=report.step, total=report.total, fraction=fraction, message=report.message, losses=losses
            )

        return await self.store.change(claim.id, note, {} if preview is None else {"preview": preview})

    async def done(self, claim: Job, data: bytes, **facts: Any) -> bool:
        """Keep a result. False if the claim does not hold any more; nothing is written then.

        Raises:
            ImpastoError: it is larger than may be kept.
        """
        most = min(self.bounds.size, self.store.largest)
        if len(data) > most:
            raise ImpastoError(
                f"the result has {len(data) / 1e6:.0f} MB, more than the {most / 1e6:.0f} that are kept",
                "a smaller size, or less of it",
                code="too-large",
            )
        await self._make_room(len(data))  # what waits and runs stays, even if the bound is passed for a while
        return await self._end(claim, "done", {"result": data}, size=len(data), fraction=1.0, **facts)

    async def failed(self, claim: Job, error: ImpastoError) -> bool:
        """Keep an error. False if the claim does not hold any more."""
        return await self._end(claim, "failed", {}, size=0, error=_said(error))

    async def canceled(self, claim: Job) -> bool:
        """Say that a job has ended early. False if the claim does not hold any more."""
        return await self._end(claim, "canceled", {"preview": None}, size=0)

    async def give_back(self, claim: Job) -> bool:
        """Let somebody else work on a job, who begins anew. False if the claim does not hold any more."""

        def wait(job: Job) -> Job | None:
            if job.holder != claim.holder:
                return None
            return replace(job, state="waiting", holder="", lease=0.0, tries=job.tries - 1, step=0, fraction=0.0)

        return await self.store.change(claim.id, wait) is not None

    async def cancel(self, job: Job) -> Job | None:
        """End a job: one that waits at once, one that runs as soon as its holder hears of it.

        Returns:
            the job; None if it had ended already.
        """
        now = await self.store.now()

        def cancel(job: Job) -> Job | None:
            if job.over:
                return None
            if job.state == "waiting":
                return self._kept(job.ended_as("canceled", now, canceling=True, size=0), now)
            return replace(job, canceling=True)

        changed = await self.store.change(job.id, cancel)
        if changed is not None and changed.over:
            self.ended["canceled"] += 1
            await self.store.change(job.id, lambda job: job, {"request": None})
        return changed

    async def stop(self, job: Job) -> Job | None:
        """End a job that runs with what there is; one that waits has nothing, and is canceled.

        Returns:
            the job; None if it had ended already.
        """
        if job.state == "waiting":
            return await self.cancel(job)
        return await self.store.change(job.id, lambda job: None if job.over else replace(job, stopping=True))

    async def claim_delivery(self) -> Job | None:
        """Take a job whose end is to be told. If nobody says what became of it, it is taken again after a minute."""
        now = await self.store.now()

        def take(job: Job) -> Job | None:
            if job.queue != "webhook" or job.due > now:
                return None
            return replace(job, attempts=job.attempts + 1, deliver_at=now + 60)

        for name in await self.store.due("webhook", now):
            job = await self.store.change(name, take)
            if job is not None:
                return job
            if await self.store.get(name) is None:
                await self.store.remove(name)
        return None

    async def note_delivery(self, job: Job, *, delivered: bool) -> None:
        """Say what became of an attempt; a failed one is made again later, a few times."""
        now = await self.store.now()

        def note(found: Job) -> Job:
            if delivered:
                return replace(found, delivery="delivered")
            if job.attempts > len(PAUSES):
                return replace(found, delivery="failed")
            return replace(found, deliver_at=now + PAUSES[job.attempts - 1])

        await self.store.change(job.id, note)

    async def sweep(self) -> None:
        """Remove what has expired."""
        await self.store.sweep(await self.store.now())

    async def _end(self, claim: Job, state: State, blobs: Mapping[str, bytes | None], **facts: Any) -> bool:
        now = await self.store.now()

        def end(job: Job) -> Job | None:
            return None if job.holder != claim.holder else self._kept(job.ended_as(state, now, **facts), now)

        ended = await self.store.change(claim.id, end, {"request": None, **blobs}) is not None
        self.ended[state] += ended
        return ended

    async def _make_room(self, size: int) -> bool:
        """Forget the jobs that ended first until one of so many bytes fits. False if it does not even then."""
        used = await self.store.usage()
        count, total = used.jobs, used.size + size
        while count >= MOST_JOBS or total > self.bounds.size:
            ended = await self.store.ended()
            for name in ended:
                job = await self.store.get(name)
                await self.store.remove(name)
                count, total = count - 1, total - (0 if job is None else job.size)
                if count < MOST_JOBS and total <= self.bounds.size:
                    break
            if not ended:
                return False
        return True

    def _kept(self, job: Job, now: float) -> Job:
        return replace(job, expires=now + self.bounds.kept)


def _same(found: Job, digest: str) -> Job:
    if found.digest != digest:
        raise UsageError(
            "that Idempotency-Key belongs to another request", "a key of its own for each job", code="conflict"
        )
    return found


def _said(error: ImpastoError) -> dict[str, str]:
    return {"message": error.message, "hint": hint_of(error), "code": error.code}
