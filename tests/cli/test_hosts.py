"""Photos behind URLs, and painting on several machines: nothing is lost, nothing is painted twice."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Outcome, assert_refused, file_bytes, scene

from impasto.cli import hosts
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture

fsspec = pytest.importorskip("fsspec")

Run = Callable[..., Outcome]


@pytest.fixture
def bucket() -> Iterator[Any]:
    """A store of objects in memory with three photos, one of them in a folder, and a file that is none."""
    system = fsspec.filesystem("memory")
    for path in system.find("/"):  # it is one for the whole process, and other tests use it, too
        system.rm(path)
    for index, name in enumerate(("a.png", "b.jpg", "inner/c.png")):
        system.pipe_file(f"/photos/{name}", file_bytes(scene(48, 40, index), "JPEG" if name == "b.jpg" else "PNG"))
    system.pipe_file("/photos/notes.txt", b"no photo")
    yield system
    for path in system.find("/"):
        system.rm(path)


def paint(run: Run, *words: object) -> Outcome:
    return run("stylize", "memory://photos", "--style", "udnie", "-o", "memory://out", *words)


def test_a_folder_behind_a_url(run: Run, bucket: Any) -> None:
    done = paint(run)
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 3
    assert sorted(path for path in bucket.find("/out") if "/.impasto/" not in path) == [
        "/out/a.png",
        "/out/b.jpg",
        "/out/inner/c.png",
    ]
    ours = Picture.open(bucket.cat_file("/out/inner/c.png")).to_numpy()
    alone = Stylizer("udnie")(Picture.open(bucket.cat_file("/photos/inner/c.png"))).to_numpy()
    np.testing.assert_array_equal(ours, alone)


def test_a_second_run_paints_what_is_new(run: Run, bucket: Any) -> None:
    paint(run)
    bucket.pipe_file("/photos/d.png", file_bytes(scene(48, 40, 9)))
    bucket.rm("/out/a.png")
    records = [json.loads(line) for line in paint(run, "--json").out.splitlines()]
    painted = {record["output"] for record in records if not record.get("skipped")}
    assert painted == {"memory:///out/a.png", "memory:///out/d.png"}
    other = [json.loads(line) for line in paint(run, "--json", "--strength", "40").out.splitlines()]
    assert len(other) == 4
    assert not any(record.get("skipped") for record in other)


def test_what_somebody_else_put_there_stays(run: Run, bucket: Any) -> None:
    bucket.pipe_file("/out/a.png", b"somebody's")
    done = paint(run)
    assert done.code == 1
    assert "memory:///out/a.png exists already" in done.err
    assert bucket.cat_file("/out/a.png") == b"somebody's"
    assert bucket.exists("/out/b.jpg")
    assert paint(run, "--overwrite").code == 0
    assert bucket.cat_file("/out/a.png")[:4] == b"\x89PNG"


def test_a_host_lost_between_picture_and_note(run: Run, bucket: Any) -> None:
    """The picture counts if it has the digest of the note before it."""
    paint(run)
    note = json.loads(bucket.cat_file("/out/.impasto/a.png.json"))
    assert note.pop("whole")
    bucket.pipe_file("/out/.impasto/a.png.json", json.dumps(note).encode())
    records = [json.loads(line) for line in paint(run, "--json").out.splitlines()]
    assert all(record.get("skipped") for record in records)
    bucket.pipe_file("/out/.impasto/a.png.json", json.dumps({**note, "digest": "0" * 16}).encode())
    assert "exists already" in paint(run).err


def test_bad_photos_and_places(run: Run, bucket: Any, tmp_path: Path) -> None:
    bucket.pipe_file("/photos/broken.png", b"no picture")
    done = paint(run)
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "memory:///photos/broken.png" in done.err
    assert len(done.out.splitlines()) == 3
    to_disk = run("stylize", "memory://photos/a.png", "--style", "udnie", "-o", tmp_path / "a.png")
    assert to_disk.code == 0, to_disk.err
    assert (tmp_path / "a.png").is_file()
    for place, code, words in (
        ("memory://nowhere", 1, ["memory://nowhere"]),
        ("nosuch://photos", 1, ["nosuch://photos"]),
        ("https://example.com/a.jpg", 1, ["web address"]),
    ):
        assert_refused(run("stylize", place, "--style", "udnie", "-o", "memory://out"), code, *words)
    assert_refused(run("stylize", "memory://photos", "--style", "udnie"), 2, "-o URL")
    assert_refused(
        run("stylize", "memory://photos", "--style", "udnie", "-o", "memory://photos"), 2, "cannot be written"
    )


def test_what_paints_travels_to_other_processes() -> None:
    photo, mask = Picture(scene(48, 40)), np.linspace(0, 1, 48, dtype=np.float32)[None].repeat(40, 0)
    stylizer = Stylizer({"udnie": 0.5, "the-scream": 0.5}, regions=[(mask, "great-wave")])
    other = pickle.loads(pickle.dumps(stylizer))
    np.testing.assert_array_equal(other(photo).to_numpy(), stylizer(photo).to_numpy())


def test_ray_loses_a_host_and_no_picture(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for index in range(24):
        (photos / f"{index:02}.png").write_bytes(file_bytes(scene(300, 240, index)))
    (photos / "broken.png").write_bytes(b"no picture")
    command = [sys.executable, "-m", "impasto", "stylize", f"file://{photos}", "--style", "udnie", "--json"]
    process = subprocess.Popen(
        [*command, "--engine-hosts", "ray", "-o", f"file://{out}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "IMPASTO_THREADS": "1", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"},
        start_new_session=True,
    )
    try:
        ends = time.monotonic() + 150
        while len(list(out.glob("*.png"))) < 4:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < ends
            time.sleep(0.05)
        before = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
        os.kill(_workers(process.pid)[0], signal.SIGKILL)
        printed, said = process.communicate(timeout=150)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 1, said  # for the broken one
    records = [json.loads(line) for line in printed.splitlines()]
    assert sorted(Path(record["input"]).name for record in records) == sorted(path.name for path in photos.iterdir())
    assert len(list(out.glob("*.png"))) == 24
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    alone = Stylizer("udnie")(Picture.open(photos / "23.png"))
    assert np.abs(Picture.open(out / "23.png").pixels - alone.pixels).max() < 2 / 255


def _workers(parent: int) -> list[int]:
    """The processes of Ray that paint, below this one."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            title = (status.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            session = int(status.read_text().rpartition(")")[2].split()[3])
        except (OSError, ValueError):
            continue
        if title.startswith("ray::") and "Map" in title and session == parent:
            found.append(int(status.parent.name))
    return found


def test_what_other_threads_print_meanwhile_is_no_record() -> None:
    out, told = io.StringIO(), io.StringIO()
    output = hosts._Output(out)
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(output):
        sys.stdout.write("before\n")
        with output.ours():
            sys.stdout.write("a record\n")
            thread = threading.Thread(target=lambda: sys.stdout.write("of a worker\n"))
            thread.start()
            thread.join()
    assert out.getvalue() == "a record\n"
    assert told.getvalue() == "before\nof a worker\n"
