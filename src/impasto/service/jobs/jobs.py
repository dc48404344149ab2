"""The jobs of a service: their store, their hosts, and their representation for clients."""

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

_SOON = 5.0  # seconds in which a page has painted its first previews
_DELIVERIES = 4  # deliveries at once, so that a server that does not answer delays only few
_PATIENCE = 2.0  # seconds that the store may take to count; metrics are requested every few seconds


def open_store(url: str | None) -> JobStore:
    """Return the store that `--jobs-url` names.

    Raises:
        UsageError: the URL is invalid.
        MissingExtra: the store is Redis, and the package redis is not installed.
    """
    if url is None:
        return SqliteStore()
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = unquote(parts.path[1:] if parts.path.startswith("/") else "")
        if not path or parts.netloc:
            raise UsageError(
                f"--jobs-url {url} contains no file", "for example --jobs-url sqlite:///jobs.sqlite", code="malformed"
            )
        return SqliteStore(Path(path))
    if parts.scheme in ("redis", "rediss", "unix"):
        from impasto.service.jobs.redis import RedisStore

        return RedisStore(url)
    raise UsageError(
        f"--jobs-url {parts.scheme or url} is not supported",
        "use sqlite:///FILE, redis://HOST:PORT/0 or rediss://HOST:PORT/0",
        code="unknown-choice",
    )


class Jobs:
    """The objects that the routes of jobs share.

    Args:
        service: the service of the jobs. It is used when a job is sent or begun.
        hosts: do the jobs; None if other services on the same store do them.
    Raises:
        UsageError: the store's address, or the webhooks' secret, is invalid.
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
            StoreFault: the store cannot be opened.
        """
        await self.queue.store.open()
        self.runner.start()
        self._tasks.append(asyncio.create_task(self._prepare()))
        if self.webhooks.hosts:
            for _ in range(_DELIVERIES):
                deliver = deliver_all(self.queue, self.webhooks, lambda job: json.dumps(as_json(job)).encode())
                self._tasks.append(asyncio.create_task(deliver))

    def expect(self) -> None:
        """Prepare a process for a job that may come soon, after more urgent work."""
        self._expected.set()

    async def _prepare(self) -> None:
        await self._expected.wait()
        await asyncio.sleep(_SOON)
        await self.runner.prepare()

    def end(self) -> None:
        """End the streams of events. Their clients reconnect to other services."""
        self.ending = True

    async def close(self, grace: float) -> None:
        """Let running jobs end, up to a time in seconds. The rest waits for the next service on the same store."""
        self.end()
        await self.runner.close(grace)
        await canceled(self._tasks)
        with contextlib.suppress(Exception):  # errors no longer matter to anybody
            await self.queue.store.close()

    async def counts(self) -> JobCounts:
        """Count the jobs. Counts that the store cannot provide are left out."""
        waiting, hosts = None, self.runner.hosts
        with contextlib.suppress(StoreFault, asyncio.TimeoutError):
            waiting = (await asyncio.wait_for(self.queue.store.usage(), _PATIENCE)).waiting
        return JobCounts(waiting, self.runner.running, self.queue.ended, hosts.memory() if hosts else 0)

    async def send(
        self, form: Form, owner: str, *, learn: bool = False, idempotency: str = "", webhook: str = ""
    ) -> Job:
        """Add a job.

        Args:
            learn: True for a job of `POST /v1/styles`.
        Raises:
            UsageError: the request is invalid.
            MissingExtra: an optional package is not installed.
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
    """Return a job as clients see it.

    Args:
        place: place in the queue, 1 for the next.
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
