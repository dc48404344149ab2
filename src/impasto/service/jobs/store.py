"""The record of a job, and the interface of a store of jobs."""

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
        id: a secret id. A client that has it and the owner's key may see the job.
        kind: photo, optimize, clip, folder or style.
        owner: name of the key that sent it; "" without keys.
        expires: when everything of it is removed. Every change postpones this.
        version: counts the changes that clients can see.
        idempotency: the owner's name for the request. The same request with it returns this job.
        digest: of the request.
        preview: True if there is a preview.
        holder: the claim that works on it.
        lease: until when that claim is valid.
        tries: how often it was claimed.
        canceling: True if it should end.
        stopping: True if it should end with its current result.
        size: stored bytes.
        error: message, hint and code, if it failed.
        webhook: address to notify when it has ended; "" for none.
        delivery: state of the notification: "", pending, delivered or failed.
        attempts: number of delivery attempts. The next is due at `deliver_at`.
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
        """Return True if it has ended in any way."""
        return self.state in ("done", "failed", "canceled")

    @property
    def queue(self) -> QueueName | None:
        """Return the queue in which it waits."""
        if not self.over:
            return "work"
        return "webhook" if self.delivery == "pending" else None

    @property
    def due(self) -> float:
        """Return the time from which it may be taken out of its queue."""
        if self.state == "waiting":
            return self.created
        return self.lease if self.state == "running" else self.deliver_at

    def after(self, before: Job) -> Job:
        """Return the job with its version counted, unless only the lease has changed."""
        same = replace(self, lease=before.lease, expires=before.expires) == before
        return replace(self, version=before.version + (not same))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Job:
        """Read a job from a store. Fields of other versions are ignored."""
        values = json.loads(text)
        known = {name: value for name, value in values.items() if name in cls.__dataclass_fields__}
        return cls(**known | {"notes": tuple(known.get("notes", ()))})

    def ended_as(self, state: State, now: float, **facts: Any) -> Job:
        """Return the job, ended."""
        delivery = "pending" if self.webhook else ""
        return replace(self, state=state, ended=now, holder="", lease=0.0, delivery=delivery, deliver_at=now, **facts)


Edit: TypeAlias = Callable[[Job], "Job | None"]
"""Returns the changed job, or None to leave it unchanged. It may be called more than once."""


class Usage(NamedTuple):
    """The size of the store's content."""

    waiting: int
    jobs: int
    size: int


class StoreFault(Busy):
    """The store does not answer or has no room: code unreachable or disk-full."""

    def __init__(self, message: str, hint: str = "", code: str = "unreachable") -> None:
        super().__init__(message, 10, hint, code=code)


class JobStore(Protocol):
    """A store of jobs. All programs that share one see the same jobs.

    A job has blobs, which are bytes by name: "request", "result", "preview". Every method raises `StoreFault` if the
    store does not answer.
    """

    largest: int
    """The largest size of one blob in bytes."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def now(self) -> float:
        """Return the seconds since 1970. The clock is the same for all programs that share the store."""

    async def add(self, job: Job, request: bytes, most_waiting: int) -> Job | None:
        """Add a job. Return None if too many wait, or the earlier job if the owner has used the idempotency key."""

    async def get(self, job: str) -> Job | None: ...

    async def named(self, owner: str, idempotency: str) -> Job | None:
        """Return the job that an owner has sent with a key."""

    async def change(self, job: str, edit: Edit, blobs: Mapping[str, bytes | None] | None = None) -> Job | None:
        """Change a job and its blobs in one step, or not at all.

        Args:
            edit: returns the changed job. `version` is counted here.
            blobs: new contents; None removes a blob.
        Returns:
            The changed job; None if it does not exist or if `edit` returned None.
        """

    async def blob(self, job: str, name: str) -> bytes | None: ...

    async def due(self, queue: QueueName, now: float) -> list[str]:
        """Return some jobs that can be taken out of a queue, the earliest due first."""

    async def earlier(self, job: Job) -> int:
        """Count the waiting jobs that were sent before a waiting job."""

    async def usage(self) -> Usage: ...

    async def ended(self) -> list[str]:
        """Return some jobs that have ended, the earliest first."""

    async def remove(self, job: str) -> None: ...

    async def sweep(self, now: float) -> None:
        """Remove expired jobs."""
