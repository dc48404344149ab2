"""Threads: order, ends, and photos that arrive while others are painted."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from threading import Event

import pytest

from impasto.batch.job import PaintJob
from impasto.batch.plan import collisions
from impasto.batch.report import Result, failure
from impasto.batch.threads import painted_as_they_arrive, painted_in_threads
from impasto.errors import PictureError

WORK = [PaintJob(str(number), f"{number}.png") for number in range(20)]


def painted(job: PaintJob) -> Result:
    return Result(job.photo, job.target, (1, 1))


def test_one_thread_keeps_the_order_and_several_paint_everything() -> None:
    for jobs in (1, 3):
        results = [result.photo for result in painted_in_threads(WORK, painted, jobs, Event())]
        assert (results if jobs == 1 else sorted(results, key=int)) == [job.photo for job in WORK]


def test_so_many_photos_at_once_and_no_more() -> None:
    together, most, lock = [0], [0], threading.Lock()
    all_here = threading.Barrier(4, timeout=20)

    def paint(job: PaintJob) -> Result:
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        all_here.wait()  # passes only if four are painted at the same time
        with lock:
            together[0] -= 1
        return painted(job)

    assert len(list(painted_in_threads(WORK, paint, 4, Event()))) == len(WORK)
    assert most[0] == 4


def test_what_is_begun_is_finished_when_it_stops() -> None:
    stop, begun, second = Event(), [], Event()

    def paint(job: PaintJob) -> Result:
        begun.append(job.photo)
        if job.photo == "1":
            second.wait(20)
        return painted(job)

    results = painted_in_threads(WORK, paint, 2, stop)
    first = next(results)
    stop.set()
    second.set()
    assert sorted([first.photo, *(result.photo for result in results)]) == sorted(begun)
    assert len(begun) < len(WORK)


def test_an_error_that_nobody_foresaw_ends_it() -> None:
    def paint(job: PaintJob) -> Result:
        raise ZeroDivisionError(job.photo)

    with pytest.raises(ZeroDivisionError):
        list(painted_in_threads(WORK, paint, 2, Event()))


def test_photos_that_arrive_are_taken_when_they_are_whole(tmp_path: Path) -> None:
    photo, stop = tmp_path / "a.png", Event()
    jobs = [PaintJob(str(photo), "out.png"), PaintJob(str(tmp_path / "gone.png"), "gone.png")]
    looks = painted_as_they_arrive(lambda: (jobs, {}), painted, 1, stop, pause=0)

    def until_next_look() -> list[str]:
        found = []
        while (result := next(looks)) is not None:
            found.append(result.photo)
        return found

    assert until_next_look() == []  # nothing there
    photo.write_bytes(b"half")
    assert until_next_look() == []  # it is new
    photo.write_bytes(b"half and half")
    assert until_next_look() == []  # it has grown
    assert until_next_look() == [str(photo)]
    assert until_next_look() == []  # it is done
    os.utime(photo, (1, 1))
    assert until_next_look() == []
    assert until_next_look() == [str(photo)]  # it was replaced
    stop.set()
    assert list(looks) == []


def test_a_photo_that_must_not_be_painted_does_not_stop_the_others(tmp_path: Path) -> None:
    jobs = [PaintJob(str(tmp_path / name), str(tmp_path / target)) for name, target in (("a", "out"), ("b", "a"))]
    for job in jobs:
        Path(job.photo).write_bytes(b"photo")
    stop = Event()
    looks = painted_as_they_arrive(lambda: (jobs, collisions(jobs)), painted, 1, stop, pause=0)
    assert next(looks) is None
    refused, done = next(looks), next(looks)
    assert refused is not None
    assert done is not None
    assert (refused.photo, done.photo, done.error) == (jobs[1].photo, jobs[0].photo, "")
    assert refused.code == "same-file"
    stop.set()
    assert list(looks) == [None]


def test_what_may_pass_is_tried_again_and_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, tries, stop = PaintJob(str(tmp_path / "a"), "out"), [], Event()
    Path(job.photo).write_bytes(b"photo")
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])

    def paint(job: PaintJob) -> Result:
        tries.append(clock[0])
        return failure(job, PictureError("full", code="disk-full")) if len(tries) < 4 else painted(job)

    said = []
    for result in painted_as_they_arrive(lambda: ([job], {}), paint, 1, stop, pause=0):
        clock[0] += 1
        if result is not None:
            said.append(result.error)
        if said[1:]:
            stop.set()
    assert said == ["full", ""]
    assert len(tries) == 4
    assert tries[3] - tries[2] > tries[1] - tries[0]
