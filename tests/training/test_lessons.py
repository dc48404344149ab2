"""Lessons: a painting becomes a style, is kept, and learning goes on."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import refused, scene
from trainings import SIZE, SIZES, SMALL

import impasto
from impasto.engines.by_name import DEFAULT, engine_of
from impasto.errors import PictureError, StyleError, UsageError
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.training.lessons import alone

ENGINE = engine_of()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The public way in takes no plan."""
    monkeypatch.setattr("impasto.training.learn.PLAN", SMALL)


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
    with refused(UsageError, "name-taken", "mine"):
        impasto.learn(picture, name="mine", steps=1)


def test_a_style_stays_as_bold_as_it_was(picture: Picture) -> None:
    def boldness() -> float:
        return Gallery().get("mine").learned[DEFAULT]["boldness"]

    impasto.learn(picture, name="mine", steps=1, boldness=80)
    assert boldness() == 80
    impasto.learn(name="mine", steps=1)
    assert boldness() == 80
    impasto.learn(name="mine", steps=1, boldness=0)
    assert boldness() == 0


def test_a_style_that_was_only_added_learns(picture: Picture) -> None:
    Gallery(painter=ENGINE).add("plain", picture)
    assert impasto.learn(name="plain", steps=8).steps == 8
    assert len(Gallery(painter=ENGINE).vector("plain").numbers) == SIZE
    assert len(Gallery(painter=engine_of("adain")).vector("plain").numbers) == 1024
    with refused(UsageError, "unknown-choice", "adain"):
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
    with alone(Gallery(painter=ENGINE).folder / "mine", "mine"):
        with refused(UsageError, "in-use", "mine"):
            impasto.learn(name="mine", steps=1)
        with refused(UsageError, "in-use", "mine"):
            impasto.learn(picture, name="mine", steps=1, replace=True)
    assert impasto.learn(name="mine", steps=1).steps == 1


def test_what_cannot_learn_is_refused(picture: Picture) -> None:
    with refused(UsageError, "built-in", "great-wave"):
        impasto.learn(name="great-wave", steps=1)
    with refused(UsageError, "unknown-style", "nothing-of-that-name"):
        impasto.learn(name="nothing-of-that-name", steps=1)
    Gallery(painter=ENGINE).add("hurt", picture)
    (Gallery(painter=ENGINE).folder / "hurt" / f"{DEFAULT}.npy").write_bytes(b"damaged")
    with refused(StyleError, "damaged-file", "hurt"):
        impasto.learn(name="hurt", steps=1)
    np.save(Gallery(painter=ENGINE).folder / "hurt" / f"{DEFAULT}.npy", np.zeros(200, np.float32))
    with refused(StyleError, "damaged-file", "200 numbers", "painter"):
        Gallery(painter=ENGINE).get("hurt")
