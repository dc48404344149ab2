"""The example of a Streamlit page, examples/streamlit_app.py, without a browser."""

from __future__ import annotations

import ast
import io

import numpy as np
import pytest
from helpers import ROOT, file_bytes, scene
from PIL import Image

pytest.importorskip("streamlit")

from streamlit.testing.v1 import AppTest

import impasto

APP = ROOT / "examples" / "streamlit_app.py"
PHOTO = scene(120, 80)


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(APP), default_timeout=120).run()


def bring(app: AppTest, label: str, name: str, data: bytes) -> None:
    next(file for file in app.file_uploader if file.label == label).upload(name, data, "image/png").run()


def painting(app: AppTest) -> np.ndarray:
    """What the page shows once Stylize is pressed."""
    app.button[0].click().run()
    assert not app.exception
    assert not app.error
    assert not app.info
    with Image.open(io.BytesIO(app.session_state["result"][1])) as image:
        return np.asarray(image, np.float32)


def assert_painted_by_the_library(found: np.ndarray, style: str | np.ndarray, strength: int) -> None:
    expected = impasto.stylize(PHOTO, style, strength=strength).to_numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 4  # what a JPEG loses


def test_it_imports_nothing_but_impasto_and_streamlit() -> None:
    nodes = ast.walk(ast.parse(APP.read_text("utf-8")))
    imported = {ast.unparse(node) for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))}
    assert imported == {"import impasto", "import streamlit as st"}


def test_the_sample_is_painted_once_stylize_is_pressed(app: AppTest) -> None:
    assert not app.exception
    assert "Stylize" in app.info[0].value
    with Image.open(ROOT / "src" / "impasto" / "assets" / "samples" / "colosseum.jpg") as sample:
        assert painting(app).shape == (sample.height, sample.width, 3)
    assert app.get("download_button")


def test_a_photo_in_a_style_that_ships(app: AppTest) -> None:
    bring(app, "Photo", "holiday.png", file_bytes(PHOTO))
    app.selectbox[0].select("great-wave")
    app.slider[0].set_value(70)
    assert_painted_by_the_library(painting(app), "great-wave", 70)


def test_a_photo_in_the_style_of_a_painting(app: AppTest) -> None:
    bring(app, "Photo", "holiday.png", file_bytes(PHOTO))
    app.radio[0].set_value("My own").run()
    assert app.button[0].disabled
    mine = scene(80, 100, seed=7)[:, :, ::-1].copy()
    bring(app, "Painting", "mine.png", file_bytes(mine))
    assert_painted_by_the_library(painting(app), mine, 100)


def test_a_result_stays_until_there_is_another_photo(app: AppTest) -> None:
    bring(app, "Photo", "holiday.png", file_bytes(PHOTO))
    first = painting(app)
    app.slider[0].set_value(10).run()
    assert app.get("download_button")
    assert not np.array_equal(first, painting(app))
    bring(app, "Photo", "other.png", file_bytes(PHOTO[::-1].copy()))
    assert not app.get("download_button")
    assert app.info


@pytest.mark.parametrize("data", [b"text", file_bytes(PHOTO)[:300], b""])
def test_a_bad_file_gets_a_line_that_names_it(app: AppTest, data: bytes) -> None:
    bring(app, "Photo", "notes.png", data)
    assert not app.exception
    assert "notes.png" in app.error[0].value
    bring(app, "Photo", "holiday.png", file_bytes(PHOTO))
    assert not app.error


def test_a_painting_is_read_once_for_all_strengths(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    stylizer = impasto.Stylizer

    def counted(*arguments: object, **options: object) -> object:
        made.append(arguments)
        return stylizer(*arguments, **options)

    monkeypatch.setattr(impasto, "Stylizer", counted)
    bring(app, "Photo", "holiday.png", file_bytes(PHOTO))
    app.radio[0].set_value("My own").run()
    bring(app, "Painting", "mine.png", file_bytes(scene(80, 100, seed=8)))
    for strength in (20, 80, 20):
        app.slider[0].set_value(strength)
        painting(app)
    assert len(made) == 1
