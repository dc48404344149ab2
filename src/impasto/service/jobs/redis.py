"""Store jobs in Redis, which any number of machines can share."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from impasto.errors import MissingExtra, UsageError
from impasto.service.jobs.store import Edit, Job, QueueName, StoreFault, Usage

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

_ALL = "{impasto}"  # the braces make a Redis cluster keep all keys of a transaction on one machine
_SIZES, _WAITING, _ENDED, _EXPIRES = (f"{_ALL}:{name}" for name in ("sizes", "waiting", "ended", "expires"))
_QUEUES = {"work": f"{_ALL}:work", "webhook": f"{_ALL}:webhook"}
_BLOBS = ("request", "result", "preview")
_SOME = 20  # jobs that are read together
_CONNECTIONS = 32  # at most; a request waits if all are in use


class RedisStore:
    """Jobs in Redis. Each change is a transaction that is repeated if another program was faster.

    Args:
        url: redis://, rediss:// or unix://, for the package redis.
    """

    largest = 500_000_000  # Redis' own limit is 512 MiB

    def __init__(self, url: str) -> None:
        try:
            from redis import asyncio as redis
        except ImportError:
            raise MissingExtra("redis, which --jobs-url needs,", "redis") from None
        from redis.backoff import ExponentialBackoff
        from redis.exceptions import ConnectionError as Lost
        from redis.retry import Retry

        again = Retry(ExponentialBackoff(cap=0.5, base=0.05), 2, supported_errors=(Lost,))  # Redis was restarted
        times = {"timeout": 10, "socket_timeout": 30, "socket_connect_timeout": 5}
        try:
            pool = redis.BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS, retry=again, **times)
            self._redis: Redis = redis.Redis.from_pool(pool)
        except ValueError as error:
            raise UsageError(
                f"--jobs-url is not a valid address of Redis: {error}",
                "for example redis://HOST:6379/0",
                code="malformed",
            ) from error

    async def open(self) -> None:
        async with _faults():
            await self._redis.ping()

    async def close(self) -> None:
        await self._redis.aclose()

    async def now(self) -> float:
        async with _faults():
            seconds, micros = await self._redis.time()
        return float(seconds) + float(micros) / 1e6

    async def add(self, job: Job, request: bytes, most_waiting: int) -> Job | None:
        named = _named(job.owner, job.idempotency)

        async def add(pipe: Pipeline) -> Job | None:
            await pipe.watch(_WAITING, named)
            if job.idempotency:
                earlier = await pipe.get(named)
                text = await pipe.get(_key(earlier.decode())) if earlier else None
                if text:
                    return Job.from_json(text)
            if await pipe.scard(_WAITING) >= most_waiting:
                return None
            pipe.multi()
            if job.idempotency:
                pipe.set(named, job.id, pxat=round(job.expires * 1000))
            _write(pipe, job, {"request": request})
            await pipe.execute()
            return job

        return await self._transaction(add)

    async def get(self, job: str) -> Job | None:
        async with _faults():
            found = await self._redis.get(_key(job))
        return Job.from_json(found) if found else None

    async def named(self, owner: str, idempotency: str) -> Job | None:
        async with _faults():
            found = await self._redis.get(_named(owner, idempotency))
        return await self.get(found.decode()) if found else None

    async def change(self, job: str, edit: Edit, blobs: Mapping[str, bytes | None] | None = None) -> Job | None:
        async def change(pipe: Pipeline) -> Job | None:
            await pipe.watch(_key(job))
            text = await pipe.get(_key(job))
            found = Job.from_json(text) if text else None
            changed = edit(found) if found else None
            if found is None or changed is None:
                return None
            changed = changed.after(found)
            pipe.multi()
            _write(pipe, changed, blobs or {})
            await pipe.execute()
            return changed

        return await self._transaction(change)

    async def blob(self, job: str, name: str) -> bytes | None:
        async with _faults():
            found: bytes | None = await self._redis.get(f"{_key(job)}:{name}")
            return found

    async def due(self, queue: QueueName, now: float) -> list[str]:
        async with _faults():
            found = await self._redis.zrangebyscore(_QUEUES[queue], "-inf", now, 0, _SOME)
        return [name.decode() for name in found]

    async def earlier(self, job: Job) -> int:
        async with _faults():  # running jobs are due when their leases end, which is later
            return int(await self._redis.zcount(_QUEUES["work"], "-inf", f"({job.due!r}"))

    async def usage(self) -> Usage:
        async with _faults(), self._redis.pipeline() as pipe:
            pipe.scard(_WAITING)
            pipe.hvals(_SIZES)
            waiting, sizes = await pipe.execute()
        return Usage(waiting, len(sizes), sum(map(int, sizes)))

    async def ended(self) -> list[str]:
        async with _faults():
            return [name.decode() for name in await self._redis.zrange(_ENDED, 0, _SOME - 1)]

    async def remove(self, job: str) -> None:
        async with _faults(), self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(_key(job), *(f"{_key(job)}:{name}" for name in _BLOBS))
            for index in (_ENDED, _EXPIRES, *_QUEUES.values()):
                pipe.zrem(index, job)
            pipe.srem(_WAITING, job)
            pipe.hdel(_SIZES, job)
            await pipe.execute()

    async def sweep(self, now: float) -> None:
        async with _faults():  # Redis deletes expired jobs itself, but not their entries in lists
            expired = await self._redis.zrangebyscore(_EXPIRES, "-inf", now)
        for name in expired:
            await self.remove(name.decode())

    async def _transaction(self, body: Callable[[Pipeline], Awaitable[Job | None]]) -> Job | None:
        """Run a transaction. Repeat it until no other program interferes."""
        from redis.exceptions import WatchError

        for _ in range(1000):
            async with _faults(), self._redis.pipeline(transaction=True) as pipe:
                try:
                    return await body(pipe)
                except WatchError:
                    continue
        raise StoreFault("too many programs change the jobs at the same time")


def _key(job: str) -> str:
    return f"{_ALL}:job:{job}"


def _named(owner: str, idempotency: str) -> str:
    return f"{_ALL}:named:{owner} {idempotency}"


def _write(pipe: Pipeline, job: Job, blobs: Mapping[str, bytes | None]) -> None:
    """Queue the commands that write a job and its blobs."""
    key, until = _key(job.id), round(job.expires * 1000)
    pipe.set(key, job.to_json(), pxat=until)
    for name, data in blobs.items():
        if data is None:
            pipe.delete(f"{key}:{name}")
        else:
            pipe.set(f"{key}:{name}", data)
    for name in _BLOBS:
        pipe.pexpireat(f"{key}:{name}", until)
    for queue, index in _QUEUES.items():
        if queue == job.queue:
            pipe.zadd(index, {job.id: job.due})
        else:
            pipe.zrem(index, job.id)
    (pipe.sadd if job.state == "waiting" else pipe.srem)(_WAITING, job.id)
    if job.over:
        pipe.zadd(_ENDED, {job.id: job.ended})
    pipe.zadd(_EXPIRES, {job.id: job.expires})
    pipe.hset(_SIZES, job.id, str(job.size))


@contextlib.asynccontextmanager
async def _faults() -> AsyncIterator[Any]:
    """Convert errors of the package redis into a `StoreFault`."""
    from redis.exceptions import RedisError

    try:
        yield
    except (RedisError, OSError) as error:
        full = any(word in str(error) for word in ("OOM", "maxmemory", "MISCONF"))
        raise StoreFault(
            f"the Redis store of jobs failed: {error}", code="disk-full" if full else "unreachable"
        ) from error
