"""Store jobs in a SQLite file, which the programs of one machine can share."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from impasto.service.jobs.folders import PrivateFolder, remove_abandoned
from impasto.service.jobs.store import Edit, Job, QueueName, StoreFault, Usage

T = TypeVar("T")

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    record TEXT NOT NULL,
    state TEXT NOT NULL,
    queue TEXT,
    due REAL NOT NULL,
    expires REAL NOT NULL,
    ended REAL NOT NULL,
    size INTEGER NOT NULL,
    idempotency TEXT UNIQUE
);
CREATE INDEX IF NOT EXISTS by_queue ON jobs (queue, due);
CREATE INDEX IF NOT EXISTS by_end ON jobs (expires);
CREATE TABLE IF NOT EXISTS blobs (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (job, name)
);
"""
LOG = logging.getLogger("impasto.service")
_SOME = 20  # jobs that are read together


class SqliteStore:
    """Jobs in a SQLite file. A thread of its own runs the blocking calls.

    Args:
        path: the file; None for one in a private temporary folder that is removed at the end.
    """

    largest = 900_000_000  # SQLite's own limit is 10^9

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._folder: PrivateFolder | None = None
        self._thread = ThreadPoolExecutor(1, "jobs")
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._latest, self._at = 0.0, time.monotonic()
        self._file: tuple[int, int] | None = None

    async def open(self) -> None:
        await self._do(self._open)

    async def close(self) -> None:
        closing = asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._closed = True
        await closing
        self._thread.shutdown()

    async def now(self) -> float:
        now, moment = time.time(), time.monotonic()
        # If the system's clock is set back, this clock continues. Otherwise waiting jobs would be due too late.
        self._latest, self._at = max(now, self._latest + moment - self._at), moment
        return self._latest

    async def add(self, job: Job, request: bytes, most_waiting: int) -> Job | None:
        return await self._do(functools.partial(self._add, job, request, most_waiting))

    async def get(self, job: str) -> Job | None:
        return await self._do(lambda: self._get(job))

    async def named(self, owner: str, idempotency: str) -> Job | None:
        found = await self._rows("SELECT record FROM jobs WHERE idempotency = ?", _named(owner, idempotency))
        return Job.from_json(found[0][0]) if found else None

    async def change(self, job: str, edit: Edit, blobs: Mapping[str, bytes | None] | None = None) -> Job | None:
        return await self._do(lambda: self._change(job, edit, blobs or {}))

    async def blob(self, job: str, name: str) -> bytes | None:
        found = await self._rows("SELECT data FROM blobs WHERE job = ? AND name = ?", job, name)
        return bytes(found[0][0]) if found else None

    async def due(self, queue: QueueName, now: float) -> list[str]:
        asked = "SELECT id FROM jobs WHERE queue = ? AND due <= ? ORDER BY due LIMIT ?"
        return [row[0] for row in await self._rows(asked, queue, now, _SOME)]

    async def earlier(self, job: Job) -> int:
        asked = "SELECT count(*) FROM jobs WHERE queue = 'work' AND due < ? AND state = 'waiting'"
        return int((await self._rows(asked, job.due))[0][0])

    async def usage(self) -> Usage:
        asked = "SELECT coalesce(sum(state = 'waiting'), 0), count(*), coalesce(sum(size), 0) FROM jobs"
        return Usage(*(await self._rows(asked))[0])

    async def ended(self) -> list[str]:
        asked = "SELECT id FROM jobs WHERE ended > 0 ORDER BY ended LIMIT ?"
        return [row[0] for row in await self._rows(asked, _SOME)]

    async def remove(self, job: str) -> None:
        await self._rows("DELETE FROM jobs WHERE id = ?", job)

    async def sweep(self, now: float) -> None:
        await self._rows("DELETE FROM jobs WHERE expires <= ?", now)

    # The methods that run in the thread.

    async def _do(self, call: Callable[[], T]) -> T:
        if self._closed:
            raise StoreFault("the store of jobs is closed", "the service is shutting down")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except sqlite3.Error as error:
            code = "disk-full" if "full" in str(error) else "unreachable"
            raise StoreFault(
                f"cannot store jobs: {error}", "choose another file with --jobs-url sqlite:///FILE", code
            ) from error

    async def _rows(self, asked: str, *values: object) -> list[Any]:
        def call() -> list[Any]:
            return self._opened().execute(asked, values).fetchall()

        return await self._do(call)

    def _open(self) -> None:
        if self._path is None:
            remove_abandoned()
            self._folder = PrivateFolder()
            self._path = self._folder.path / "jobs.sqlite"
        path = self._path
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # other users must not read the data of clients
        except OSError as error:
            raise StoreFault(
                f"cannot open {path}: {error.strerror}", "choose another file with --jobs-url sqlite:///FILE"
            ) from error
        database = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        self._connection = database
        for pragma in ("auto_vacuum = FULL", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            database.execute(f"PRAGMA {pragma}")
        database.executescript(_TABLES)
        jobs = (Job.from_json(record) for (record,) in database.execute("SELECT record FROM jobs"))
        self._latest = max((moment for job in jobs for moment in (job.created, job.began, job.ended)), default=0.0)
        self._at, self._file = time.monotonic(), _file(path)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._folder is not None:
            self._folder.remove()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreFault("the store of jobs is not open")
        assert self._path is not None
        if _file(self._path) != self._file:
            LOG.warning("the file of jobs was removed; a new one is created")
            self._connection.close()
            self._open()
        return self._connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        database = self._opened()
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
            database.execute("COMMIT")
        finally:
            if database.in_transaction:  # on a full disk, the transaction has already ended
                database.execute("ROLLBACK")

    def _add(self, job: Job, request: bytes, most_waiting: int) -> Job | None:
        with self._transaction() as database:
            if job.idempotency:
                asked = "SELECT record FROM jobs WHERE idempotency = ?"
                found = database.execute(asked, (_named(job.owner, job.idempotency),)).fetchone()
                if found:
                    return Job.from_json(found[0])
            waiting = database.execute("SELECT count(*) FROM jobs WHERE state = 'waiting'").fetchone()[0]
            if waiting >= most_waiting:
                return None
            database.execute(
                "INSERT INTO jobs (id, record, state, queue, due, expires, ended, size, idempotency)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (job.id, *_columns(job), _named(job.owner, job.idempotency)),
            )
            database.execute("INSERT INTO blobs VALUES (?, 'request', ?)", (job.id, request))
            return job

    def _get(self, job: str) -> Job | None:
        found = self._opened().execute("SELECT record FROM jobs WHERE id = ?", (job,)).fetchone()
        return Job.from_json(found[0]) if found else None

    def _change(self, name: str, edit: Edit, blobs: Mapping[str, bytes | None]) -> Job | None:
        with self._transaction() as database:
            job = self._get(name)
            changed = edit(job) if job else None
            if job is None or changed is None:
                return None
            changed = changed.after(job)
            database.execute(
                "UPDATE jobs SET record = ?, state = ?, queue = ?, due = ?, expires = ?, ended = ?, size = ?"
                " WHERE id = ?",
                (*_columns(changed), name),
            )
            for blob, data in blobs.items():
                if data is None:
                    database.execute("DELETE FROM blobs WHERE job = ? AND name = ?", (name, blob))
                else:
                    database.execute("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)", (name, blob, data))
            return changed


def _file(path: Path) -> tuple[int, int] | None:
    """Return values that distinguish a file from its replacement; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _named(owner: str, idempotency: str) -> str | None:
    return f"{owner} {idempotency}" if idempotency else None


def _columns(job: Job) -> tuple[object, ...]:
    return job.to_json(), job.state, job.queue, job.due, job.expires, job.ended, job.size
