"""Large photos: layer by layer and strip by strip they become what they would have become at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import impasto.large
import impasto.layerwise
from impasto.controls import Controls
from impasto.errors import OutOfMemory
from impasto.files import ASSETS
from impasto.gallery import Gallery
from impasto.painter import Painter, Shot
from impasto.picture import Picture
from impasto.resample import resize, resized_rows
from impasto.stylizer import Stylizer

VECTOR = Gallery().vector("great-wave")
PHOTO = Picture.open(ASSETS / "samples" / "colosseum.jpg").resized(403, 309)


@pytest.fixture
def strips(monkeypatch: pytest.MonkeyPatch) -> Painter:
    """A painter that has room for a few rows only."""
    monkeypatch.setattr(impasto.layerwise, "_LEAST_STRIP", 5)
    monkeypatch.setattr(impasto.large, "_STRIP_PIXELS", 40 * 403)
    return Painter(budget=1_000_000)


@pytest.mark.parametrize(("width", "height"), [(403, 309), (1200, 900), (60, 700), (3, 2), (1, 1)])
def test_layer_by_layer_is_the_whole(strips: Painter, width: int, height: int) -> None:
    photo = PHOTO.resized(width, height).pixels
    painted = np.full_like(photo, np.nan)
    strips.paint_into(photo, VECTOR, painted.__setitem__)
    whole = Painter(budget=10**12).paint(photo, VECTOR)
    assert np.abs(painted - whole).max() < 4 / 255
    assert np.abs(painted - whole).mean() < 0.4 / 255


def test_flat_photos_are_no_harder(strips: Painter) -> None:
    """Where nothing varies, a normalisation amplifies every error of its statistics."""
    photo = np.full((300, 400, 3), 0.7, np.float32)
    photo[100:120, 50:90] = 0.2
    assert np.abs(strips.paint(photo, VECTOR) - Painter(budget=10**12).paint(photo, VECTOR)).max() < 2 / 255


def test_a_shot_is_normalised_alike(strips: Painter) -> None:
    one, other = PHOTO.pixels, PHOTO.pixels[::-1, :, ::-1] ** 1.5
    pictures = []
    for painter in (strips, Painter(budget=10**12)):
        shot = Shot(frames=1)
        painter.paint(one, VECTOR, shot=shot)
        pictures.append(painter.paint(np.ascontiguousarray(other), VECTOR, shot=shot))
    assert np.abs(pictures[0] - pictures[1]).max() < 2 / 255
    assert np.abs(pictures[0] - strips.paint(np.ascontiguousarray(other), VECTOR)).mean() > 3 / 255


def mask(share: float) -> np.ndarray:
    across = np.linspace(0, 1, 200, dtype=np.float32)
    return np.repeat(((across - share) * 8).clip(0, 1)[None], 150, axis=0)


@pytest.mark.parametrize(
    ("style", "regions", "controls"),
    [
        ("udnie", None, Controls()),
        ("udnie", None, Controls(strength=60, tone="match")),
        ({"udnie": 0.7, "great-wave": 0.3}, None, Controls(brush_size=1.7, strength=80)),
        ("great-wave", None, Controls(brush_size=0.6, keep_color="luminance")),
        ("great-wave", None, Controls(keep_color="histogram", tone="match")),
        ("udnie", [(mask(0.3), "great-wave"), (mask(0.7), "none")], Controls(strength=90, keep_color="coral")),
        ("udnie", [(mask(0.5), "none")], Controls(keep_color="luminance", brush_size=1.3)),
    ],
)
def test_controls_mean_the_same(strips: Painter, style: object, regions: object, controls: Controls) -> None:
    large, small = (
        Stylizer(style, regions=regions, controls=controls, painter=painter)(PHOTO)  # type: ignore[arg-type]
        for painter in (strips, Painter(budget=10**12))
    )
    assert large.samples.dtype != small.samples.dtype
    difference = np.abs(large.pixels - small.pixels)
    assert difference.mean() < 1 / 255
    assert np.percentile(difference, 99) < 4 / 255


def test_transparent_and_deep_photos(strips: Painter) -> None:
    alpha = np.ones((309, 403), np.float32)
    alpha[:100] = 0
    deep = Picture((PHOTO.pixels * 65535).round().astype(np.uint16), alpha, 16)
    large, small = (Stylizer("udnie", painter=painter)(deep) for painter in (strips, Painter(budget=10**12)))
    assert large.samples.dtype == np.uint16
    assert large.alpha is deep.alpha
    assert np.abs(large.pixels - small.pixels)[100:].mean() < 0.5 / 255


def test_a_network_paints_large_photos(strips: Painter, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, "height", "width"])
    out = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "height", "width"])
    one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
    graph = helper.make_graph(
        [helper.make_node("Sub", ["one", "photo"], ["picture"])], "inverse", [value], [out], [one]
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "inverse.onnx"
    )
    picture = Stylizer(str(tmp_path / "inverse.onnx"), controls=Controls(strength=75), painter=strips)(PHOTO)
    assert picture.samples.dtype == np.uint16
    assert np.abs(picture.pixels - (0.25 * PHOTO.pixels + 0.75 * (1 - PHOTO.pixels))).max() < 1.5 / 255


def test_features_that_do_not_fit_go_to_a_file_and_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = PHOTO.pixels
    painted, whole = (Painter(budget=budget).paint(photo, VECTOR) for budget in (1000, 10**12))
    assert np.abs(painted - whole).max() < 2 / 255

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OutOfMemory, match="no room"):
        Painter(budget=1000).paint(photo, VECTOR)


def test_where_memory_runs_out_layers_take_over(monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Painter(budget=10**12)
    whole, run = painter.paint(PHOTO.pixels, VECTOR), painter._run

    def scarce(photo: np.ndarray, *rest: object) -> object:
        if photo.size > 10_000:
            raise OutOfMemory("no memory")
        return run(photo, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(painter, "_run", scarce)
    with pytest.warns(UserWarning, match="memory ran out"):
        painted = painter.paint(PHOTO.pixels, VECTOR)
    assert np.abs(painted - whole).max() < 2 / 255


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 90), st.data())
@settings(max_examples=60, deadline=None)
def test_rows_are_resized_as_the_whole_is(height: int, width: int, wanted: int, data: st.DataObject) -> None:
    samples = scene(height=height, width=width)
    top = data.draw(st.integers(0, wanted - 1))
    bottom = data.draw(st.integers(top + 1, wanted))
    whole = np.stack(
        [
            np.asarray(
                Image.fromarray(samples[:, :, i].astype(np.float32) / 255).resize((7, wanted), Image.Resampling.LANCZOS)
            )
            for i in range(3)
        ],
        axis=2,
    ).clip(0, 1)
    np.testing.assert_allclose(resized_rows(samples, 7, wanted, slice(top, bottom)), whole[top:bottom], atol=1e-5)
    if (height, width) != (wanted, 7):
        np.testing.assert_allclose(resize(samples, 7, wanted), whole, atol=1e-5)
