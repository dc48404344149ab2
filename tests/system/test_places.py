"""Places: the same functions for paths and URLs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers import refused

from impasto.errors import PictureError
from impasto.system import places


@pytest.fixture(params=["path", "file://", "memory://"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "path":
        return str(tmp_path)
    fsspec = pytest.importorskip("fsspec")
    if request.param == "memory://":
        memory = fsspec.filesystem("memory")
        for path in memory.find("/"):
            memory.rm(path)
    return places.as_url(f"{request.param}{tmp_path}")


def test_what_is_written_is_read_and_found(folder: str) -> None:
    for name in ("b.png", "deep/er/a.png", ".hidden.png", ".git/c.png", "out/d.png"):
        place = places.join(folder, name)
        assert not places.is_file(place)
        places.write(place, name.encode(), overwrite=False)
        assert places.is_file(place)
        assert places.read(place) == name.encode()
        assert Path(places.relative(place, folder)).as_posix() == name
    found = dict(places.files_below(folder, places.join(folder, "out")))
    assert sorted(Path(name).as_posix() for name in found.values()) == ["b.png", "deep/er/a.png"]
    assert all(places.read(place) == Path(name).as_posix().encode() for place, name in found.items())
    assert len(dict(places.files_below(folder, folder))) == 3  # only what lies below may be left out
    assert places.is_folder(folder)
    assert not places.is_folder(places.join(folder, "b.png"))


def test_a_version_changes_with_the_file(folder: str) -> None:
    place = places.join(folder, "a.png")
    places.write(place, b"one", overwrite=False)
    first = places.version(place)
    assert places.version(place) == first
    places.write(place, b"three", overwrite=True)
    assert places.version(place) != first


def test_what_is_there_is_refused_before_it_is_painted(folder: str, tmp_path: Path) -> None:
    place = places.join(folder, "a.png")
    places.check_target(place, overwrite=False)
    places.write(place, b"one", overwrite=False)
    with refused(PictureError, "already-there", "a.png"):
        places.check_target(place, overwrite=False)
    places.check_target(place, overwrite=True)
    with refused(PictureError, "not-a-file"):
        places.check_target(str(tmp_path), overwrite=True)


def test_what_is_missing_is_one_line(folder: str) -> None:
    place = places.join(folder, "no.png")
    with refused(PictureError, "no-such-file", "no.png"):
        places.read(place)
    with refused(PictureError, "unreachable", "not_known"):
        places.is_file("not_known://a.png")


def test_links_and_other_spellings_of_the_output_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"")
    spelled = os.path.join(str(tmp_path), ".", "out", "..", "out")
    assert [name for _, name in places.files_below(str(tmp_path), spelled)] == ["b.png"]
