"""`impasto presets`, --preset and --like as typed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Outcome, assert_refused
from PIL import Image

from impasto.presets.preset import Preset

Run = Callable[..., Outcome]


def pixels(file: Path | bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file) if isinstance(file, bytes) else file))


def test_save_list_show_use_and_remove(run: Run, photo: Path, painting: Path, tmp_path: Path) -> None:
    typed = ["--style", f"{painting}:0.6", "--style", "udnie:0.4", "--strength", 60, "--region", "faces=strength=40"]
    saved = run("presets", "save", "quiet", *typed, "--engine", "light", "--title", "Quiet night")
    assert (saved.code, saved.out) == (0, "quiet saved: impasto stylize photo.jpg --preset quiet\n")
    (line,) = run("presets", "--json").out.splitlines()
    assert json.loads(line)["controls"] == {"strength": 60}
    assert "udnie:0.4" in run("presets").out
    assert "Quiet night" in run("presets", "show", "quiet").out
    assert Path(json.loads(run("presets", "show", "quiet", "--json").out)["file"]).is_file()
    by_preset, by_hand = tmp_path / "a.png", tmp_path / "b.png"
    told = run("stylize", photo, "--preset", "quiet", "-o", by_preset, "--json")
    assert json.loads(told.out)["engine"] == "light"
    run("stylize", photo, *typed, "--engine", "light", "-o", by_hand)
    np.testing.assert_array_equal(pixels(by_preset), pixels(by_hand))
    assert run("presets", "remove", "quiet").code == 0
    assert_refused(run("stylize", photo, "--preset", "quiet", "-o", tmp_path / "c.png"), 2, "unknown-preset", "quiet")


def test_what_is_typed_wins(run: Run, photo: Path, tmp_path: Path) -> None:
    run("presets", "save", "quiet", "--style", "udnie", "--strength", 60, "--size", 48)
    run("stylize", photo, "--preset", "quiet", "--strength", 90, "--style", "great-wave", "-o", tmp_path / "a.png")
    made = Preset.like(tmp_path / "a.png")
    assert made.styles == (("great-wave", 1.0),)
    assert (made.controls["strength"], made.controls["size"]) == (90, 48)


def test_a_preset_of_controls_alone_wants_a_style(run: Run, photo: Path, tmp_path: Path) -> None:
    run("presets", "save", "soft", "--strength", 30)
    assert_refused(run("stylize", photo, "--preset", "soft"), 2, "usage", "--style")
    assert run("stylize", photo, "--preset", "soft", "-s", "udnie", "-o", tmp_path / "a.png").code == 0


def test_a_picture_is_painted_like_another(run: Run, photo: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "first.jpg", tmp_path / "again.jpg"
    run("stylize", photo, "--style", "udnie", "--brush-size", 0.5, "--tone", "match", "-o", first)
    run("stylize", photo, "--like", first, "-o", again)
    assert first.read_bytes() == again.read_bytes()
    run("presets", "save", "found", "--like", first, "--strength", 20)
    found = Preset.open("found")
    assert (found.controls["strength"], found.controls["brush_size"]) == (20, 0.5)
    assert_refused(run("stylize", photo, "--like", photo, "-o", again), 2, "nothing-given", photo.name)
    assert_refused(run("stylize", photo, "--like", first, "--preset", "found", "-o", again), 2, "conflict")
    text = tmp_path / "text.png"
    text.write_text("no picture")
    assert run("stylize", photo, "--like", text, "-o", again).code == 1


def test_other_verbs_take_them(run: Run, photo: Path, tmp_path: Path) -> None:
    pytest.importorskip("av")
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(2):
        Image.open(photo).save(frames / f"{index}.png")
    run("presets", "save", "quiet", "--style", "udnie", "--strength", 60, "--engine", "light")
    clip, again = tmp_path / "clip.mp4", tmp_path / "again.mp4"
    assert run("video", frames, "--preset", "quiet", "-o", clip, "--quiet").code == 0
    told = run("stylize", photo, "--like", clip, "-o", tmp_path / "a.png", "--json")
    assert json.loads(told.out)["style"] == "udnie"
    assert Preset.like(tmp_path / "a.png").controls["strength"] == 60
    cuts = ("--keyframes", "0:great-wave")
    assert run("video", frames, "--preset", "quiet", *cuts, "-o", again, "--quiet").code == 0
    sheet = tmp_path / "sheet.png"
    run("presets", "save", "people", "--preset", "quiet", "--region", "person=none")
    told = run("sheet", photo, "--preset", "people", "-s", "great-wave", "-s", "udnie", "-o", sheet)
    assert told.code == 0
    assert "sheet does not paint regions" in told.err
    assert '"strength": 60' in Image.open(sheet).info["XML:com.adobe.xmp"].replace("&quot;", '"')


def test_share_and_take_over(run: Run, painting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    region = f"faces={painting.name}"
    run("presets", "save", "mine", "--style", painting.name, "--strength", 60, "--region", region)
    told = run("presets", "export", "mine")
    assert told.out == "mine.impasto.json\n"
    assert str(painting) in told.err  # that file is needed, too
    assert str(tmp_path) not in (tmp_path / "mine.impasto.json").read_text()  # nobody's business
    assert_refused(run("presets", "export", "mine"), 1, "already-there")
    assert json.loads(run("presets", "export", "mine", "-o", "-").out)["controls"] == {"strength": 60}
    assert_refused(run("presets", "add", "mine.impasto.json"), 1, "already-there")
    assert run("presets", "add", "mine.impasto.json", "--name", "theirs").code == 0
    assert Preset.open("theirs").styles == ((str(painting), 1.0),)
    assert_refused(run("presets", "add", painting), 2, "malformed", painting.name)


def test_what_no_preset_can_hold(run: Run, painting: Path) -> None:
    assert_refused(run("presets", "save", "Quiet", "-s", "udnie"), 2, "bad-name", "my-preset")
    assert_refused(run("presets", "save", "quiet"), 2, "nothing-given")
    assert_refused(run("presets", "save", "quiet", "-s", "udnee"), 2, "unknown-style", "udnie")
    assert_refused(run("presets", "save", "quiet", "-s", "udnie:0"), 2, "zero-weights")
    assert_refused(run("presets", "save", "quiet", "--strength", 101), 2, "out-of-range")
    assert_refused(run("presets", "save", "quiet", "--region", f"{painting}=udnie"), 2, "conflict")


def test_a_damaged_one_is_named_and_the_others_are_listed(run: Run, home: Path) -> None:
    run("presets", "save", "quiet", "-s", "udnie")
    (home / "presets" / "broken.json").write_text("{")
    told = run("presets", "--json")
    assert [json.loads(line)["name"] for line in told.out.splitlines()] == ["quiet"]
    assert "broken.json" in told.err


def test_what_a_preset_cannot_hold_is_said(run: Run, photo: Path, tmp_path: Path) -> None:
    file = tmp_path / "drawn.impasto.json"
    file.write_text('{"styles": [{"style": "udnie"}], "layers": [{"style": "none", "found": "", "mask": "k"}]}')
    for told in (run("presets", "add", file), run("stylize", photo, "--preset", file, "-o", tmp_path / "a.png")):
        assert told.code == 0
        assert "drawn masks are not included: 1" in told.err
