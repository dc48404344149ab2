"""The other verbs: sheet, styles, doctor, help and version."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from helpers import Outcome, assert_refused
from PIL import Image

from impasto.controls import Controls
from impasto.engines.by_name import engine_of
from impasto.version import __version__

Run = Callable[..., Outcome]


def test_version_and_help(run: Run) -> None:
    assert run("--version").out == f"impasto {__version__}\n"
    assert "sheet" in run("--help").out
    assert run().code in (0, 2)
    for verb in ("stylize", "sheet"):
        text = run(verb, "--help").out
        assert "impasto " + verb in text
        for control in fields(Controls):
            assert "--" + control.name.replace("_", "-") in text
    assert_refused(run("paint"), 2, "paint")


def test_sheet(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    words = ("sheet", photo, "--style", "udnie", "--style", painting, "--columns", 3, "--tile", 60, "-o", out)
    outcome = run(*words)
    assert outcome.code == 0
    assert Image.open(out).width == 3 * 60 + 4 * 8
    assert_refused(run(*words), 1, "exists already")
    assert run(*words, "--overwrite", "--quiet").out == ""
    assert_refused(run("sheet", photo, "--style", "udni", "-o", tmp_path / "b.png"), 2, "Did you mean udnie?")
    assert_refused(run("sheet", tmp_path / "no.jpg", "-o", tmp_path / "b.png"), 1, "there is no file")
    assert_refused(run("sheet", photo, "-o", photo, "--overwrite"), 2, "is read by this command")


def test_sheet_without_styles_holds_the_whole_gallery(run: Run, photo: Path, tmp_path: Path) -> None:
    assert run("sheet", photo, "--tile", 32, "--columns", 1, "-o", tmp_path / "s.png").code == 0
    from impasto.styles.gallery import Gallery

    tiles = len(Gallery().names()) + 1
    assert Image.open(tmp_path / "s.png").height == tiles * (21 + 22 + 8) + 8


def test_styles_are_listed_shown_added_and_removed(run: Run, painting: Path, photo: Path, tmp_path: Path) -> None:
    listed = run("styles").out
    assert "starry-night" in listed
    assert "Vincent van Gogh" in listed
    assert "1889" in listed
    assert "public domain" in listed
    records = [json.loads(line) for line in run("styles", "--json").out.splitlines()]
    assert len(records) >= 20
    assert {"name", "title", "artist", "year", "licence"} <= set(records[0])

    added = run("styles", "add", painting, "--name", "my-style", "--artist", "[red]Me[/red]")
    assert added.code == 0
    assert "[red]Me[/red]" in run("styles").out  # a name is text, not markup
    assert "your own" in run("styles", "show", "my-style").out
    assert json.loads(run("styles", "show", "my-style", "--json").out)["title"] == "painting"
    assert run("stylize", photo, "--style", "my-style", "-o", tmp_path / "out.png").code == 0
    assert_refused(run("styles", "add", painting, "--name", "my-style"), 2, "you have a style my-style already")
    assert_refused(run("styles", "add", painting, "--name", "udnie"), 2, "built-in")
    assert_refused(run("styles", "add", painting, "--name", "No Name"), 2, "cannot be a style's name")
    assert_refused(run("styles", "add", tmp_path / "no.jpg", "--name", "x"), 1, "there is no file")
    assert run("styles", "remove", "my-style").code == 0
    assert_refused(run("styles", "remove", "my-style"), 2, "my-style is no style")
    assert_refused(run("styles", "remove", "udnie"), 2, "built in")
    assert_refused(run("styles", "show", "udni"), 2, "Did you mean udnie?")


def test_a_corrupt_gallery_is_reported(run: Run, painting: Path, home: Path) -> None:
    run("styles", "add", painting, "--name", "bad")
    (home / "styles" / "bad" / "style.json").write_text("{")
    listed = run("styles")
    assert listed.code == 0
    assert "starry-night" in listed.out
    assert "your style bad is damaged" in listed.err
    assert run("doctor").code == 1


def test_doctor(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outcome = run("doctor")
    assert outcome.code == 0
    for word in (__version__, "onnxruntime", "CPUExecutionProvider", "threads", "paint.onnx", " ok", "torch", "heif"):
        assert word in outcome.out
    facts = json.loads(run("doctor", "--json").out)
    assert facts["gallery"]["built in"] >= 20
    painter = engine_of()
    for file in ("encode.onnx", "facts.json"):
        (tmp_path / file).write_bytes((painter.folder / file).read_bytes())
    (tmp_path / "paint.onnx").write_bytes(b"tampered")
    monkeypatch.setattr(painter, "folder", tmp_path)
    broken = run("doctor")
    assert broken.code == 1
    assert "reinstall" in broken.out


def test_completion_offers_styles() -> None:
    from impasto.cli.options import complete_style

    assert complete_style("starry") == ["starry-night"]
    assert len(complete_style("")) >= 20
