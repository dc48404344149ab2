"""Decisions: each has a head and its parts, and the index is that of the files."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from graphs import tool
from helpers import ROOT

DECISIONS = tool("site", "decisions")
FILES = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
ROOMS = {path.stem for path in (ROOT / "src" / "impasto").iterdir() if path.suffix in ("", ".py")}
ELSEWHERE = {"tools", "web", "project"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:4])
def test_each_says_what_was_decided(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.M)
    assert headings in (["Context", "Decision"], ["Context", "Decision", "Measured"])
    assert "TODO" not in text
    assert all(part.strip() for part in re.split(r"^## .+$", text, flags=re.M))


def test_heads_agree_with_files() -> None:
    found = DECISIONS.decisions()
    assert [one.number for one in found] == list(range(1, len(FILES) + 1))
    for one in found:
        assert one.path.name.startswith(f"{one.number:04d}-")
        assert set(one.rooms) <= ROOMS | ELSEWHERE, one.path.name
    dates = [date.fromisoformat(one.date) for one in found]
    assert dates == sorted(dates)


def test_what_is_superseded_names_a_later_decision_that_says_so() -> None:
    by_name = {one.path.name: one for one in DECISIONS.decisions()}
    superseded = [one for one in by_name.values() if "superseded" in one.status]
    assert superseded
    for one in superseded:
        for later in re.findall(r"\((\d{4}-[\w-]+\.md)\)", one.status):
            assert by_name[later].number > one.number
            assert one.path.name in by_name[later].path.read_text(encoding="utf-8"), later


def test_index_is_that_of_the_files() -> None:
    index = (ROOT / "docs" / "decisions" / "index.md").read_text(encoding="utf-8")
    assert index == DECISIONS.index(), "run tools/site/decisions.py"
