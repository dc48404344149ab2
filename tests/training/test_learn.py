"""Learning a painting: nearer to it than what the encoder sees, on photographs held back; kept, and gone on with."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import ROOT, Outcome, assert_refused, file_bytes, scene

import impasto
from impasto.cli import progress
from impasto.engines.by_name import DEFAULT, engine_of
from impasto.errors import PictureError, StyleError, UsageError
from impasto.nn.tensors import to_pixels, to_tensor
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.styles.gallery import Gallery
from impasto.system.files import ASSETS
from impasto.training import learn as method
from impasto.training.learn import Learned, learn_style
from impasto.training.lessons import _alone
from impasto.training.pupil import PUPILS, pupil_of

PAINTING = ROOT / "examples" / "almond-blossom.jpg"
SIZES = {"light": 512 + 150_748, "painter": 266 + 5152 + 381_811}  # a vector, and all that is learned of a network
SIZE = SIZES[DEFAULT]
ENGINE = engine_of()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crops so small that a step takes a tenth of a second or two."""
    for name, value in {"SIDE": 96, "FLAT": 64, "HELD_BACK": 2, "WARM_UP": 2}.items():
        monkeypatch.setattr(method, name, value)


@pytest.fixture(scope="module")
def picture() -> Picture:
    return Picture.open(PAINTING).resized(200, 160)


@pytest.mark.parametrize("engine", PUPILS)
def test_what_is_learned_is_nearer_to_the_painting(picture: Picture, engine: str) -> None:
    seen: list[int] = []
    best: list[Learned] = []
    learned = learn_style(
        picture,
        seconds=600,
        steps=8,
        engine=engine,
        on_progress=lambda now: seen.append(now.step),
        on_best=best.append,
    )
    assert seen == list(range(1, 9))
    numbers = learned.vector.numbers
    assert numbers.shape == (SIZES[engine],)
    assert engine_of(engine).style(numbers).numbers is not None
    assert np.isfinite(numbers).all()
    assert learned.ratio("style") < 0.95
    assert learned.ratio("style") + 5 * max(0, learned.ratio("content") - 1) < 1
    assert (learned.steps, learned.stopped) == (8, False)
    np.testing.assert_array_equal(best[-1].vector.numbers, numbers)


def test_what_is_no_better_is_not_kept(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "RATE", 10.0)  # far beyond what leads anywhere
    learned = learn_style(picture, seconds=600, steps=2)
    np.testing.assert_array_equal(learned.vector, ENGINE.encode(picture.pixels))
    assert learned.after == learned.before


def test_it_ends_by_the_clock(picture: Picture) -> None:
    ticks = iter(range(10_000))
    learned = learn_style(picture, seconds=3, clock=lambda: float(next(ticks)))
    assert learned.steps == 3


