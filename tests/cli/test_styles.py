"""`impasto styles` as it is typed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Outcome, assert_refused
from rich.console import Console

from impasto.engines.by_name import engine_of
from impasto.styles.gallery import Gallery

Run = Callable[..., Outcome]


def test_styles_are_listed_shown_added_and_removed(run: Run, painting: Path, photo: Path, tmp_path: Path) -> None:
    listed = run("styles").out
    assert "starry-night" in listed
    assert "Vincent van Gogh" in listed
    assert "1889" in listed
    assert "public domain" in listed
    records = [json.loads(line) for line in run("styles", "--json").out.splitlines()]
    assert len(records) >= 20
    assert {"name", "title", "artist", "year", "license"} <= set(records[0])

    added = run("styles", "add", painting, "--name", "my-style", "--artist", "[red]Me[/red]")
    assert added.code == 0
    assert "[red]Me[/red]" in run("styles").out  # a name is text, not markup
    assert "your own" in run("styles", "show", "my-style").out
    assert json.loads(run("styles", "show", "my-style", "--json").out)["title"] == "my-style"
    assert run("stylize", photo, "--style", "my-style", "-o", tmp_path / "out.png").code == 0
    assert_refused(run("styles", "add", painting, "--name", "my-style"), 2, "name-taken", "my-style")
    assert_refused(run("styles", "add", painting, "--name", "udnie"), 2, "built-in", "udnie")
    assert_refused(run("styles", "add", painting, "--name", "No Name"), 2, "bad-name", "No Name")
    assert_refused(run("styles", "add", tmp_path / "no.jpg", "--name", "x"), 1, "no-such-file", "no.jpg")
    assert run("styles", "remove", "my-style").code == 0
    assert_refused(run("styles", "remove", "my-style"), 2, "unknown-style", "my-style")
    assert_refused(run("styles", "remove", "udnie"), 2, "built-in", "udnie")
    assert_refused(run("styles", "show", "udni"), 2, "unknown-style", "did you mean 'udnie'?")


def test_a_corrupt_gallery_is_reported(run: Run, painting: Path, home: Path) -> None:
    run("styles", "add", painting, "--name", "bad")
    (home / "styles" / "bad" / "style.json").write_text("{")
    listed = run("styles")
    assert listed.code == 0
    assert "starry-night" in listed.out
    assert "your style bad is damaged" in listed.err
    assert run("doctor").code == 1


def test_the_list_fits_a_narrow_terminal_and_keeps_whole_names(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "license" in run("styles").out
    narrow = functools.partial(Console, width=70)
    monkeypatch.setattr("impasto.cli.console.console", narrow)
    monkeypatch.setattr("impasto.cli.styles.console", narrow)
    found = run("styles").out
    assert "license" not in found
    for name in Gallery().names():
        assert name in found
    assert max(map(len, found.splitlines())) <= 70


def test_what_another_engine_has_learned_is_noted(run: Run, painting: Path, photo: Path, tmp_path: Path) -> None:
    gallery = Gallery(painter=engine_of("light"))
    gallery.add("mine", painting)
    gallery.teach("mine", gallery.vector("mine"), {"steps": 1, "seconds": 1.0, "style": 1.0, "content": 1.0})
    by_light = run("stylize", photo, "--style", "mine", "--engine", "light", "-o", tmp_path / "light.png")
    assert (by_light.code, by_light.err) == (0, "")
    by_painter = run("stylize", photo, "--style", "mine:2", "--style", "udnie", "-o", tmp_path / "painter.png")
    assert by_painter.code == 0
    assert "use --engine light, or impasto styles learn mine --engine painter" in by_painter.err
