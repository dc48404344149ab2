"""Which files of a folder count, and in which order."""

from __future__ import annotations

import os
import random
import socket
from pathlib import Path

import pytest

from impasto.system.listing import files_in, is_junk, natural


def test_names_are_sorted_as_people_count() -> None:
    wanted = [
        "1.jpg",
        "2.jpg",
        "10.jpg",
        "IMG_2.jpg",
        "img_3.jpg",
        "IMG_10 (2).jpg",
        "IMG_10 (10).jpg",
        f"img_{'9' * 150}.jpg",
        "ümlaut.jpg",
    ]
    mixed = wanted.copy()
    random.Random(0).shuffle(mixed)
    assert sorted(mixed, key=natural) == wanted


def test_names_that_count_alike_have_one_order() -> None:
    names = ["img1.png", "img01.png", "IMG1.png", "img001.png"]
    backwards = names[::-1]
    assert sorted(names, key=natural) == sorted(backwards, key=natural)
    assert natural("a/2/x.png") < natural("a/10/x.png")


@pytest.mark.parametrize(
    "name", ["._a.jpg", ".DS_Store", "@eaDir", ".@__thumb", "#recycle", "$RECYCLE.BIN", "THUMBS.DB"]
)
def test_what_systems_leave_behind_is_junk(name: str) -> None:
    assert is_junk(name)


def test_a_folder_lists_files_that_can_be_read(tmp_path: Path) -> None:
    for name in ("f10.png", "f9.PNG", "._f9.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "socket.png"))
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "link.png").symlink_to("f9.PNG")
    (tmp_path / "loop.png").symlink_to("loop.png")
    assert [path.name for path in files_in(tmp_path, {".png"})] == [
        "f9.PNG",
        "f10.png",
        "gone.png",
        "link.png",
        "loop.png",
    ]
