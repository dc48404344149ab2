"""Folders: a second run goes on where the first stopped, whatever stopped it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, Outcome, file_bytes, scene
from PIL import Image

Run = Callable[..., Outcome]


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


def test_killed_at_any_moment_it_goes_on(tmp_path: Path, run: Run) -> None:
    """SIGKILL at random points: no partial picture, and every picture is painted in the end."""
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for index in range(24):
        (photos / f"{index:02}.png").write_bytes(file_bytes(scene(160, 120, index)))
    command = [sys.executable, "-m", "impasto", "stylize", str(photos), "--style", "udnie", "-o", str(out), "--quiet"]
    chance = random.Random(3)
    counts = []
    for _ in range(8):
        process = subprocess.Popen(command, cwd=ROOT)
        time.sleep(0.35 + chance.random() * 0.35)
        process.kill()
        process.wait()
        whole = list(out.glob("*.png")) if out.exists() else []
        for path in whole:
            with Image.open(path) as image:
                image.load()
        counts.append(len(whole))
    assert counts == sorted(counts)
    subprocess.run(command, check=True, cwd=ROOT, timeout=120)
    assert len(list(out.glob("*.png"))) == 24
    assert counts[-1] > 0