@pytest.mark.parametrize("engine", PUPILS)
def test_a_style_goes_into_the_network_and_comes_back(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.training.pupil.find_precision", lambda *_: torch.float32)
    pupil, painter = pupil_of(engine, torch.device("cpu")), engine_of(engine)
    named = Gallery(painter=painter).vector("great-wave").numbers
    style = np.zeros(SIZES[engine], np.float32)
    style[: len(named)] = named[: len(style)]
    style[-200_000:-199_000] += 0.01  # some filters
    net, vector = pupil.begin(painter.style(style))
    np.testing.assert_allclose(pupil.style(net.state_dict(), vector).numbers, style, atol=1e-6)
    photo = (scene(96, 64) / 255).astype(np.float32)
    with torch.no_grad():
        painted = to_pixels(net(to_tensor(photo), vector))
    assert np.abs(painted - painter.paint(photo, painter.style(style)).clip(0, 1)).max() < 2e-3


def test_bad_requests_are_refused(picture: Picture) -> None:
    with pytest.raises(UsageError, match="64 a side"):
        learn_style(Picture(np.zeros((20, 90, 3), np.float32)), seconds=9)
    with pytest.raises(UsageError, match="no time"):
        learn_style(picture, seconds=0)


def test_a_painting_becomes_a_style_that_goes_on_learning(picture: Picture) -> None:
    first = impasto.learn(picture, name="mine", steps=3)
    entry = Gallery(painter=ENGINE).get("mine")
    assert entry.learned[DEFAULT]["steps"] == first.steps == 3
    kept = Gallery(painter=ENGINE).vector("mine")
    np.testing.assert_array_equal(kept.numbers, first.vector.numbers)
    second = impasto.learn(name="mine", steps=2)
    assert second.steps == 5
    assert second.ratio("style") <= first.ratio("style") + 1e-3
    painted = impasto.stylize(Picture(scene().astype(np.float32) / 255), "mine")
    assert painted.width == 96
    with pytest.raises(UsageError, match="already"):
        impasto.learn(picture, name="mine", steps=1)


def test_a_style_that_was_only_added_learns(picture: Picture) -> None:
    Gallery(painter=ENGINE).add("plain", picture)
    assert impasto.learn(name="plain", steps=8).steps == 8
    assert len(Gallery(painter=ENGINE).vector("plain").numbers) == SIZE
    assert len(Gallery(painter=engine_of("adain")).vector("plain").numbers) == 1024
    with pytest.raises(UsageError, match="learns no paintings"):
        impasto.learn(name="plain", steps=1, engine="adain")


def test_each_engine_learns_by_itself(picture: Picture) -> None:
    impasto.learn(picture, name="both", steps=8)
    of_default = Gallery().vector("both")
    assert impasto.learn(name="both", steps=3, engine="light").steps == 3
    np.testing.assert_array_equal(Gallery().vector("both").numbers, of_default.numbers)
    assert impasto.learn(name="both", steps=1).steps == 9
    learned = Gallery().get("both").learned
    assert {engine: facts["steps"] for engine, facts in learned.items()} == {"painter": 9, "light": 3}


def test_what_an_older_version_has_learned_is_the_light_engines(picture: Picture) -> None:
    light = engine_of("light")
    gallery = Gallery(painter=light)
    gallery.add("old", picture, vector=light.style(np.ones(SIZES["light"], np.float32)))
    file = gallery.folder / "old" / "style.json"
    card = json.loads(file.read_text())
    card |= {"painter": card.pop("encoders")["light"], "learned": {"steps": 5, "seconds": 9.0}}
    file.write_text(json.dumps(card))
    assert Gallery().vector("old").numbers.shape == (ENGINE.vector_size,)
    assert gallery.vector("old").numbers.shape == (SIZES["light"],)
    assert Gallery().get("old").learned == {"light": {"steps": 5, "seconds": 9.0}}
    assert impasto.learn(name="old", steps=1).steps == 1


def test_a_gallery_that_cannot_be_written_to_still_paints(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    Gallery(painter=engine_of("light")).add("mine", picture)
    monkeypatch.setattr("impasto.styles.store.write_atomically", _refuse)
    assert Gallery().vector("mine").numbers.shape == (ENGINE.vector_size,)


def _refuse(*_: object, **__: object) -> None:
    raise PictureError("no space left")


def test_a_stop_keeps_the_best_so_far(picture: Picture) -> None:
    learned = impasto.learn(picture, name="cut", steps=50, on_progress=lambda now: now.step < 4)
    assert (learned.stopped, learned.steps) == (True, 4)
    np.testing.assert_array_equal(Gallery(painter=ENGINE).vector("cut").numbers, learned.vector.numbers)


def test_two_do_not_learn_one_style_at_once(picture: Picture) -> None:
    Gallery(painter=ENGINE).add("mine", picture)
    with _alone(Gallery(painter=ENGINE).folder / "mine", "mine"):
        with pytest.raises(UsageError, match="mine is being learned already"):
            impasto.learn(name="mine", steps=1)
        with pytest.raises(UsageError, match="mine is being learned already"):
            impasto.learn(picture, name="mine", steps=1, replace=True)
    assert impasto.learn(name="mine", steps=1).steps == 1


def test_what_cannot_learn_is_refused(picture: Picture) -> None:
    with pytest.raises(UsageError, match="built-in"):
        impasto.learn(name="great-wave", steps=1)
    with pytest.raises(UsageError, match="is no style"):
        impasto.learn(name="nothing-of-that-name", steps=1)
    Gallery(painter=ENGINE).add("hurt", picture)
    (Gallery(painter=ENGINE).folder / "hurt" / f"{DEFAULT}.npy").write_bytes(b"damaged")
    with pytest.raises(StyleError, match="hurt is damaged"):
        impasto.learn(name="hurt", steps=1)
    np.save(Gallery(painter=ENGINE).folder / "hurt" / f"{DEFAULT}.npy", np.zeros(200, np.float32))
    with pytest.raises(StyleError, match="200 numbers are no style of the engine painter"):
        Gallery(painter=ENGINE).get("hurt")


# The command.


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
    again = run("styles", "learn", "mine", "--for", "1s")
    assert again.code == 0, again.err
    assert "mine learned: impasto stylize photo.jpg --style mine" in again.out
    assert "learned" in run("styles", "show", "mine").out
    assert_refused(run("styles", "add", PAINTING, "--name", "mine", "--learn", "1s"), 2, "already")
    assert_refused(run("styles", "learn", "mine", "--photos", tmp_path / "no"), 1, "no folder")


@pytest.mark.parametrize("duration", ["0s", "3", "soon", "-3m", "3x", "", "99999h"])
def test_what_is_no_duration_is_refused(run: Callable[..., Outcome], duration: str) -> None:
    done = run("styles", "add", PAINTING, "--name", "mine", f"--learn={duration}")
    assert_refused(done, 2, "is not a duration")
    assert "mine" not in Gallery(painter=ENGINE)


def test_bad_input_leaves_nothing_behind(run: Callable[..., Outcome], tmp_path: Path) -> None:
    tiny, text, empty = tmp_path / "tiny.png", tmp_path / "text.png", tmp_path / "empty"
    tiny.write_bytes(file_bytes(scene(40, 90)))
    text.write_text("x")
    empty.mkdir()
    assert_refused(run("styles", "add", tiny, "--name", "a", "--learn", "1s"), 2, "64 a side")
    assert_refused(run("styles", "add", text, "--name", "a", "--learn", "1s"), 1, "text.png")
    assert_refused(
        run("styles", "add", PAINTING, "--name", "a", "--learn", "1s", "--photos", empty), 1, "no photographs"
    )
    assert_refused(run("styles", "add", PAINTING, "--name", "a", "--photos", empty), 2, "--learn")
    assert "a" not in Gallery(painter=ENGINE)


def test_a_gallery_that_cannot_be_written_to(
    run: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "file"))
    assert_refused(run("styles", "add", PAINTING, "--name", "a", "--learn", "1s"), 1, "cannot write to your gallery")


def test_ctrl_c_keeps_the_best_so_far(run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def press(**_: object) -> Iterator[Callable[[Progress], None]]:
        yield lambda _: signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(progress, "bar", press)
    done = run("styles", "add", PAINTING, "--name", "mine", "--learn", "1h")
    assert done.code == 130
    assert "impasto styles learn mine goes on" in done.err
    assert DEFAULT in Gallery(painter=ENGINE).get("mine").learned


def test_without_pytorch_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from impasto.cli.main import main;"
        f"sys.argv = ['impasto', 'styles', 'add', {str(PAINTING)!r}, '--name', 'mine', '--learn', '3m']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'impasto[torch]'" in done.stderr
    assert "mine" not in Gallery(painter=ENGINE)


def test_the_photographs_are_free_and_small() -> None:
    with (ASSETS / "photos" / "SOURCES.tsv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    with zipfile.ZipFile(ASSETS / "photos" / "photos.zip") as bundle:
        assert [f"{row['name']}.webp" for row in rows] == bundle.namelist()
        assert min(min(Picture.open(bundle.read(name)).pixels.shape[:2]) for name in bundle.namelist()[::20]) >= 256
    assert {row["licence"] for row in rows} == {"CC0 1.0"}
    assert all(len(row["commit"]) == 40 and row["repository"] and row["stated in"] for row in rows)
    assert (ASSETS / "photos" / "photos.zip").stat().st_size <= 3_000_000
