"""What is known of a job, and what a store of jobs must be able to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from impasto.service.hosts import Busy

State: TypeAlias = Literal["waiting", "running", "done", "failed", "canceled"]
QueueName: TypeAlias = Literal["work", "webhook"]


@dataclass(frozen=True)
class Job:
    """One job. Times are seconds since 1970, by the store's clock.

    Attributes:
        id: unguessable; who knows it and has the owner's key may see the job.
        kind: photo, optimize, clip, folder or style.
        owner: whose key it was sent with; "" where there are no keys.
        expires: when all of it is removed; every change moves it.
        version: counts the changes that clients see.
        idempotency: the owner's name for the request; the same again gives this job.
        digest: of the request.
        preview: whether there is a picture of where it stands.
        holder: the claim that works on it.
        lease: until when that claim holds.
        tries: how often it was claimed.
        canceling: it is to end.
        stopping: it is to end with what there is.
        size: bytes that are stored of it.
        error: message, hint and code, if it failed.
        webhook: where to say that it has ended; "" nowhere.
        delivery: what became of that: "", pending, delivered or failed.
        attempts: how often that was tried; the next is due at `deliver_at`.
    """

    id: str
    kind: str
    owner: str
    created: float
    expires: float
    state: State = "waiting"
    version: int = 1
    idempotency: str = ""
    digest: str = ""
    step: int = 0
    total: int = 0
    fraction: float = 0.0
    message: str = ""
    losses: Mapping[str, float] = field(default_factory=dict)
    preview: bool = False
    holder: str = ""
    lease: float = 0.0
    tries: int = 0
    canceling: bool = False
    stopping: bool = False
    size: int = 0
    began: float = 0.0
    ended: float = 0.0
    media_type: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: Mapping[str, str] = field(default_factory=dict)
    webhook: str = ""
    delivery: str = ""
    attempts: int = 0
    deliver_at: float = 0.0

    @property
    def over(self) -> bool:
        """Whether it has ended, one way or another."""
        return self.state in ("done", "failed", "canceled")

    @property
    def queue(self) -> QueueName | None:
        """What has to be done about it."""
        if not self.over:
            return "work"
        return "webhook" if self.delivery == "pending" else None

    @property
    def due(self) -> float:
        """From when on somebody may take it out of its queue."""
        if self.state == "waiting":
            return self.created
        return self.lease if self.state == "running" else self.deliver_at

    def after(self, before: Job) -> Job:
        """The same job, its version counted; that somebody still works on it is no news."""
        same = replace(self, lease=before.lease, expires=before.expires) == before
        return replace(self, version=before.version + (not same))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Job:
        """A job out of a store; fields of another version are left out."""
        values = json.loads(text)
        known = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        return cls(**known | {"notes": tuple(known.get("notes", ()))})

    def ended_as(self, state: State, now: float, **facts: Any) -> Job:
        """The same job, ended."""
        delivery = "pending" if self.webhook else ""
        return replace(self, state=state, ended=now, holder="", lease=0.0, delivery=delivery, deliver_at=now, **facts)


Edit: TypeAlias = Callable[[Job], "Job | None"]
"""Gives the job as it shall be, or None to leave it. It may be called more than once."""


class Usage(NamedTuple):
    """How much is stored."""

    waiting: int
    jobs: int
    size: int


class StoreFault(Busy):
    """The store does not answer, or has no room: code unreachable or disk-full."""

    def __init__(self, message: str, hint: str = "", code: str = "unreachable") -> None:
        super().__init__(message, 10, hint, code=code)


class JobStore(Protocol):
    """Where jobs lie. All programs that share one see the same jobs.

    What lies beside a job are bytes by name: "request", "result", "preview".
    Every method raises `StoreFault` where the store does not answer.
    """

    largest: int
    """Bytes that one value may have."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def now(self) -> float:
        """Seconds since 1970, the same for all programs that share the store."""

    async def add(self, job: Job, request: bytes, most_waiting: int) -> Job | None:
        """Put a job in. None if so many wait already; the earlier job if the owner has sent its idempotency before."""

    async def get(self, job: str) -> Job | None: ...

    async def named(self, owner: str, idempotency: str) -> Job | None:
        """What an owner has sent under a key."""

    async def change(self, job: str, edit: Edit, blobs: Mapping[str, bytes | None] | None = None) -> Job | None:
        """Change a job and what lies beside it, at once or not at all.

        Args:
            edit: gives the changed job; `version` is counted here.
            blobs: what to write; None removes.
        Returns:
            the job as it is now; None if it is not there or `edit` left it.
        """

    async def blob(self, job: str, name: str) -> bytes | None: ...

    async def due(self, queue: QueueName, now: float) -> list[str]:
        """Some that can be taken out of a queue, the first due first."""

    async def earlier(self, job: Job) -> int:
        """How many wait that were sent before a job that waits."""

    async def usage(self) -> Usage: ...

    async def ended(self) -> list[str]:
        """Some that have ended, the first first."""

    async def remove(self, job: str) -> None: ...

    async def sweep(self, now: float) -> None:
        """Remove what has expired."""
