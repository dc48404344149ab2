"""The ledger, in both forms: what it believes, what it doubts, and files of earlier versions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from impasto.batch.ledger import LINES, Ledger, LinesLedger, NotesLedger, digest, ledger_in
from impasto.system import places

PICTURE = b"a picture"


@pytest.fixture(params=["lines", "notes"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Ledger]:
    """Open the ledger of a folder, as a run does that begins."""
    if request.param == "notes":
        pytest.importorskip("fsspec")
        return lambda **settings: ledger_in(f"file://{tmp_path}/out", settings)
    return lambda **settings: ledger_in(str(tmp_path / "out"), settings)


def paint(ledger: Ledger, key: str, data: bytes = PICTURE, name: str = "a.png") -> str:
    target = places.join(ledger.folder, name)
    with ledger.writing(target, key, data, ledger.folder):
        places.write(target, data, overwrite=True)
    return target


def test_what_was_written_is_known_to_the_next_run(opened: Callable[..., Ledger]) -> None:
    target = paint(opened(), "k", name="deep/a.png")
    ledger = opened()
    assert ledger.key_of(target) == "k"
    assert ledger.key_of(target.replace("a.png", "b.png")) is None
    paint(ledger, "new", name="deep/a.png")
    assert opened().key_of(target) == "new"


def test_a_picture_that_is_gone_or_somebody_else_s_is_not_known(opened: Callable[..., Ledger], tmp_path: Path) -> None:
    target = paint(opened(), "k")
    (tmp_path / "out" / "a.png").unlink()
    assert opened().key_of(target) is None
    (tmp_path / "out" / "b.png").write_bytes(b"somebody's")
    assert opened().key_of(target.replace("a.png", "b.png")) is None


def test_a_run_killed_between_its_two_entries(opened: Callable[..., Ledger], tmp_path: Path) -> None:
    """The picture of the first entry counts if it lies there, else the one before it."""
    old = paint(opened(), "old", b"old picture")
    with pytest.raises(KeyboardInterrupt), opened().writing(old, "new", PICTURE, old):
        raise KeyboardInterrupt
    assert opened().key_of(old) == "old"
    (tmp_path / "out" / "a.png").write_bytes(PICTURE)
    assert opened().key_of(old) == "new"


def test_two_runs_on_one_folder_see_each_other_s_pictures(opened: Callable[..., Ledger]) -> None:
    one, other = opened(), opened()
    target = places.join(one.folder, "a.png")
    assert other.key_of(target) is None
    paint(one, "k")
    assert other.key_of(target) == "k"


def test_a_key_changes_with_the_photo_and_with_the_settings(opened: Callable[..., Ledger], folder: Path) -> None:
    photo = folder / "0.png"
    place = str(photo) if isinstance(opened(), LinesLedger) else f"file://{photo}"
    key = opened(strength=1).key(place)
    assert opened(strength=1).key(place) == key
    assert opened(strength=2).key(place) != key
    os.utime(photo, (1, 1))
    assert opened(strength=1).key(place) != key


def test_lines_of_earlier_versions_and_cut_ones(tmp_path: Path) -> None:
    rows = [
        {"output": "whole.png", "key": "1", "digest": digest(PICTURE)},
        {"output": "whole.png", "key": "1"},
        {"output": "begun.png", "key": "2", "digest": digest(PICTURE)},
        {"output": "other.png", "key": "3", "digest": "0" * 16},
    ]
    lines = [*map(json.dumps, rows), "[1]", "no json", '{"output": "odd.png"}', '{"output": "cut.png", "key": "4"}']
    (tmp_path / LINES).write_bytes("\n".join(lines).encode() + b"\xff")
    for name in ("whole", "begun", "other", "odd", "cut"):
        (tmp_path / f"{name}.png").write_bytes(PICTURE)
    ledger = LinesLedger(str(tmp_path), {})
    known = {name: ledger.key_of(str(tmp_path / f"{name}.png")) for name in ("whole", "begun", "other", "odd", "cut")}
    assert known == {"whole": "1", "begun": "2", "other": None, "odd": None, "cut": None}


def test_notes_of_earlier_versions_and_damaged_ones(bucket: Any) -> None:
    notes = {
        "whole": {"key": "1", "digest": "0" * 16, "whole": True},
        "begun": {"key": "2", "digest": digest(PICTURE)},
        "other": {"key": "3", "digest": "0" * 16},
        "odd": [1],
    }
    for name, note in notes.items():
        bucket.pipe_file(f"/out/.impasto/{name}.png.json", json.dumps(note).encode())
    bucket.pipe_file("/out/.impasto/cut.png.json", b'{"key": ')
    for name in (*notes, "cut"):
        bucket.pipe_file(f"/out/{name}.png", PICTURE)
    ledger = NotesLedger("memory:///out", {})
    known = {name: ledger.key_of(f"memory:///out/{name}.png") for name in (*notes, "cut")}
    assert known == {"whole": "1", "begun": "2", "other": None, "odd": None, "cut": None}


def test_only_what_is_as_a_run_has_left_it_may_be_replaced(opened: Callable[..., Ledger], tmp_path: Path) -> None:
    target = paint(opened(), "k")
    assert opened().owns(target)
    paint(opened(), "new", b"another picture")
    assert opened().owns(target)
    (tmp_path / "out" / "a.png").write_bytes(b"the user's")
    assert not opened().owns(target)
