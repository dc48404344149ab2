"""What may be written after --style."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine
from helpers import refused, scene
from hypothesis import given
from hypothesis import strategies as st

from impasto.controls import Controls
from impasto.engines.by_name import engine_of
from impasto.errors import PictureError, UsageError
from impasto.painting.compose import recolored
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import parse, resolve


def weights(request: object) -> list[tuple[str, float]]:
    return [(style.label, weight) for style, weight in resolve(request, Gallery(), engine_of()).parts]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("starry-night", ("starry-night", 1)),
        ("starry-night:0.6", ("starry-night", 0.6)),
        ("a.jpg:2", ("a.jpg", 2)),
        ("C:\\pictures\\a.jpg", ("C:\\pictures\\a.jpg", 1)),
        ("C:\\a.jpg:0.25", ("C:\\a.jpg", 0.25)),
        ("a:b.jpg", ("a:b.jpg", 1)),
    ],
)
def test_names_files_and_weights(text: str, expected: tuple[str, float]) -> None:
    assert parse(text) == expected


@given(st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True), st.floats(0, 1000).map(lambda x: round(x, 3)))
def test_a_weight_is_read_as_written(name: str, weight: float) -> None:
    assert parse(f"{name}:{weight}") == (name, weight)


def test_weights_are_shares() -> None:
    assert weights(["starry-night:3", "udnie:1"]) == [("starry-night", 0.75), ("udnie", 0.25)]
    assert weights({"starry-night": 3, "udnie": 1}) == [("starry-night", 0.75), ("udnie", 0.25)]
    assert weights([("starry-night", 2), "udnie:0"]) == [("starry-night", 1)]
    assert weights("udnie") == [("udnie", 1)]


@pytest.mark.parametrize(
    ("request_", "code", "word"),
    [
        (["udnie:0", "starry-night:0"], "zero-weights", ""),
        ("udnie:-1", "out-of-range", "udnie is -1"),
        ("udnie:nan", "out-of-range", "udnie is nan"),
        ("udnie:inf", "out-of-range", "udnie is inf"),
        ({"udnie": "1"}, "not-a-number", "'1'"),
        (":0.5", "nothing-given", ":0.5"),
        ("", "nothing-given", ""),
        ([], "nothing-given", ""),
        ("none", "conflict", "none"),
        ("starry-nite:0.5", "unknown-style", "did you mean 'starry-night'?"),
    ],
)
def test_requests_that_make_no_sense(request_: object, code: str, word: str) -> None:
    with refused(UsageError, code, word):
        weights(request_)


def test_files_that_are_no_style(tmp_path: Path) -> None:
    with refused(PictureError, "no-such-file", "missing.jpg"):
        weights("missing.jpg")
    with refused(PictureError, "not-a-file"):
        weights(str(tmp_path))
    (tmp_path / "text.png").write_text("hello")
    with refused(PictureError, "not-a-picture", "text.png"):
        weights(str(tmp_path / "text.png"))


def test_a_name_comes_before_a_file_of_that_name(
    tmp_path: Path, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    painting.rename("udnie")
    by_name, by_path = (resolve(text, Gallery(), engine_of()).parts[0][0].vector for text in ("udnie", "./udnie"))
    np.testing.assert_array_equal(by_name.numbers, Gallery().vector("udnie").numbers)
    assert np.abs(by_name.embedding - by_path.embedding).max() > 0.01


def test_a_file_whose_name_ends_like_a_weight(tmp_path: Path, painting: Path) -> None:
    odd = tmp_path / "version:2"
    painting.rename(odd)
    assert weights(str(odd)) == [("version:2", 1)]


def test_recoloring_changes_the_vector_and_its_own_colors_do_not() -> None:
    painter, gallery = engine_of(), Gallery()
    blend = resolve("great-wave", gallery, painter)
    thumbnail = gallery.picture(gallery.get("great-wave")).pixels
    red = np.zeros_like(thumbnail) + np.float32([0.8, 0.1, 0.1]) * thumbnail.mean(2, keepdims=True)
    for keep_color in ("histogram", "coral"):
        controls = Controls(keep_color=keep_color)  # type: ignore[arg-type]
        own = painter.encode(thumbnail).embedding
        same, other = (
            np.abs(blend.by_engine(partial(recolored, controls=controls, photo=photo))[0][2].embedding - own).mean()
            for photo in (thumbnail, red)
        )
        assert same < 0.02 * other  # without filters: they would bring the painting's own colors back


def test_a_painting_is_encoded_once_and_once_in_the_photos_colors(painting: Path) -> None:
    engine = FakeEngine()
    photo = Picture(scene(64, 48).astype(np.float32) / 255)
    Stylizer(str(painting), controls=Controls(keep_color="histogram"), painter=engine)(photo)
    assert len(engine.looked_at) == 2
