"""A file is written whole or not at all."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from helpers import refused

from impasto.errors import PictureError
from impasto.system import files
from impasto.system.files import write_atomically


def test_new_file_parents_and_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.bin"
    write_atomically(path, b"one", overwrite=False)
    assert path.read_bytes() == b"one"
    assert [p.name for p in path.parent.iterdir()] == ["c.bin"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    path.chmod(0o600)
    write_atomically(path, b"two", overwrite=True)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with refused(PictureError, "already-there", "--overwrite"):
        write_atomically(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"


def test_a_file_that_appears_meanwhile_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    real = os.fsync

    def appear(descriptor: int) -> None:
        real(descriptor)
        path.write_bytes(b"theirs")

    monkeypatch.setattr(os, "fsync", appear)
    with refused(PictureError, "already-there"):
        write_atomically(path, b"ours", overwrite=False)
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_atomically(link, b"new", overwrite=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_folders_files_in_the_way_and_devices(tmp_path: Path) -> None:
    with refused(PictureError, "not-a-file"):
        write_atomically(tmp_path, b"", overwrite=True)
    (tmp_path / "file").write_bytes(b"")
    with refused(PictureError, "not-a-folder"):
        write_atomically(tmp_path / "file" / "below", b"", overwrite=True)
    write_atomically(Path(os.devnull), b"gone", overwrite=False)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_device_says_so() -> None:
    with refused(PictureError, "disk-full"):
        write_atomically(Path("/dev/full"), b"x" * 100_000, overwrite=True)


def test_a_disk_that_fills_up_leaves_the_old_file(tmp_path: Path) -> None:
    """The limit on a file's size fails a write in its middle, as a full disk does."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with refused(PictureError, "not-writable"):
            write_atomically(path, b"x" * 100_000, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_unfinished_files_can_be_removed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def wait(_: int) -> None:
        reached.set()
        go_on.wait(10)

    monkeypatch.setattr(os, "fsync", wait)
    outcome: list[BaseException] = []

    def write() -> None:
        try:
            write_atomically(tmp_path / "a", b"x", overwrite=False)
        except PictureError as error:
            outcome.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    assert reached.wait(10)
    assert len(list(tmp_path.iterdir())) == 1
    files.remove_unfinished()
    assert list(tmp_path.iterdir()) == []
    go_on.set()
    thread.join()
    assert len(outcome) == 1


def test_killed_at_any_moment_there_is_no_part(tmp_path: Path) -> None:
    """Other programs see the old file or the new one, whatever happens to the writer."""
    path = tmp_path / "a"
    path.write_bytes(b"0" * 100_000)
    code = (
        "import sys, itertools; from pathlib import Path; from impasto.system.files import write_atomically\n"
        "for i in itertools.cycle('123'): write_atomically(Path(sys.argv[1]), i.encode() * 100_000, overwrite=True)"
    )
    for delay in (0.25, 0.31, 0.37):
        writer = subprocess.Popen([sys.executable, "-c", code, str(path)])
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(delay)
        writer.kill()
        writer.wait()
        data = path.read_bytes()
        assert len(data) == 100_000
        assert len(set(data)) == 1
