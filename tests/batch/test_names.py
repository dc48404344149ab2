"""Names of pictures: every picture gets one of its own, and keeps it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from impasto.batch import names as own_names
from impasto.batch.job import PaintJob
from impasto.batch.ledger import LinesLedger
from impasto.batch.names import with_own_names
from impasto.system import names


def given(tmp_path: Path, *pairs: tuple[str, str], ledger: LinesLedger | None = None) -> list[str]:
    """The names that photos get which would be painted under others."""
    jobs = [PaintJob(str(tmp_path / photo), str(tmp_path / "out" / target)) for photo, target in pairs]
    for job in jobs:
        Path(job.photo).parent.mkdir(exist_ok=True)
        if not Path(job.photo).exists():
            Path(job.photo).touch()
    return [Path(job.target).name for job in with_own_names(jobs, ledger)]


def leave(ledger: LinesLedger, photo: Path, target: str) -> None:
    """Paint a photo, as an earlier run has."""
    path = Path(ledger.folder, target)
    with ledger.writing(str(path), "key", target.encode(), str(photo)):
        path.write_bytes(target.encode())
    ledger.refresh()


def test_the_second_photo_of_a_name_keeps_its_ending(tmp_path: Path) -> None:
    pairs = [("a.jpg", "a.webp"), ("a.png", "a.webp"), ("b.jpg", "b.webp")]
    assert given(tmp_path, *pairs) == ["a.webp", "a.png.webp", "b.webp"]
    assert given(tmp_path, ("x.jp2", "x.png"), ("x.png", "x.png"), ("x.ppm", "x.png")) == [
        "x.jp2.png",
        "x.png",
        "x.ppm.png",
    ]


def test_names_of_two_folders_are_numbered_and_one_photo_is_painted_once(tmp_path: Path) -> None:
    pairs = [("one/a.png", "a.png"), ("two/a.png", "a.png"), ("three/a.png", "a.png"), ("one/../one/a.png", "a.png")]
    assert given(tmp_path, *pairs) == ["a.png", "a-2.png", "a-3.png"]


def test_what_is_painted_keeps_its_name_whatever_comes_first_later(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ledger = LinesLedger(str(tmp_path / "out"), {})
    given(tmp_path, ("a.png", "a.webp"))
    leave(ledger, tmp_path / "a.png", "a.webp")
    both = [("a.jpg", "a.webp"), ("a.png", "a.webp")]
    assert given(tmp_path, *both, ledger=ledger) == ["a.jpg.webp", "a.webp"]
    leave(ledger, tmp_path / "a.jpg", "a.jpg.webp")
    assert given(tmp_path, *both, ledger=ledger) == ["a.jpg.webp", "a.webp"]
    assert given(tmp_path, both[0], ledger=ledger) == ["a.jpg.webp"]


def test_the_picture_of_a_photo_that_is_gone_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ledger = LinesLedger(str(tmp_path / "out"), {})
    (tmp_path / "a.png").write_bytes(b"longer")
    leave(ledger, tmp_path / "a.png", "a.webp")
    (tmp_path / "moved").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "moved" / "a.png")
    assert given(tmp_path, ("a.jpg", "a.webp"), ledger=ledger) == ["a.jpg.webp"]
    assert given(tmp_path, ("moved/a.png", "a.webp"), ledger=ledger) == ["a.webp"]  # the same photo, elsewhere
    (tmp_path / "out" / "a.webp").unlink()
    assert given(tmp_path, ("a.jpg", "a.webp"), ledger=ledger) == ["a.webp"]


def test_no_photo_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert given(tmp_path, ("out/a.jpg", "a.webp"), ("out/a.webp", "b.webp")) == ["a.jpg.webp", "b.webp"]


def test_names_that_differ_by_case_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [("a.jpg", "a.png"), ("A.jpg", "A.png"), ("e\u0301.jpg", "e\u0301.png"), ("\u00e9.jpg", "\u00e9.png")]
    assert given(tmp_path, *pairs) == [target for _, target in pairs]
    monkeypatch.setattr(own_names, "told_apart", lambda *_: False)  # as on a Mac or a memory card
    assert given(tmp_path, *pairs) == ["a.png", "A.jpg.png", "e\u0301.png", "\u00e9.jpg.png"]


def test_the_folder_itself_says_whether_it_tells_cases_apart(tmp_path: Path) -> None:
    apart = (
        not (tmp_path / "PROBE").exists() and (tmp_path / "probe").touch() is None and not (tmp_path / "PROBE").exists()
    )
    assert names.told_apart(tmp_path / "new", "a.png", "A.png") is apart
    assert [path.name for path in tmp_path.iterdir()] == ["probe"]


@pytest.mark.parametrize("stem", ["x" * 251, "\u6f22" * 83, "\U0001f3a8" * 62, os.fsdecode(b"\xff" * 251)])
def test_long_names_are_shortened_the_same_way_each_time(tmp_path: Path, stem: str) -> None:
    pairs = [(f"{stem}.jpg", f"{stem}.webp"), (f"{stem}.png", f"{stem}.webp")]
    found = given(tmp_path, *pairs)
    assert found == given(tmp_path, *pairs)
    assert len(set(found)) == 2
    for name in found:
        assert name.endswith(".webp")
        (tmp_path / name).touch()
