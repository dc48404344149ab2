"""The life of a job in any store: sent, claimed, reported, ended, canceled, deleted."""

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
"""The number of claims after which a job is given up, because it may be what kills its workers."""

PAUSES = (5, 60, 600, 3600)
"""Seconds from each failed delivery of a webhook to the next attempt."""
MOST_JOBS = 10_000
"""The largest number of stored jobs, however small they are."""


@dataclass(frozen=True)
class Bounds:
    """The limits of the store.

    Attributes:
        waiting: largest number of waiting jobs.
        size: largest size of all jobs in bytes.
        kept: seconds that a job is kept after its last change.
    """

    waiting: int
    size: int
    kept: float


class Queue:
    """Jobs in a store. Any number of programs may use a queue of the same store.

    Args:
        lease: seconds for which a claim is valid without a report.

    Attributes:
        ended: number of jobs that have ended in this program, by state.
    """

    def __init__(self, store: JobStore, bounds: Bounds, lease: float = 30) -> None:
        self.store, self.bounds, self.lease = store, bounds, lease
        self.ended: Counter[str] = Counter()
        self._adding = asyncio.Lock()

    async def add(self, job: Job, request: bytes) -> Job:
        """Add a job. This sets its times.

        Returns:
            The job, or an earlier one if its owner has sent the same request with the same idempotency key.
        Raises:
            Busy: too many jobs wait, or there is no room.
            UsageError: the idempotency key belongs to another request.
        """
        now = await self.store.now()
        job = replace(job, created=now, expires=now + self.bounds.kept, size=len(request))
        most = min(self.bounds.size, self.store.largest)
        if len(request) > most:
            raise ImpastoError(
                f"the job is larger than {most / 1e6:g} MB", "send fewer or smaller files", code="too-large"
            )
        async with self._adding:
            if not await self._make_room(len(request)):
                raise Busy("there is no room for more jobs", 60, "try again later")
            found = await self.store.add(job, request, self.bounds.waiting)
        if found is None:
            raise Busy("too many jobs wait", 30, "try again later")
        return _same(found, job.digest)

    async def earlier(self, owner: str, idempotency: str, digest: str) -> Job | None:
        """Return the job that an owner has sent with an idempotency key.

        Raises:
            UsageError: the key belongs to another request.
        """
        found = await self.store.named(owner, idempotency) if idempotency else None
        return None if found is None else _same(found, digest)

    async def get(self, job: str, owner: str) -> Job | None:
        """Return an owner's job; None if there is none."""
        found = await self.store.get(job)
        return found if found is not None and found.owner == owner else None

    async def place(self, job: Job) -> int | None:
        """Return a job's place in the queue, 1 for the next; None if it does not wait."""
        return 1 + await self.store.earlier(job) if job.state == "waiting" else None

    async def claim(self) -> Job | None:
        """Claim a job that waits or whose holder is gone. No two claims hold the same job."""
        now, holder = await self.store.now(), secrets.token_hex(8)

        def take(job: Job) -> Job | None:
            if job.queue != "work" or job.due > now:
                return None
            if job.canceling:
                return self._kept(job.ended_as("canceled", now), now)
            if job.tries >= TRIES:
                error = _said(
                    ImpastoError(
                        f"the worker process died {job.tries} times",
                        "send a smaller picture, or tell the operator",
                        code="killed",
                    )
                )
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
        """Report the progress of a job. This also renews the claim.

        Returns:
            The job, whose `canceling` may ask to end; None if the claim is no longer valid.
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
        """Store a result. Return False, and write nothing, if the claim is no longer valid.

        Raises:
            ImpastoError: the result is larger than the store allows.
        """
        most = min(self.bounds.size, self.store.largest)
        if len(data) > most:
            raise ImpastoError(
                f"the result has {len(data) / 1e6:.0f} MB, but the service stores at most {most / 1e6:.0f} MB",
                "choose a smaller size, or fewer pictures",
                code="too-large",
            )
        await self._make_room(len(data))  # waiting and running jobs remain, even if the limit is exceeded for a while
        return await self._end(claim, "done", {"result": data}, size=len(data), fraction=1.0, **facts)

    async def failed(self, claim: Job, error: ImpastoError) -> bool:
        """Store an error. Return False if the claim is no longer valid."""
        return await self._end(claim, "failed", {}, size=0, error=_said(error))

    async def canceled(self, claim: Job) -> bool:
        """Note that a job has ended early. Return False if the claim is no longer valid."""
        return await self._end(claim, "canceled", {"preview": None}, size=0)

    async def give_back(self, claim: Job) -> bool:
        """Return a job to the queue, where it starts over. Return False if the claim is no longer valid."""

        def wait(job: Job) -> Job | None:
            if job.holder != claim.holder:
                return None
            return replace(job, state="waiting", holder="", lease=0.0, tries=job.tries - 1, step=0, fraction=0.0)

        return await self.store.change(claim.id, wait) is not None

    async def cancel(self, job: Job) -> Job | None:
        """Cancel a job: a waiting one at once, a running one as soon as its holder learns of it.

        Returns:
            The job; None if it had already ended.
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
        """End a running job with its current result. A waiting job has no result and is canceled.

        Returns:
            The job; None if it had already ended.
        """
        if job.state == "waiting":
            return await self.cancel(job)
        return await self.store.change(job.id, lambda job: None if job.over else replace(job, stopping=True))

    async def claim_delivery(self) -> Job | None:
        """Claim a job whose webhook is due. If nobody reports the outcome, it is due again after a minute."""
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
        """Note the outcome of a delivery. A failed delivery is repeated later, a few times."""
        now = await self.store.now()

        def note(found: Job) -> Job:
            if delivered:
                return replace(found, delivery="delivered")
            if job.attempts > len(PAUSES):
                return replace(found, delivery="failed")
            return replace(found, deliver_at=now + PAUSES[job.attempts - 1])

        await self.store.change(job.id, note)

    async def sweep(self) -> None:
        """Remove expired jobs."""
        await self.store.sweep(await self.store.now())

    async def _end(self, claim: Job, state: State, blobs: Mapping[str, bytes | None], **facts: Any) -> bool:
        now = await self.store.now()

        def end(job: Job) -> Job | None:
            return None if job.holder != claim.holder else self._kept(job.ended_as(state, now, **facts), now)

        ended = await self.store.change(claim.id, end, {"request": None, **blobs}) is not None
        self.ended[state] += ended
        return ended

    async def _make_room(self, size: int) -> bool:
        """Delete the jobs that ended first until a new job of this size fits. Return False if it never does."""
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
            "this Idempotency-Key belongs to another request", "use a different key for each job", code="conflict"
        )
    return found


def _said(error: ImpastoError) -> dict[str, str]:
    return {"message": error.message, "hint": hint_of(error), "code": error.code}
