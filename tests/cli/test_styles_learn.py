"""`impasto styles add --learn` and `impasto styles learn`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ROOT, Outcome, assert_refused, file_bytes, presses_ctrl_c, scene
from trainings import SMALL

from impasto.cli import progress
from impasto.engines.by_name import DEFAULT, engine_of
from impasto.styles.gallery import Gallery

PAINTING = ROOT / "examples" / "almond-blossom.jpg"
ENGINE = engine_of()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The public way in takes no plan."""
    monkeypatch.setattr("impasto.training.learn.PLAN", SMALL)


def test_the_command_learns_a_painting(run: Callable[..., Outcome], tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "deep").mkdir(parents=True)
    (photos / "deep" / "a.png").write_bytes(file_bytes(scene(200, 150)))
    (photos / "broken.jpg").write_text("no picture")
    options = ("--photos", photos, "--preview", tmp_path / "seen", "--preview-every", 1, "--json")
    done = run("styles", "add", PAINTING, "--name", "mine", "--learn", "1s", *options)
    assert done.code == 0, done.err
    record = json.loads(done.out)
    assert set(record["before"]) == set(record["ratio"]) == {"style", "content"}
    assert not record["stopped"]
    assert (tmp_path / "seen" / "step-00001.png").is_file()
    again = run("styles", "learn", "mine", "--for", "1s", "--boldness", 40)
    assert again.code == 0, again.err
    assert "preparing mine" in again.err
    assert "learned mine; to use it: impasto stylize photo.jpg --style mine" in again.out
    assert "boldness 40" in run("styles", "show", "mine").out
    assert_refused(run("styles", "add", PAINTING, "--name", "mine", "--learn", "1s"), 2, "name-taken", "mine")
    assert_refused(run("styles", "learn", "mine", "--photos", tmp_path / "no"), 1, "no-such-folder")


@pytest.mark.parametrize("duration", ["0s", "3", "soon", "-3m", "3x", "", "99999h"])
def test_what_is_no_duration_is_refused(run: Callable[..., Outcome], duration: str) -> None:
    done = run("styles", "add", PAINTING, "--name", "mine", f"--learn={duration}")
    assert_refused(done, 2, "malformed", "--learn")
    assert "mine" not in Gallery(painter=ENGINE)


def test_bad_input_leaves_nothing_behind(run: Callable[..., Outcome], tmp_path: Path) -> None:
    tiny, text, empty = tmp_path / "tiny.png", tmp_path / "text.png", tmp_path / "empty"
    tiny.write_bytes(file_bytes(scene(40, 90)))
    text.write_text("x")
    empty.mkdir()
    assert_refused(run("styles", "add", tiny, "--name", "a", "--learn", "1s"), 2, "too-small", "64 pixels a side")
    assert_refused(run("styles", "add", text, "--name", "a", "--learn", "1s"), 1, "not-a-picture", "text.png")
    assert_refused(run("styles", "add", PAINTING, "--name", "a", "--learn", "1s", "--photos", empty), 1, "no-pictures")
    assert_refused(run("styles", "add", PAINTING, "--name", "a", "--photos", empty), 2, "conflict", "--learn")
    assert "a" not in Gallery(painter=ENGINE)


def test_a_gallery_that_cannot_be_written_to(
    run: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "file"))
    assert_refused(run("styles", "add", PAINTING, "--name", "a", "--learn", "1s"), 1, "not-writable")


def test_ctrl_c_keeps_the_best_so_far(run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "bar", presses_ctrl_c)
    done = run("styles", "add", PAINTING, "--name", "mine", "--learn", "1h")
    assert done.code == 130
    assert "to continue: impasto styles learn mine" in done.err
    assert DEFAULT in Gallery(painter=ENGINE).get("mine").learned


def test_ctrl_c_while_it_prepares_says_what_is_kept() -> None:
    code = (
        "import sys; from impasto.cli.main import main; from impasto.training import learn\n"
        "def pressed(*_, **__): raise KeyboardInterrupt\n"
        "learn.Perception = pressed; sys.argv = ['impasto', 'styles', *{}]; main()"
    )

    def said(*words: str) -> str:
        command = [sys.executable, "-c", code.format(words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 130
        return done.stderr.splitlines()[-1]

    add = ("add", str(PAINTING), "--name", "mine", "--learn", "3m")
    assert said(*add) == "impasto: stopped  (to continue: impasto styles learn mine)"
    before = Gallery(painter=ENGINE).get("mine")
    again = said("learn", "mine", "--engine", "light")
    assert again == "impasto: stopped  (to continue: impasto styles learn mine --engine light)"
    assert said(*add, "--overwrite", "--title", "other") == "impasto: stopped  (mine stays as it was)"
    assert Gallery(painter=ENGINE).get("mine") == before


def test_without_pytorch_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from impasto.cli.main import main;"
        f"sys.argv = ['impasto', 'styles', 'add', {str(PAINTING)!r}, '--name', 'mine', '--learn', '3m']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'impasto[train]'" in done.stderr
    assert "mine" not in Gallery(painter=ENGINE)
