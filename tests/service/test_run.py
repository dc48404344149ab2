"""`impasto serve` as a process: keys, signals, its end, and what is left of it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asgi import Said
from helpers import file_bytes, scene, wait_until

pytest.importorskip("uvicorn")
psutil = pytest.importorskip("psutil")
if sys.platform == "win32":
    pytest.skip("signals are POSIX's", allow_module_level=True)

PROGRAM = [sys.executable, "-m", "impasto", "serve", "--port", "0"]
KEY, OTHER = "0123456789abcdef", "fedcba9876543210"
QUICK = "/v1/stylize?style=udnie&engine=light"
LONG = "/v1/stylize?style=udnie&brush_size=0.25&size=2000"
ENDLESS = "/v1/stylize?style=udnie&brush_size=0.25&size=8000"


class Server:
    """A service in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self.log = process, log
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, log.read_text()
        self.port = int(line.split("localhost:")[1].split()[0])

    def ask(self, path: str, photo: bytes = b"", **headers: str) -> Said:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST" if photo else "GET", path, photo or None, headers)
        answer = connection.getresponse()
        return Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def count(self, name: str) -> float:
        """A number of /metrics."""
        lines = self.ask("/metrics").body.decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def running(self) -> bool:
        """Whether a picture is painted now."""
        return self.count("impasto_running") == 1

    def workers(self) -> list[Any]:
        return psutil.Process(self.process.pid).children(recursive=True)


@contextmanager
def serving(folder: Path, *words: str, ready: bool = True) -> Iterator[Server]:
    log = folder / "log.txt"
    environment = os.environ | {"TMPDIR": str(folder)}
    with log.open("w") as errors:
        command = [*PROGRAM, "--workers", "1", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    with process:
        try:
            server = Server(process, log)
            if ready:
                wait_until(lambda: server.ask("/readyz").status == 200)
            yield server
        finally:
            process.kill()


@pytest.fixture
def photo() -> bytes:
    return file_bytes(scene(), "JPEG")


class Asking(threading.Thread):
    """A request in a thread of its own."""

    def __init__(self, server: Server, path: str, photo: bytes) -> None:
        super().__init__(daemon=True)
        self.server, self.path, self.photo = server, path, photo
        self.answer: Said | None = None
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):  # some services do not live to answer
            self.answer = self.server.ask(self.path, self.photo)

    def said(self) -> Said:
        self.join(60)
        assert self.answer is not None
        return self.answer


def leftovers(folder: Path) -> list[Path]:
    """Temporary files of the service."""
    return [*folder.glob("impasto-*")]


def test_keys_change_without_a_restart_and_never_reach_the_log(tmp_path: Path, photo: bytes) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(f"shop: {KEY}\n")
    keys.chmod(0o600)
    with serving(tmp_path, "--api-key-file", str(keys)) as server:
        painted = server.ask(QUICK, photo, authorization=f"Bearer {KEY}")
        assert (painted.status, painted.headers["x-content-type-options"]) == (200, "nosniff")
        assert server.ask(QUICK, photo, authorization=f"Bearer {OTHER}").status == 401
        assert server.ask(f"/v1/styles?key={KEY}").status == 401
        keys.write_text(f"{OTHER}\n")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.ask("/v1/styles", authorization=f"Bearer {OTHER}").status == 200)
        assert server.ask("/v1/styles", authorization=f"Bearer {KEY}").status == 401
        keys.write_text("")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the old keys remain" in server.log.read_text())
        assert server.ask("/v1/styles", authorization=f"Bearer {OTHER}").status == 200
        log = server.log.read_text()
    line = next(line for line in log.splitlines() if "/v1/stylize 200" in line)
    assert "key=shop" in line
    assert "megapixels=0.01" in line
    assert KEY not in log
    assert OTHER not in log


def test_sigterm_finishes_what_runs_and_refuses_the_rest(tmp_path: Path, photo: bytes) -> None:
    with serving(tmp_path, "--grace", "60") as server:
        workers = server.workers()
        assert server.ask("/nowhere").status == 404
        assert server.count('impasto_answers_total{status="404"}') == 1
        running = Asking(server, LONG, photo)
        wait_until(server.running)
        waiting = Asking(server, QUICK, photo)
        wait_until(lambda: server.count("impasto_queue_depth") == 1)
        server.process.send_signal(signal.SIGTERM)
        refused = waiting.said()
        assert (refused.status, refused.code, refused.headers["connection"]) == (503, "ending", "close")
        assert int(refused.headers["retry-after"]) >= 1
        assert running.is_alive()
        assert server.ask("/readyz").status == 503
        assert server.ask("/healthz").status == 200
        assert server.ask(QUICK, photo).status == 503
        finished = running.said()
        assert finished.status == 200
        assert finished.headers["impasto-size"] == "2000x1333"
        assert server.process.wait(10) == 0
    assert not any(worker.is_running() for worker in workers)
    assert not leftovers(tmp_path)


def test_what_takes_longer_than_the_grace_is_refused(tmp_path: Path, photo: bytes) -> None:
    with serving(tmp_path, "--grace", "1") as server:
        running = Asking(server, ENDLESS, photo)
        wait_until(server.running)
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert time.monotonic() - begun < 2.5
        assert (running.said().status, running.said().code) == (503, "ending")
    assert not leftovers(tmp_path)


def test_a_picture_is_painted_again_when_its_worker_is_killed(tmp_path: Path, photo: bytes) -> None:
    with serving(tmp_path) as server:
        running = Asking(server, LONG.replace("2000", "1000"), photo)
        wait_until(server.running)
        for worker in server.workers():
            worker.kill()
        assert running.said().status == 200
        assert server.count("impasto_workers_lost_total") == 1


def test_a_second_signal_ends_it_at_once(tmp_path: Path, photo: bytes) -> None:
    with serving(tmp_path) as server:
        Asking(server, ENDLESS, photo)
        wait_until(server.running)
        workers = server.workers()
        server.process.send_signal(signal.SIGINT)
        wait_until(lambda: server.ask("/readyz").status == 503)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(5) == 130
        wait_until(lambda: not any(alive(worker) for worker in workers), 10)
    assert not leftovers(tmp_path)


def test_nothing_is_left_of_a_service_that_is_killed(tmp_path: Path, photo: bytes) -> None:
    with serving(tmp_path) as server:
        Asking(server, ENDLESS, photo)
        wait_until(server.running)
        workers = server.workers()
        server.process.kill()
        server.process.wait(5)
        wait_until(lambda: not any(alive(worker) for worker in workers), 10)
    assert leftovers(tmp_path)
    with serving(tmp_path, ready=False) as server:
        assert len(leftovers(tmp_path)) == 1  # its own
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
    assert not leftovers(tmp_path)


def alive(process: Any) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_a_supervisor_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "told"))
        supervisor.settimeout(30)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NOTIFY_SOCKET", str(tmp_path / "told"))
            with serving(tmp_path, ready=False) as server:
                assert supervisor.recv(100) == b"READY=1"
                server.process.send_signal(signal.SIGTERM)
                assert supervisor.recv(100) == b"STOPPING=1"
                assert server.process.wait(10) == 0
