"""A real Redis, and both stores."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers import wait_until

from impasto.service.jobs.sqlite import SqliteStore
from impasto.service.jobs.store import JobStore


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis of its own, on a socket in a temporary folder."""
    pytest.importorskip("redis")
    program = shutil.which("redis-server")
    if program is None or sys.platform == "win32":
        pytest.skip("there is no redis-server")
    folder = tmp_path_factory.mktemp("redis")
    place = str(folder / "socket")
    words = [program, "--port", "0", "--unixsocket", place, "--save", "", "--dir", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _listens(place))
            yield f"unix://{place}"
        finally:
            process.terminate()


def _listens(place: str) -> bool:
    """A socket's file is there a moment before connections are taken."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(place) == 0


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The same, with nothing in it."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(params=["sqlite", "redis"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    """Opens the same store anew at each call, as another program would."""
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None

    @asynccontextmanager
    async def opened() -> AsyncIterator[JobStore]:
        store: JobStore
        if url is None:
            store = SqliteStore(tmp_path / "jobs.sqlite")
        else:
            from impasto.service.jobs.redis import RedisStore

            store = RedisStore(url)
        await store.open()
        try:
            yield store
        finally:
            await store.close()

    return opened
