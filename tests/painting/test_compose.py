"""Large photos: window by window they become what they would have become at once; threads do not disturb each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEngine
from helpers import refused, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import impasto.painting.octaves
import impasto.painting.stylizer
from impasto.controls import Controls
from impasto.engines.adain_wct import AdaIN
from impasto.engines.base import StyleVector, WriteTile
from impasto.engines.light import Light
from impasto.engines.shot import Shot, Statistics
from impasto.errors import OutOfMemory, UsageError
from impasto.painting.compose import Composition, recolored
from impasto.painting.octaves import smooth
from impasto.painting.regions import Region
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import Samples, floats, resize, resized_rows
from impasto.styles.gallery import Gallery
from impasto.styles.store import load_network
from impasto.system.files import ASSETS

VECTOR = Gallery(painter=Light()).vector("great-wave")
SAMPLE = Picture.open(ASSETS / "samples" / "colosseum.jpg")
PHOTO = SAMPLE.resized(403, 309)
LARGE = SAMPLE.resized(1203, 903)


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> Light:
    """A painter with so little memory that a photo is finished in its own samples, in small windows."""
    monkeypatch.setattr(impasto.painting.octaves, "_SIDE", 256)
    monkeypatch.setattr(impasto.painting.stylizer, "BYTES_PER_PIXEL", 100)
    return Light(budget=80_000_000)


def mask(share: float) -> np.ndarray:
    across = np.linspace(0, 1, 200, dtype=np.float32)
    return np.repeat(((across - share) * 8).clip(0, 1)[None], 150, axis=0)


@pytest.mark.parametrize(
    ("style", "regions", "controls"),
    [
        ("udnie", None, Controls()),
        ("udnie", None, Controls(strength=60, tone="match")),
        ({"udnie": 0.7, "great-wave": 0.3}, None, Controls(brush_size=1.7, strength=80)),
        ("great-wave", None, Controls(brush_size=0.8, keep_color="luminance")),
        ("great-wave", None, Controls(keep_color="histogram", tone="match")),
        ("udnie", None, Controls(boldness=70)),
        ("udnie", [(mask(0.3), "great-wave"), (mask(0.7), "none")], Controls(strength=90, keep_color="coral")),
        ("udnie", [(mask(0.5), "none")], Controls(keep_color="luminance", brush_size=1.3)),
    ],
)
def test_controls_mean_the_same(scarce: Light, style: object, regions: object, controls: Controls) -> None:
    large, small = (
        Stylizer(style, regions=regions, controls=controls, painter=painter)(LARGE)  # type: ignore[arg-type]
        for painter in (scarce, Light(budget=10**12))
    )
    assert large.samples.dtype == np.uint16
    assert small.samples.dtype == np.float32
    difference = np.abs(large.pixels - small.pixels)
    assert difference.mean() < 2 / 255


def test_transparent_and_deep_photos(scarce: Light) -> None:
    alpha = np.ones((903, 1203), np.float32)
    alpha[:300] = 0
    deep = Picture((LARGE.pixels * 65535).round().astype(np.uint16), alpha, 16)
    large, small = (Stylizer("udnie", painter=painter)(deep) for painter in (scarce, Light(budget=10**12)))
    assert large.samples.dtype == np.uint16
    assert large.alpha is deep.alpha
    assert np.abs(large.pixels - small.pixels)[300:].mean() < 2 / 255


def inverse(path: Path) -> str:
    """A network that paints negatives."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    value = helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, "height", "width"])
    out = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "height", "width"])
    one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
    graph = helper.make_graph(
        [helper.make_node("Sub", ["one", "photo"], ["picture"])], "inverse", [value], [out], [one]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


def test_a_network_paints_large_photos(scarce: Light, tmp_path: Path) -> None:
    style = inverse(tmp_path / "inverse.onnx")
    picture = Stylizer(style, controls=Controls(strength=75, detail=0), painter=scarce)(LARGE)
    assert picture.samples.dtype == np.uint16
    negative = 0.25 * LARGE.pixels + 0.75 * (1 - LARGE.pixels)
    assert np.abs(resize(picture.pixels, 300, 225) - resize(negative, 300, 225)).mean() < 4 / 255


def test_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Several sizes, styles and engines at once paint what each paints alone, bit by bit."""
    painter, adain = Light(), AdaIN()
    photos = [SAMPLE.resized(*size) for size in ((320, 240), (451, 338), (400, 300))]
    network = inverse(tmp_path / "inverse.onnx")
    regions = [(mask(0.4), "udnie"), (mask(0.7), "none")]
    stylizers = [
        Stylizer("the-scream", painter=painter),
        Stylizer("great-wave", regions=regions, controls=Controls(brush_size=2, tone="match"), painter=painter),
        Stylizer({"udnie": 0.5, "the-kiss": 0.5}, controls=Controls(keep_color="luminance"), painter=painter),
        Stylizer("starry-night", painter=adain),
        Stylizer(network, painter=painter),
    ]
    jobs = [(stylizer, photo) for photo in photos for stylizer in stylizers]
    alone = [stylizer(photo).pixels for stylizer, photo in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda job: job[0](job[1]).pixels, jobs))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
    assert load_network(Path(network)).size.only is None


def test_where_memory_runs_out_tiles_take_over(monkeypatch: pytest.MonkeyPatch) -> None:
    painter = Light(budget=10**12)
    # Private: memory that runs out inside the engine.
    whole, run = painter.paint(LARGE.pixels, VECTOR), painter._run

    def scarce(photo: np.ndarray, *rest: object) -> object:
        if photo.size > 2_000_000:
            raise OutOfMemory("no memory")
        return run(photo, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(painter, "_run", scarce)
    with pytest.warns(UserWarning, match="memory ran out"):
        painted = painter.paint(LARGE.pixels, VECTOR)
    assert np.abs(painted - whole).mean() < 4 / 255


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


def finished(painted: np.ndarray, photo: np.ndarray, **controls: object) -> np.ndarray:
    chosen = Controls(**controls)  # type: ignore[arg-type]
    return Composition(chosen, [], photo, budget=10**9).finished(painted, photo)


def test_finishing_does_only_what_is_asked() -> None:
    photo = PHOTO.pixels
    other = photo[::-1].copy()
    np.testing.assert_array_equal(finished(other, photo), other)
    assert np.abs(finished(other, photo, keep_color="luminance") - other).mean() > 0.01
    assert abs(finished(other * 0.5, photo, tone="match").mean() - photo.mean()) < 0.02
    np.testing.assert_array_equal(recolored(other, controls=Controls(keep_color="luminance"), photo=photo), other)
    for keep_color in ("histogram", "coral"):
        controls = Controls(keep_color=keep_color)  # type: ignore[arg-type]
        kept = recolored(other[:, :, ::-1].copy(), controls=controls, photo=photo)
        assert np.abs(kept.mean((0, 1)) - photo.mean((0, 1))).max() < 0.02


# What is mixed, to the bit: an engine that paints one color.

BLUE, RED = (np.full((8, 8, 3), color, np.uint8) for color in ((0, 0, 255), (255, 0, 0)))
SMALL = scene(60, 40).astype(np.float32) / 255


def painted(style: object, photo: np.ndarray = SMALL, regions: object = None, **controls: object) -> np.ndarray:
    chosen = Controls(**controls)  # type: ignore[arg-type]
    return Stylizer(style, regions=regions, controls=chosen, painter=FakeEngine())(Picture(photo)).pixels  # type: ignore[arg-type]


def test_strength_is_a_share_of_every_pixel() -> None:
    np.testing.assert_allclose(painted(BLUE, strength=25), 0.75 * SMALL + 0.25 * np.float32([0, 0, 1]), atol=1e-6)


def test_a_blend_is_its_styles_weighted_mean() -> None:
    np.testing.assert_allclose(painted([(BLUE, 1), (RED, 3)])[0, 0], [0.75, 0, 0.25], atol=1e-6)


def test_regions_lie_over_one_another() -> None:
    left, middle = np.zeros((40, 60), np.float32), np.zeros((40, 60), np.float32)
    left[:, :30], middle[:, 20:40] = 1, 0.5
    found = painted(BLUE, regions=[(left, "none"), (middle, RED)])
    np.testing.assert_allclose(found[:, :20], SMALL[:, :20], atol=1e-6)
    np.testing.assert_allclose(found[:, 20:30], 0.5 * SMALL[:, 20:30] + [0.5, 0, 0], atol=1e-6)
    np.testing.assert_allclose(found[5, 35], [0.5, 0, 0.5], atol=1e-6)
    np.testing.assert_allclose(found[5, 50], [0, 0, 1], atol=1e-6)


def test_an_engine_gets_the_photo_in_the_size_that_brushes_ask_for() -> None:
    engine = FakeEngine()
    photo = Picture(scene(1280, 640).astype(np.float32) / 255)
    for brush_size in (1, 2, 0.5):
        Stylizer(BLUE, controls=Controls(brush_size=brush_size), painter=engine)(photo)
    assert [shape[1] for shape in engine.painted] == [640, 320, 1280]


def test_what_nobody_sees_does_not_steer_the_style(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, photo = FakeEngine(), np.full((40, 60, 4), 0.5, np.float32)
    photo[:, 30:] = (1, 1, 1, 0)
    looked_at: list[np.ndarray] = []
    monkeypatch.setattr(engine, "paint", lambda frame, *_, **__: looked_at.append(frame) or frame)
    Stylizer(BLUE, painter=engine)(Picture.from_array(photo))
    np.testing.assert_allclose(looked_at[0], 0.5, atol=1e-6)


# Regions with settings.


def halves() -> np.ndarray:
    left = np.zeros((40, 60), np.float32)
    left[:, :30] = 1
    return left


def test_a_region_s_strength_is_a_share_of_the_picture_s() -> None:
    found = painted(BLUE, regions=[Region(halves(), RED, strength=50)], strength=80)
    np.testing.assert_allclose(found[:, :30], 0.6 * SMALL[:, :30] + 0.4 * np.float32([1, 0, 0]), atol=1e-6)
    np.testing.assert_allclose(found[:, 30:], 0.2 * SMALL[:, 30:] + 0.8 * np.float32([0, 0, 1]), atol=1e-6)


def test_soft_edges_of_weaker_regions_are_exact() -> None:
    soft = np.full((40, 60), 0.25, np.float32)
    found = painted(BLUE, regions=[Region(soft, RED, strength=40)])
    wanted = 0.75 * np.float32([0, 0, 1]) + 0.25 * (0.6 * SMALL + 0.4 * np.float32([1, 0, 0]))
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    nothing, none = (painted(BLUE, regions=[region]) for region in (Region(soft, RED, strength=0), (soft, "none")))
    np.testing.assert_allclose(nothing, none, atol=1e-6)


def test_a_region_without_a_style_has_the_picture_s() -> None:
    engine = FakeEngine()
    stylizer = Stylizer(BLUE, regions=[Region(halves(), strength=50), Region(halves()[:, ::-1], "")], painter=engine)
    found = stylizer(Picture(SMALL)).pixels
    np.testing.assert_allclose(found[:, :30], 0.5 * SMALL[:, :30] + [0, 0, 0.5], atol=1e-6)
    np.testing.assert_allclose(found[:, 30:], np.broadcast_to([0, 0, 1], (40, 30, 3)), atol=1e-6)
    assert len(engine.painted) == 1  # what differs in strength alone is painted once


def test_a_region_is_painted_with_its_own_brush() -> None:
    engine, photo = FakeEngine(), scene(1280, 640).astype(np.float32) / 255
    left = np.zeros((640, 1280), np.float32)
    left[:, :640] = 1
    regions = [Region(left, RED, brush_size=2), Region(left[:, ::-1], strength=50, brush_size=0.5)]
    found = Stylizer(BLUE, regions=regions, controls=Controls(detail=0), painter=engine)(Picture(photo)).pixels
    assert {shape[1] for shape in engine.painted} <= {320, 640, 1280}
    assert {320, 1280} <= {shape[1] for shape in engine.painted}
    np.testing.assert_allclose(found[:, :600], np.broadcast_to([1, 0, 0], (640, 600, 3)), atol=1e-3)
    np.testing.assert_allclose(found[:, 680:], 0.5 * photo[:, 680:] + [0, 0, 0.5], atol=1e-3)


def test_regions_with_settings_out_of_range_are_refused() -> None:
    for wrong in ({"strength": 101}, {"brush_size": 9}, {"strength": float("nan")}):
        with refused(UsageError, "out-of-range"):
            Region("person", **wrong)  # type: ignore[arg-type]
    with refused(UsageError, "nothing-given"):
        Region("", "udnie")
    for wrong_regions in (["person"], [("person", "none", 1)]):
        with refused(UsageError, "wrong-type"):
            painted(BLUE, regions=wrong_regions)


class _Weaving(FakeEngine):
    """It paints a weave over the photo, half of which is to be smoothed."""

    def _paint_in_tiles(
        self, photo: Samples, style: StyleVector, write_tile: WriteTile, given: Statistics | None
    ) -> Statistics:
        weave = np.float32(0.1) * (-1.0) ** np.indices(photo.shape[:2]).sum(0)
        write_tile((slice(None), slice(None)), (floats(photo) + weave[..., None]).clip(0, 1).astype(np.float32))
        return floats(photo).mean((0, 1))

    def smoothing(self, style: StyleVector) -> float:
        return 0.5


class _Whitening(FakeEngine):
    """It paints a photo half-way to white."""

    def _paint_in_tiles(
        self, photo: Samples, style: StyleVector, write_tile: WriteTile, given: Statistics | None
    ) -> Statistics:
        write_tile((slice(None), slice(None)), (0.5 + 0.5 * floats(photo)).astype(np.float32))
        return floats(photo).mean((0, 1))


@pytest.mark.parametrize(("boldness", "painted"), [(0, 0.6), (50, 0.7), (100, 0.8)])
def test_bold_pictures_are_painted_over_their_first_painting(boldness: float, painted: float) -> None:
    controls, photo = Controls(boldness=boldness), np.full((40, 60, 3), 0.2, np.float32)
    found = Stylizer(BLUE, controls=controls, painter=_Whitening())(Picture(photo)).pixels
    np.testing.assert_allclose(found, painted, atol=1e-5)


def test_both_paintings_of_a_bold_clip_have_their_own_statistics() -> None:
    shot, frames = Shot(), [0.9 * PHOTO.pixels, 0.91 * PHOTO.pixels]
    layers = Stylizer(BLUE, painter=_Whitening()).layers
    composition = Composition(Controls(boldness=100), layers, frames[0], budget=10**9, shot=shot)
    for frame in frames:
        composition(frame)
    first, second = shot.means.values()
    seen = np.mean(frames, axis=(0, 1, 2))
    np.testing.assert_allclose(first, seen, atol=1e-5)
    np.testing.assert_allclose(second, 0.5 + 0.5 * seen, atol=1e-5)


@pytest.mark.parametrize(("frames", "smoothed"), [(1, 0.5), (2, 0)])
def test_an_engine_s_grain_is_smoothed_in_photos_but_not_in_clips(frames: int, smoothed: float) -> None:
    engine, frame = _Weaving(), PHOTO.pixels
    layers = Stylizer(BLUE, painter=engine).layers
    painted = Composition(Controls(), layers, frame, budget=10**9, shot=Shot(frames=frames)).painted(frame)
    woven = engine.paint(frame, engine.encode(BLUE))
    np.testing.assert_allclose(painted, smooth(woven, smoothed), atol=1e-6)
    assert np.abs(painted - frame).mean() < (0.07 if smoothed else 0.11)
