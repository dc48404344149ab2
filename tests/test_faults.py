"""What happens to programs: full disks, disks that cannot be written, files that go away, memory that runs out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, Outcome, assert_refused, file_bytes, scene

from impasto.engines.painter import Painter
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels

Run = Callable[..., Outcome]

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="disks and limits as Linux has them")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(6):
        (folder / f"{index}.png").write_bytes(file_bytes(scene(240, 180, index)))
    return folder


def test_a_full_disk(run: Run, disk: Path, photos: Path) -> None:
    (disk / "kept.png").write_bytes(b"somebody's")
    done = run("stylize", photos, "--style", "udnie", "--jobs", "1", "-o", disk)
    assert done.code == 1
    painted = sorted(path.name for path in disk.glob("[0-9].png"))
    assert 0 < len(painted) < 6
    for name in painted:
        assert Picture.open(disk / name).width == 240
    said = done.err.strip().splitlines()
    assert len(said) == 6 - len(painted)
    assert all(line.startswith("impasto: ") and "No space left on device" in line for line in said)
    assert not list(disk.glob("*.part")) + list(disk.glob(".*.part"))
    assert (disk / "kept.png").read_bytes() == b"somebody's"
    for path in disk.glob("[0-4].png"):
        path.unlink()
    (photos / "big.png").write_bytes(file_bytes(scene(500, 400)))
    assert_refused(
        run("stylize", photos / "big.png", "--style", "udnie", "-o", disk / "big.png"), 1, "disk-full", "big.png"
    )


def test_a_disk_that_cannot_be_written(run: Run, disk: Path, photos: Path) -> None:
    (disk / "old.png").write_bytes(b"old")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    refused = run("stylize", photos / "0.png", "--style", "udnie", "--overwrite", "-o", disk / "old.png")
    assert_refused(refused, 1, "not-writable", "old.png")
    assert (disk / "old.png").read_bytes() == b"old"
    done = run("stylize", photos, "--style", "udnie", "-o", disk / "new")
    assert done.code == 1
    assert "Read-only file system" in done.err


def test_a_photo_that_goes_away(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "gone.png").symlink_to(tmp_path / "nowhere.png")
    done = run("stylize", photos, "--style", "udnie", "-o", tmp_path / "out")
    assert done.code == 1
    assert len(list((tmp_path / "out").glob("*.png"))) == 6
    assert done.err.count("\n") == 1
    assert "gone.png" in done.err


def test_memory_that_runs_out(tmp_path: Path) -> None:
    """A process that may take 0.95 GB paints what would take more, says so in a line, and paints nearly the same."""
    path, pictures = tmp_path / "photo.png", []
    Picture(scene(2300, 2300)).save(path)
    for limit in ("950000", "unlimited"):  # KB
        out = tmp_path / f"{limit}.png"
        command = [
            "sh",
            "-c",
            f'ulimit -v {limit} && exec "$@"',
            "sh",
            sys.executable,
            "-m",
            "impasto",
            "stylize",
            path,
            "--style",
            "udnie",
            "--brush-size",
            "0.25",
            "--memory",
            "4GB",
            "-o",
            out,
            "--engine",
            "light",
        ]
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "IMPASTO_THREADS": "2"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert ("memory ran out" in done.stderr) == (limit != "unlimited")
        assert done.stderr.count("\n") <= 1
        pictures.append(Picture.open(out).pixels)
    assert np.abs(pictures[0] - pictures[1]).mean() < 6 / 255


def test_a_photo_that_memory_is_too_small_for_is_one_line(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint = Painter.paint

    def short(self: Painter, photo: Pixels, *rest: object, **options: object) -> Pixels:
        if photo[0, 0, 0] == first:
            raise MemoryError
        return paint(self, photo, *rest, **options)  # type: ignore[arg-type]

    first = Picture.open(photos / "0.png").pixels[0, 0, 0]
    monkeypatch.setattr(Painter, "paint", short)
    done = run("stylize", photos, "--style", "udnie", "-o", tmp_path / "out")
    assert_refused(done, 1, "memory", "0.png", "--size")
    assert len(list((tmp_path / "out").glob("*.png"))) == 5
