"""A folder of photos, and a store of objects behind a URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import file_bytes, scene


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four photos, two of them in a folder of the folder."""
    photos = tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    for index in range(4):
        place = photos / "deep" if index % 2 else photos
        (place / f"{index}.png").write_bytes(file_bytes(scene(48, 40, index)))
    return photos


@pytest.fixture
def bucket() -> Iterator[Any]:
    """A store of objects in memory with three photos, one of them in a folder, and a file that is none."""
    system = pytest.importorskip("fsspec").filesystem("memory")
    for path in system.find("/"):  # it is one for the whole process, and other tests use it, too
        system.rm(path)
    for index, name in enumerate(("a.png", "b.jpg", "inner/c.png")):
        system.pipe_file(f"/photos/{name}", file_bytes(scene(48, 40, index), "JPEG" if name == "b.jpg" else "PNG"))
    system.pipe_file("/photos/notes.txt", b"no photo")
    yield system
    for path in system.find("/"):
        system.rm(path)
