"""Work on replicas of Ray Serve: nothing is lost when one is killed, and nothing is painted twice."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import helpers
import numpy as np
import pytest
from helpers import ROOT, refused
from ray_works import Endless, Faulty, Watched, painting, pids

from impasto.errors import ImpastoError, MissingExtra
from impasto.progress import Progress
from impasto.service.hosts import Ending, TookTooLong, WorkerLost
from impasto.service.ray_hosts import RayHosts

OTHER = """
import asyncio, os, signal, sys
from pathlib import Path
from ray_works import Watched, painting
from impasto.service.ray_hosts import RayHosts

async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: print("asked to stop", flush=True))
    hosts = RayHosts(1, processors=0)
    await hosts.start()
    await hosts.run(Watched(painting(), Path(sys.argv[1]), "0"), 300)
    print("painted", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's own

Result = TypeVar("Result")

PATIENCE = 300  # seconds; a busy machine takes more than one minute to start a replica
wait_until = functools.partial(helpers.wait_until, seconds=PATIENCE)


class Front:
    """An event loop in a thread of its own, as a server's, with two replicas."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.hosts = RayHosts(2)

    def begin(self, call: Awaitable[Result]) -> Any:
        return asyncio.run_coroutine_threadsafe(call, self.loop)  # type: ignore[arg-type]

    def wait(self, call: Awaitable[Result], seconds: float = PATIENCE) -> Result:
        return self.begin(call).result(seconds)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    if importlib.util.find_spec("ray") is None:  # imported by the service itself, which settles who may use the cluster
        pytest.skip("ray is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        patch.setenv("RAY_worker_niceness", "0")  # at its 15 the tests beside these take all of the processor
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]))
        front = Front()
        try:
            front.wait(front.hosts.start())
            yield front
            front.wait(front.hosts.close(5))
        finally:
            front.stop()
            for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
                os.environ.pop(name, None)


def test_a_replica_is_killed_under_load(front: Front, tmp_path: Path) -> None:
    works = [Watched(painting(seed), tmp_path, str(seed), victim=seed == 5) for seed in range(24)]
    answers = [front.begin(front.hosts.run(work, PATIENCE)) for work in works]
    victim = tmp_path / "5.begun"
    wait_until(lambda: pids(victim) and len(list(tmp_path.glob("*.ended"))) > 6)
    os.kill(pids(victim)[0], signal.SIGKILL)
    pictures = [answer.result(PATIENCE).data for answer in answers]
    assert pictures == [work.work.run(lambda _: True).data for work in works]
    assert [len(pids(tmp_path / f"{seed}.ended")) for seed in range(24)] == [1] * 24
    assert [len(pids(tmp_path / f"{seed}.begun")) for seed in range(24)] == [1 + (seed == 5) for seed in range(24)]
    assert len(set(pids(victim))) == 2
    assert front.hosts.memory() > 10_000_000
    assert front.hosts.workers == 2
    wait_until(front.hosts.ready)


def test_two_at_a_time_and_not_more(front: Front, tmp_path: Path) -> None:
    folders = [tmp_path / str(index) for index in range(3)]
    for folder in folders:
        folder.mkdir()
    running = [front.begin(front.hosts.run(Endless(folder), PATIENCE)) for folder in folders]
    wait_until(lambda: sum((folder / "begun").exists() for folder in folders) == 2)
    third = next(folder for folder in folders if not (folder / "begun").exists())
    running[folders.index(third)].cancel()  # it leaves the queue
    for index in range(3):
        running[index].cancel()
    wait_until(lambda: sum((folder / "stopped").exists() for folder in folders) == 2)
    assert front.wait(front.hosts.run(painting(), PATIENCE)).data
    assert not (third / "begun").exists()


def test_progress_and_preview(front: Front, tmp_path: Path) -> None:
    told: list[Progress] = []
    running = front.begin(front.hosts.run(Endless(tmp_path), 60, told.append))
    wait_until(lambda: any(progress.preview for progress in told))
    running.cancel()
    assert told[0].message == "painting"
    assert told[0].losses == {"total": 1.0}
    preview = next(progress.preview for progress in told if progress.preview)
    np.testing.assert_allclose(preview().pixels, 200 / 255, atol=0.01)
    wait_until((tmp_path / "stopped").exists)


def test_work_that_takes_too_long_is_ended_even_if_it_does_not_listen(front: Front, tmp_path: Path) -> None:
    with refused(TookTooLong, "too-slow", "0.3"):
        front.wait(front.hosts.run(Endless(tmp_path, deaf=True), 0.3))
    process = pids(tmp_path / "begun")[0]
    wait_until(lambda: not Path(f"/proc/{process}").exists())
    assert not (tmp_path / "stopped").exists()
    both = [front.begin(front.hosts.run(painting(seed), PATIENCE)) for seed in range(4)]
    assert all(answer.result(PATIENCE).data for answer in both)


def test_errors_come_back_as_they_were(front: Front, tmp_path: Path) -> None:
    with refused(MissingExtra, "missing-extra", "PyAV", "impasto[video]"):
        front.wait(front.hosts.run(Faulty("missing", tmp_path), PATIENCE))
    with refused(ImpastoError, "unexpected"):
        front.wait(front.hosts.run(Faulty("bug", tmp_path), PATIENCE))


def test_work_that_kills_its_process_is_tried_once_more(front: Front, tmp_path: Path) -> None:
    with refused(WorkerLost, "killed"):
        front.wait(front.hosts.run(Faulty("killed", tmp_path), PATIENCE))
    assert len(set(pids(tmp_path / "begun"))) == 2
    assert front.wait(front.hosts.run(painting(), PATIENCE)).data


def test_one_that_holds_too_much_is_replaced_and_one_that_does_not_end_is_ended(front: Front, tmp_path: Path) -> None:
    hosts = RayHosts(1, worker_megabytes=1, processors=0)
    front.wait(hosts.start())
    assert front.wait(hosts.run(Watched(painting(), tmp_path, "0"), PATIENCE)).data
    large = pids(tmp_path / "0.ended")[0]
    wait_until(lambda: not Path(f"/proc/{large}").exists())
    assert hosts.recycled == 1
    running = front.begin(hosts.run(Endless(tmp_path, deaf=True), PATIENCE))
    wait_until((tmp_path / "begun").exists)
    waiting = front.begin(hosts.run(painting(), PATIENCE))
    front.wait(hosts.close(0.1))
    for answer in (running, waiting):
        with refused(Ending, "ending"):
            answer.result(5)
    with refused(Ending, "ending"):
        front.wait(hosts.run(painting(), PATIENCE))
    assert not hosts.ready()
    process = pids(tmp_path / "begun")[0]
    wait_until(lambda: not Path(f"/proc/{process}").exists())
    assert front.wait(front.hosts.run(painting(), PATIENCE)).data


def test_the_replicas_of_a_service_that_is_killed_end(front: Front, tmp_path: Path) -> None:
    import ray

    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, tmp_path],
        env={**os.environ, "RAY_ADDRESS": ray.get_runtime_context().gcs_address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "painted\n"
        other.terminate()
        assert other.stdout.readline() == "asked to stop\n"
        replica = pids(tmp_path / "0.ended")[0]
        assert Path(f"/proc/{replica}").exists()
    finally:
        other.kill()
        said = other.communicate()[1]
    assert "SIGTERM" not in said  # Ray's own handler prints a stack
    wait_until(lambda: not Path(f"/proc/{replica}").exists())
    assert front.wait(front.hosts.run(painting(), PATIENCE)).data


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:10001"])
def test_a_cluster_that_is_not_there(front: Front, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    with refused(ImpastoError, "unreachable", "RAY_ADDRESS"):
        asyncio.run(RayHosts(1).start())


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with refused(MissingExtra, "missing-extra", "impasto[ray]"):
        asyncio.run(RayHosts(1).start())
