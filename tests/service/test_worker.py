"""A process that does work, seen through its pipes."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT, refused, wait_until
from service_works import Die, Fail, Say, Wait

from impasto.errors import ImpastoError
from impasto.progress import Progress
from impasto.service.messages import LENGTH, Begun, Done, packed
from impasto.service.work import Work

psutil = pytest.importorskip("psutil")


class Worker:
    """A process and its pipes."""

    def __init__(self) -> None:
        paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT / "src")])
        environment = os.environ | {"PYTHONPATH": paths, "IMPASTO_THREADS": "1"}
        command = [sys.executable, "-m", "impasto.service.worker", "3"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)

    def say(self, *pieces: bytes | memoryview) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(LENGTH.pack(sum(map(len, pieces))) + b"".join(pieces))
        self.process.stdin.flush()

    def do(self, work: Work) -> None:
        self.say(*packed(work))

    def hear(self) -> Any:
        assert self.process.stdout is not None
        (length,) = LENGTH.unpack(self.process.stdout.read(LENGTH.size))
        return pickle.loads(self.process.stdout.read(length))

    def done(self) -> Done:
        while not isinstance(message := self.hear(), Done):
            pass
        return message


@pytest.fixture
def worker() -> Iterator[Worker]:
    found = Worker()
    assert found.hear() == Begun()
    with found.process:
        yield found
        found.process.kill()


def test_it_says_that_it_has_begun_and_what_has_come_out(worker: Worker) -> None:
    worker.do(Say("a"))
    assert worker.hear() == Begun()
    done = worker.hear()
    assert done.unpacked().data == b"a"
    assert done.process.endswith(f" {worker.process.pid}")
    assert done.memory > 50_000_000
    assert os.getpriority(os.PRIO_PROCESS, worker.process.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 3


@pytest.mark.parametrize("junk", [b"junk", pickle.dumps(1)])
def test_what_is_no_work_is_answered_with_an_error(worker: Worker, junk: bytes) -> None:
    worker.say(junk)
    with refused(ImpastoError, "unexpected"):
        worker.done().unpacked()
    worker.do(Say("a"))
    assert worker.done().unpacked().data == b"a"


def test_a_fault_is_written_to_the_log_alone(worker: Worker) -> None:
    worker.do(Fail())
    with refused(ImpastoError, "unexpected") as caught:
        worker.done().unpacked()
    assert "oops" not in f"{caught.value} {caught.value.hint}"
    _, errors = worker.process.communicate(timeout=60)
    assert b"ZeroDivisionError: oops" in errors


def test_nothing_said_stops_the_work(worker: Worker, tmp_path: Path) -> None:
    worker.do(Wait(tmp_path / "begun"))
    assert worker.hear() == Begun()
    assert isinstance(worker.hear(), Progress)
    worker.say()
    assert worker.done().unpacked().data == b"waited"
    worker.do(Wait(tmp_path / "again", tmp_path / "gate"))  # the next one goes on
    assert [type(worker.hear()) for _ in range(4)] == [Begun, Progress, Progress, Progress]
    (tmp_path / "gate").touch()
    assert worker.done().unpacked().data == b"waited"


def test_it_ends_with_its_input_even_while_it_works(worker: Worker, tmp_path: Path) -> None:
    worker.do(Wait(tmp_path / "begun", deaf=True))
    wait_until((tmp_path / "begun").exists)
    assert worker.process.stdin is not None
    worker.process.stdin.close()
    assert worker.process.wait(30) == 0


def test_it_ends_with_an_input_that_breaks_off(worker: Worker) -> None:
    assert worker.process.stdin is not None
    worker.process.stdin.write(LENGTH.pack(1000) + b"half")
    worker.process.stdin.close()
    assert worker.process.wait(30) == 0


def test_signals_for_a_group_do_not_end_it(worker: Worker, tmp_path: Path) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        worker.process.send_signal(number)
    worker.do(Say("a"))
    assert worker.done().unpacked().data == b"a"


def test_it_dies_of_what_kills_it(worker: Worker, tmp_path: Path) -> None:
    worker.do(Die(tmp_path / "deaths", 1))
    assert worker.process.wait(30) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="others cannot")
def test_it_is_killed_with_its_parent_even_if_it_has_been_stopped() -> None:
    lines = "import signal, subprocess, sys\n"
    lines += "pipe = subprocess.PIPE\n"
    lines += "worker = subprocess.Popen([sys.executable, '-m', 'impasto.service.worker'], stdin=pipe, stdout=pipe)\n"
    lines += "worker.stdout.read(8)\n"  # it is ready
    lines += "worker.send_signal(signal.SIGSTOP)\n"
    lines += "print(worker.pid, flush=True)\n"
    lines += "signal.pause()\n"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen([sys.executable, "-c", lines], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        worker = psutil.Process(int(parent.stdout.readline()))
        wait_until(lambda: worker.status() == psutil.STATUS_STOPPED)
        parent.kill()
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)
