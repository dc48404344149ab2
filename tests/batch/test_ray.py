"""Painting on several machines: nothing is lost, nothing is painted twice, and only results are printed."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from helpers import Outcome, assert_refused, file_bytes, scene

from impasto.batch.job import PaintJob
from impasto.batch.painting import Painting, Saving
from impasto.batch.report import Result
from impasto.batch.threads import painted_in_threads
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture

pytest.importorskip("fsspec")

Run = Callable[..., Outcome]


def test_what_paints_travels_to_other_processes() -> None:
    photo, mask = Picture(scene(48, 40)), np.linspace(0, 1, 48, dtype=np.float32)[None].repeat(40, 0)
    stylizer = Stylizer({"udnie": 0.5, "the-scream": 0.5}, regions=[(mask, "great-wave")])
    other = pickle.loads(pickle.dumps(Painting(stylizer, 10**6, Saving()))).work
    np.testing.assert_array_equal(other(photo).to_numpy(), stylizer(photo).to_numpy())


def test_ray_loses_a_host_and_no_picture(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for index in range(24):
        (photos / f"{index:02}.png").write_bytes(file_bytes(scene(300, 240, index)))
    (photos / "broken.png").write_bytes(b"no picture")
    command = [sys.executable, "-m", "impasto", "stylize", f"file://{photos}", "--style", "udnie", "--json"]
    with (tmp_path / "said").open("w+") as said:
        process = subprocess.Popen(
            [*command, "--engine-hosts", "ray", "-o", f"file://{out}"],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, "IMPASTO_THREADS": "1", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"},
            start_new_session=True,
        )
        assert process.stdout is not None
        alarm = threading.Timer(300, os.killpg, (process.pid, signal.SIGKILL))
        alarm.start()
        try:
            lines = [process.stdout.readline() for _ in range(4)]
            before = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
            os.kill(_workers(process.pid)[0], signal.SIGKILL)
            lines += process.stdout
            process.wait()
        finally:
            alarm.cancel()
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        said.seek(0)
        assert process.returncode == 1, said.read()  # for the broken one
    records = [json.loads(line) for line in lines]
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


def test_what_workers_print_meanwhile_is_no_record(
    run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cluster(work: Sequence[PaintJob], painting: Painting, stop: Event) -> Iterator[Result]:
        for result in painted_in_threads(work, painting, 2, stop):
            sys.stdout.write("before\n")
            worker = threading.Thread(target=lambda: sys.stdout.write("of a worker\n"))
            worker.start()
            worker.join()
            yield result

    monkeypatch.setattr("impasto.batch.ray.painted_by_ray", cluster)
    done = run("stylize", folder, "--style", "udnie", "--engine-hosts", "ray", "--json", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert sorted(json.loads(line)["input"] for line in done.out.splitlines()) == [
        f"file://{folder}/{name}" for name in ("0.png", "2.png", "deep/1.png", "deep/3.png")
    ]
    assert done.err.count("before\n") == done.err.count("of a worker\n") == 4


def test_ray_that_is_not_installed(run: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    words = ("stylize", folder, "--style", "udnie", "--engine-hosts", "ray", "-o", tmp_path / "out")
    assert_refused(run(*words), 1, "missing-extra", "impasto[ray]")
