"""`impasto sheet` as it is typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from helpers import Outcome, assert_refused
from PIL import Image

from impasto.picture.metadata import SOURCE_TYPE

Run = Callable[..., Outcome]


def test_sheet(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    words = ("sheet", photo, "--style", "udnie", "--style", painting, "--columns", 3, "--tile", 60, "-o", out)
    outcome = run(*words)
    assert outcome.code == 0
    assert Image.open(out).width == 3 * 60 + 4 * 8
    assert_refused(run(*words), 1, "already-there")
    assert run(*words, "--overwrite", "--quiet").out == ""
    assert_refused(
        run("sheet", photo, "--style", "udni", "-o", tmp_path / "b.png"), 2, "unknown-style", "did you mean 'udnie'?"
    )
    assert_refused(run("sheet", tmp_path / "no.jpg", "-o", tmp_path / "b.png"), 1, "no-such-file", "no.jpg")
    assert_refused(run("sheet", photo, "-o", photo, "--overwrite"), 2, "same-file")


def test_sheet_without_styles_holds_the_whole_gallery(run: Run, photo: Path, tmp_path: Path) -> None:
    assert run("sheet", photo, "--tile", 32, "--columns", 1, "-o", tmp_path / "s.png").code == 0
    from impasto.styles.gallery import Gallery

    tiles = len(Gallery().names()) + 1
    assert Image.open(tmp_path / "s.png").height == tiles * (21 + 18 + 8) + 8


def test_a_sheet_says_how_it_was_made_unless_it_shall_not(run: Run, photo: Path, tmp_path: Path) -> None:
    for words, marked in (((), True), (("--no-mark",), False)):
        out = tmp_path / f"{marked}.png"
        assert run("sheet", photo, "--style", "udnie", "--tile", 60, "-o", out, *words).code == 0
        assert (SOURCE_TYPE.encode() in out.read_bytes()) == marked


def test_a_sheet_that_its_format_cannot_hold_is_refused(run: Run, photo: Path, tmp_path: Path) -> None:
    styles = [word for name in ("udnie", "great-wave", "devil") * 4 for word in ("--style", name)]
    outcome = run("sheet", photo, *styles, "--columns", 1, "--tile", 2048, "-o", tmp_path / "sheet.webp")
    assert_refused(outcome, 1, "not-encodable", "16,383", "--tile")
    assert not (tmp_path / "sheet.webp").exists()
