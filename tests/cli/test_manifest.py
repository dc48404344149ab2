"""Folders: a second run goes on where the first stopped, whatever stopped it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ROOT, Outcome, assert_refused, file_bytes, hears_ctrl_c, scene
from PIL import Image

Run = Callable[..., Outcome]
KILLS = 50  # they take half a minute


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    for index in range(4):
        place = photos / "deep" if index % 2 else photos
        (place / f"{index}.png").write_bytes(file_bytes(scene(48, 40, index)))
    return photos


def paint(run: Run, folder: Path, *more: object) -> list[dict[str, object]]:
    done = run("stylize", folder, "--style", "udnie", "-o", folder.parent / "out", "--json", *more)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_what_is_done_is_not_done_again(run: Run, folder: Path) -> None:
    assert not any("skipped" in record for record in paint(run, folder))
    assert all(record.get("skipped") for record in paint(run, folder))
    (folder / "4.png").write_bytes(file_bytes(scene(48, 40, 9)))
    assert sum("skipped" not in record for record in paint(run, folder)) == 1
    assert not any("skipped" in record for record in paint(run, folder, "--overwrite"))


def test_what_has_changed_is_painted_again(run: Run, folder: Path) -> None:
    paint(run, folder)
    out = folder.parent / "out" / "0.png"
    before = out.read_bytes()
    (folder / "0.png").write_bytes(file_bytes(scene(48, 40, 77)))
    os.utime(folder / "0.png", (1, 1))
    records = paint(run, folder)
    assert [Path(str(r["input"])).name for r in records if "skipped" not in r] == ["0.png"]
    assert out.read_bytes() != before
    assert not any("skipped" in record for record in paint(run, folder, "--strength", 50))
    out.unlink()
    assert sum("skipped" not in record for record in paint(run, folder, "--strength", 50)) == 1


def test_what_is_not_ours_is_not_replaced(run: Run, folder: Path) -> None:
    (folder.parent / "out").mkdir()
    (folder.parent / "out" / "0.png").write_bytes(b"somebody's")
    done = run("stylize", folder, "--style", "udnie", "-o", folder.parent / "out", "--quiet")
    assert done.code == 1
    assert "0.png exists already" in done.err
    assert (folder.parent / "out" / "0.png").read_bytes() == b"somebody's"


def test_killed_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    """SIGKILL at random points: no partial picture, and none that was whole is painted again."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for index in range(150):
        (photos / f"{index:03}.png").write_bytes(file_bytes(scene(40, 32, index)))
    command = [sys.executable, "-m", "impasto", "stylize", str(photos), "--style", "udnie", "-o", str(out), "--quiet"]
    chance = random.Random(3)
    whole: dict[Path, int] = {}
    for _ in range(KILLS):
        process = subprocess.Popen(command, cwd=ROOT)
        before, ends = len(whole), time.monotonic() + 60
        while len(list(out.glob("*.png"))) == before and process.poll() is None:  # it has begun to write
            assert time.monotonic() < ends
            time.sleep(0.002)
        time.sleep(chance.random() * 0.02)
        process.kill()
        process.wait()
        now = {path: path.stat().st_mtime_ns for path in out.glob("*.png")}
        for path in now.keys() - whole.keys():
            with Image.open(path) as image:
                image.load()
        # The last pictures before a kill may be painted twice: their lines were not written yet.
        assert sum(now[path] != stamp for path, stamp in whole.items()) <= 2
        whole = now
    subprocess.run(command, check=True, cwd=ROOT, timeout=120)
    assert len(list(out.glob("*.png"))) == 150


def test_what_a_killed_program_left_goes_after_a_while(run: Run, folder: Path) -> None:
    out = folder.parent / "out"
    out.mkdir()
    old, young, other = (out / name for name in (".a.png.0123abcd.part", ".b.png.0123abcd.part", ".notes.part"))
    for path in (old, young, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (1, 1))
    paint(run, folder)
    assert not old.exists()
    assert young.exists()
    assert other.exists()


def test_watching_paints_what_arrives(run: Run, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    command = [sys.executable, "-m", "impasto", "stylize", str(photos), "--style", "udnie", "--watch", "-o", str(out)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hears_ctrl_c
    )
    try:
        (photos / "a.png").write_bytes(file_bytes(scene(48, 40, 1)))
        (photos / "broken.png").write_bytes(b"no picture")
        _wait_for(out / "a.png")
        (photos / "b.png").write_bytes(file_bytes(scene(48, 40, 2)))
        _wait_for(out / "b.png")
        time.sleep(0.5)  # its line comes after it
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=5)
    finally:
        process.kill()
    assert process.returncode == 130
    assert printed.count("a.png") == printed.count("b.png") == 1
    assert said.count("broken.png") == 1
    assert_refused(run("stylize", photos / "a.png", "--style", "udnie", "--watch", "-o", out), 2, "--watch")


def _wait_for(path: Path) -> None:
    ends = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < ends, path
        time.sleep(0.05)
