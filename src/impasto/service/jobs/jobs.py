"""The jobs of a service: their store, their hosts, and what clients see of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from impasto.errors import UsageError
from impasto.service.fields import Form
from impasto.service.hosts import Hosts
from impasto.service.jobs.queue import Bounds, Queue
from impasto.service.jobs.requests import digest, job_work, pack, style_work, unpack
from impasto.service.jobs.runner import Runner, canceled
from impasto.service.jobs.sqlite import SqliteStore
from impasto.service.jobs.store import Job, JobStore, StoreFault
from impasto.service.jobs.webhook import Webhooks, deliver_all, read_secrets
from impasto.service.log import moment
from impasto.service.metrics import JobCounts
from impasto.service.service import Service
from impasto.service.work import Work

_SOON = 5.0  # seconds in which a page has painted what it shows at first
_DELIVERIES = 4  # at once: a server that does not answer holds up few
_PATIENCE = 2.0  # seconds that the store may take to be counted; metrics are asked for every few seconds


def open_store(url: str | None) -> JobStore:
    """The store that `--jobs-url` names.

    Raises:
        UsageError: it names none.
        MissingExtra: it is a Redis, and the package redis is not there.
    """
    if url is None:
        return SqliteStore()
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path[1:] if parts.path.startswith("/") else "")
        if not path or parts.netloc:
            raise UsageError(f"--jobs-url {url} names no file", "sqlite:///jobs.sqlite", code="malformed")
        return SqliteStore(Path(path))
    if parts.scheme in ("redis", "rediss", "unix"):
        from impasto.service.jobs.redis import RedisStore

        return RedisStore(url)
    raise UsageError(
        f"--jobs-url {parts.scheme or url}: jobs do not lie there",
        "sqlite:///FILE, redis://HOST:PORT/0 or rediss://HOST:PORT/0",
        code="unknown-choice",
    )


class Jobs:
    """What the routes share of jobs.

    Args:
        service: whose jobs they are; called when a job is sent or begun.
        hosts: that work on them; None, other services on the same store do.
    Raises:
        UsageError: the address of the store, or the secret of webhooks, cannot be used.
    """

    def __init__(self, service: Service, hosts: Hosts | None, *, lease: float = 30) -> None:
        self.service, config = service, service.config
        bounds = Bounds(config.jobs_waiting, config.jobs_megabytes * 1_000_000, config.job_hours * 3600)
        self.queue = Queue(open_store(config.jobs_url), bounds, lease)
        self.runner = Runner(self.queue, hosts, self._work, config.job_seconds)
        keys = read_secrets(config.webhook_secret_file) if config.webhook_secret_file else []
        self.webhooks = Webhooks(config.webhook_host or (), keys)
        self.ending = False
        self._expected = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the store and begin to work.

        Raises:
            StoreFault: it cannot be opened.
        """
        await self.queue.store.open()
        self.runner.start()
        self._tasks.append(asyncio.create_task(self._prepare()))
        if self.webhooks.hosts:
            for _ in range(_DELIVERIES):
                deliver = deliver_all(self.queue, self.webhooks, lambda job: json.dumps(as_json(job)).encode())
                self._tasks.append(asyncio.create_task(deliver))

    def expect(self) -> None:
        """A job may come soon: have a process ready for it, once what is more urgent is done."""
        self._expected.set()

    async def _prepare(self) -> None:
        await self._expected.wait()
        await asyncio.sleep(_SOON)
        await self.runner.prepare()

    def end(self) -> None:
        """End the streams of events; their clients come again elsewhere."""
        self.ending = True

    async def close(self, grace: float) -> None:
        """Let what runs end, for so many seconds; what does not waits for the next service on the same store."""
        self.end()
        await self.runner.close(grace)
        await canceled(self._tasks)
        with contextlib.suppress(Exception):  # nobody is left whom it could concern
            await self.queue.store.close()

    async def counts(self) -> JobCounts:
        """How many jobs there are; what the store does not tell is left out."""
        waiting, hosts = None, self.runner.hosts
        with contextlib.suppress(StoreFault, asyncio.TimeoutError):
            waiting = (await asyncio.wait_for(self.queue.store.usage(), _PATIENCE)).waiting
        return JobCounts(waiting, self.runner.running, self.queue.ended, hosts.memory() if hosts else 0)

    async def send(
        self, form: Form, owner: str, *, learn: bool = False, idempotency: str = "", webhook: str = ""
    ) -> Job:
        """Put a job in.

        Args:
            learn: it is one of `POST /v1/styles`.
        Raises:
            UsageError: it makes no sense.
            MissingExtra: it needs a part that is not installed.
            Busy: there is no room.
        """
        if webhook:
            self.webhooks.check(webhook)
        request = await asyncio.to_thread(pack, form)  # a form may have many megabytes
        said = await asyncio.to_thread(digest, request, str(learn), webhook)
        earlier = await self.queue.earlier(owner, idempotency, said)
        if earlier is not None:
            return earlier
        kind = (await asyncio.to_thread(style_work if learn else job_work, form, self.service)).kind
        job = Job(
            id=secrets.token_urlsafe(18),
            kind=kind,
            owner=owner,
            created=0,
            expires=0,
            idempotency=idempotency,
            digest=said,
            webhook=webhook,
        )
        found = await self.queue.add(job, request)
        self.runner.wake()
        return found

    def _work(self, job: Job, request: bytes) -> Work:
        return (style_work if job.kind == "style" else job_work)(unpack(request), self.service).work


def as_json(job: Job, place: int | None = None) -> dict[str, Any]:
    """A job as clients see it.

    Args:
        place: among those that wait, 1 for the next.
    """
    at = f"/v1/jobs/{job.id}"
    links = {"self": at, "events": f"{at}/events"}
    if job.state == "done":
        links["result"] = f"{at}/result"
    if job.preview and job.state != "canceled":
        links["preview"] = f"{at}/preview"
    found: dict[str, Any] = {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "canceling": job.canceling and not job.over,
        "stopping": job.stopping and not job.over,
        "fraction": round(job.fraction, 4),
        "step": job.step,
        "total": job.total,
        "message": job.message,
        "losses": dict(job.losses),
        "created": moment(job.created),
        "began": moment(job.began) if job.began else None,
        "ended": moment(job.ended) if job.ended else None,
        "expires": moment(job.expires),
        "media_type": job.media_type or None,
        "facts": dict(job.facts),
        "notes": list(job.notes),
        "error": dict(job.error) or None,
        "links": links,
    }
    if place is not None:
        found["place"] = place
    if job.webhook:
        found["webhook"] = {"delivery": job.delivery or "waiting", "attempts": job.attempts}
    return found
