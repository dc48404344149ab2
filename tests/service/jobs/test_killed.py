"""A replica that is killed in the middle of a job: another does it, once."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT
from job_works import BEGUN, GATES, GateWork
from services import ThreadHosts

from impasto.service.jobs.jobs import open_store
from impasto.service.jobs.queue import Bounds, Queue
from impasto.service.jobs.runner import Runner
from impasto.service.jobs.store import Job

BOUNDS = Bounds(waiting=10, size=1_000_000, kept=3600)

REPLICA = """
import asyncio, sys
from impasto.service.jobs.jobs import open_store
from impasto.service.jobs.queue import Bounds, Queue
from impasto.service.jobs.runner import Runner
from job_works import GateWork
from services import ThreadHosts

async def main():
    store = open_store(sys.argv[1])
    await store.open()
    queue = Queue(store, Bounds(10, 1_000_000, 3600), lease=1.5)
    Runner(queue, ThreadHosts(1), lambda job, request: GateWork("never"), 60).start()
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("kind", ["sqlite", "redis"])
def test_a_replica_that_is_killed_leaves_its_job_to_another(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = request.getfixturevalue("redis_url") if kind == "redis" else f"sqlite:///{tmp_path / 'jobs.sqlite'}"
    GATES.clear()
    BEGUN.clear()

    async def main() -> Job:
        store: Any = open_store(url)
        await store.open()
        queue = Queue(store, BOUNDS, lease=1.5)
        sent = await queue.add(Job("one", "photo", "", 0, 0), b"x")
        with subprocess.Popen([sys.executable, "-c", REPLICA, url], env=_environment()) as process:
            await _until(store, lambda found: found.step > 0)
            process.send_signal(signal.SIGKILL)
        runner = Runner(queue, ThreadHosts(1), lambda job, request: GateWork("other"), 60)
        runner.start()
        assert await queue.claim() is None  # the dead one's claim still holds
        found = await _until(store, lambda found: found.tries == 2 and "other" in GATES)
        GATES["other"].set()
        found = await _until(store, lambda found: found.over)
        assert await store.blob(sent.id, "result") == b"other done"
        await runner.close(0)
        await store.close()
        return found

    found = asyncio.run(main())
    assert (found.state, found.tries) == ("done", 2)
    assert BEGUN == {"other": ["other"]}


async def _until(store: Any, condition: Any) -> Job:
    deadline = time.monotonic() + 30
    while True:
        found = await store.get("one")
        if found is not None and condition(found):
            return replace(found)
        assert time.monotonic() < deadline, f"it never happened: {found}"
        await asyncio.sleep(0.01)


def _environment() -> dict[str, str]:
    import os

    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    return os.environ | {"PYTHONPATH": path}
