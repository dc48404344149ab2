"""The light engine: the same numbers as the network in PyTorch, any size, and controls that do what they say."""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
import pytest
import torch
from graphs import described, tool
from helpers import refused, scene
from safetensors.torch import load_file

from impasto.controls import Controls
from impasto.engines.base import StyleVector
from impasto.engines.by_name import engine_of
from impasto.engines.light import VECTOR_SIZE, Light
from impasto.engines.shot import Shot
from impasto.errors import UsageError
from impasto.nn.light_net import LightEngineNet
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.color import luminance
from impasto.styles.gallery import Gallery
from impasto.system.sessions import provider, side_by_side, threads

PHOTO = scene(200, 136).astype(np.float32) / 255
GALLERY = Gallery(painter=Light())
STYLE = GALLERY.vector("great-wave")


@pytest.fixture(scope="module")
def painter() -> Light:
    return engine_of("light")  # type: ignore[return-value]


@pytest.fixture(scope="module")
def reference() -> LightEngineNet:
    net = LightEngineNet().eval()
    net.load_state_dict(load_file(Light.assets / "light.safetensors"))
    return net


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture.transpose(2, 0, 1)[None].copy())


def change(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize(("width", "height"), [(32, 32), (96, 64), (131, 77), (50, 255), (320, 241)])
@torch.inference_mode()
def test_parity_with_pytorch(painter: Light, reference: LightEngineNet, width: int, height: int) -> None:
    photo = scene(width, height, seed=3).astype(np.float32) / 255
    padded = np.pad(photo, [(0, -height % 4), (0, -width % 4), (0, 0)], mode="symmetric")
    vector = StyleVector(STYLE.embedding)  # without the style's own filters
    expected = reference.paint(tensor(padded), torch.from_numpy(vector.embedding)[None]).clamp(0, 1)
    expected = expected[0].permute(1, 2, 0).numpy()[:height, :width]
    painted = painter.paint(photo, vector)
    assert painted.shape == photo.shape
    assert np.abs(painted - expected).max() <= 1e-3


@torch.inference_mode()
def test_encoding_agrees_with_pytorch(painter: Light, reference: LightEngineNet) -> None:
    painting = scene(640, 512, seed=5).astype(np.float32) / 255  # the size at which paintings are looked at
    expected = reference.encode(tensor(painting))[0].numpy()
    np.testing.assert_allclose(painter.encode(painting).numbers, expected, atol=1e-3)


def test_shipped_files_are_what_the_tool_writes(painter: Light) -> None:
    export = tool("light", "export_light")
    models = export.models()
    hashes = painter.facts["sha256"]
    assert set(hashes) == {*models, "light.safetensors"}
    for file, digest in hashes.items():
        assert hashlib.sha256((painter.folder / file).read_bytes()).hexdigest() == digest
    for file, model in models.items():
        assert described(onnx.load_from_string((painter.folder / file).read_bytes())) == described(model), file
    assert painter.mac_per_pixel == round(export.multiply_adds(models["paint.onnx"]))


@pytest.mark.parametrize("style", ["the-dance", "red-blue-yellow"])  # with filters of its own, and without
def test_the_machines_layout_changes_no_picture(monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    """What is written in ONNX Runtime's own layout paints as what has ordinary operators only."""
    vector, photo = GALLERY.vector(style), scene(250, 181, seed=4).astype(np.float32) / 255
    own, shot = Light(), Shot(frames=1)
    painted = own.paint(photo, vector, shot=shot)
    monkeypatch.setattr("impasto.engines.light.side_by_side", lambda probe: 0)
    plain, plain_shot = Light(), Shot(frames=1)
    assert np.abs(painted - plain.paint(photo, vector, shot=plain_shot)).max() < 0.01 / 255
    found, wanted = (of.means["style"].reshape(8, 2, 64) for of in (shot, plain_shot))
    means = wanted[:, 0]
    np.testing.assert_allclose(found[:, 0], means, rtol=1e-4, atol=1e-4)
    variances = [squares - first**2 for first, squares in (of.swapaxes(0, 1) for of in (found, wanted))]
    np.testing.assert_allclose(*variances, rtol=0.01, atol=1e-3)
    given = np.float32(1.3) * wanted.ravel()
    # Private: statistics that are no shot's.
    others = [by._run(photo, vector, given)[0] for by in (own, plain)]
    assert np.abs(others[0] - others[1]).max() < 0.01 / 255
    assert np.abs(others[0] - painted).mean() > 1 / 255


@pytest.mark.parametrize("count", [8, 16])
def test_how_many_channels_lie_side_by_side_is_found_out(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    numbers = np.arange(32, dtype=np.float32).reshape(16, 2)
    laid_out = np.concatenate([part.T.ravel() for part in np.split(numbers, 16 // count)])

    class Session:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def run(self, _: None, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
            np.testing.assert_array_equal(feeds["numbers"].ravel(), numbers.ravel())
            return [laid_out.reshape(1, 16, 1, 2)]

    with monkeypatch.context() as patch:
        patch.setattr("onnxruntime.InferenceSession", Session)
        assert side_by_side(b"a machine with %d" % count) == count
    assert side_by_side(b"no network") == 0
    monkeypatch.setenv("IMPASTO_PROVIDER", "openvino")
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["OpenVINOExecutionProvider"])
    assert side_by_side(b"another provider") == 0


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (3, 5000), (5000, 3), (17, 18), (33, 1)])
def test_any_size(painter: Light, width: int, height: int) -> None:
    photo = scene(width, height).astype(np.float32) / 255
    painted = painter.paint(photo, STYLE)
    assert painted.shape == photo.shape
    assert np.isfinite(painted).all()
    assert painted.min() >= 0
    assert painted.max() <= 1
    assert painter.encode(photo).embedding.shape == (VECTOR_SIZE,)


@pytest.mark.parametrize("style", ["starry-night", "red-blue-yellow"])  # with filters of its own, and without
def test_known_statistics_are_folded_into_the_network(painter: Light, style: str) -> None:
    """A frame that is not measured looks as the whole network paints it with the shot's statistics."""
    vector = GALLERY.vector(style)
    frame = scene(130, 97, seed=3).astype(np.float32) / 255
    shot = Shot(frames=1)
    painter.paint(PHOTO, vector, shot=shot)
    folded = painter.paint(frame, vector, shot=shot)
    shot.measures = lambda run: True  # type: ignore[method-assign]
    shot.add = lambda run, statistics: None  # type: ignore[method-assign]
    whole = painter.paint(frame, vector, shot=shot)
    assert np.abs(folded - whole).max() < 0.01 / 255
    assert np.abs(folded - painter.paint(frame, vector)).mean() > 1 / 255


def test_a_shot_measures_its_first_frames_and_then_some() -> None:
    shot = Shot()
    measured = []
    for frame in range(200):
        wanted = shot.measures("style")
        measured += [frame] if wanted else []
        shot.add("style", np.float32([frame]) if wanted else None)
    assert measured == [0, 1, 2, 4, 8, *range(16, 200, 16)]
    mean = 0.0
    for number, frame in enumerate(measured):
        mean += (frame - mean) / min(number + 1, 8)
    assert shot.means["style"][0] == pytest.approx(mean)
    still = Shot(frames=1)
    for frame in range(20):
        still.add("style", np.float32([frame]) if still.measures("style") else None)
    assert still.means["style"][0] == 0


def test_strength_goes_steadily_from_the_photo_to_the_style(painter: Light) -> None:
    stylizers = [
        Stylizer("great-wave", controls=Controls(strength=s), painter=painter) for s in (0, 2, 25, 50, 75, 100)
    ]
    steps = [stylizer(Picture(PHOTO)).pixels for stylizer in stylizers]
    np.testing.assert_array_equal(steps[0], PHOTO)
    assert change(steps[1], PHOTO) < 0.02  # no jump at the beginning
    np.testing.assert_array_equal(steps[-1], painter.paint(PHOTO, STYLE))
    from_photo = [change(step, PHOTO) for step in steps]
    from_style = [change(step, steps[-1]) for step in steps]
    assert from_photo == sorted(from_photo)
    assert from_style == sorted(from_style, reverse=True)


def test_blending_lies_between_its_styles(painter: Light) -> None:
    other = GALLERY.vector("the-dance")
    ends = painter.paint(PHOTO, STYLE), painter.paint(PHOTO, other)
    blend = painter.paint(PHOTO, 0.5 * STYLE + 0.5 * other)
    assert change(blend, ends[0]) < change(*ends)
    assert change(blend, ends[1]) < change(*ends)


def stroke_width(painted: np.ndarray) -> float:
    """Mean wavelength of the luminance in pixels, over the frequencies that matter."""
    y = luminance(painted)
    power = np.abs(np.fft.rfft2(y - y.mean())) ** 2
    fy, fx = np.fft.fftfreq(y.shape[0])[:, None], np.fft.rfftfreq(y.shape[1])[None]
    frequency = np.hypot(fy, fx)
    band = (frequency > 1 / 40) & (frequency < 1 / 2.2)
    return float(1 / ((power * frequency)[band].sum() / power[band].sum()))


def test_a_larger_brush_paints_larger_strokes(painter: Light) -> None:
    blurred = np.asarray(scene(40, 28), np.float32) / 255
    photo = np.kron(blurred, np.ones((32, 32, 1), np.float32))  # large plain areas: what is fine is the painter's
    for name in ("starry-night", "drawbridge"):
        stylizers = [Stylizer(name, controls=Controls(brush_size=size), painter=painter) for size in (0.5, 1, 2)]
        widths = [stroke_width(stylizer(Picture(photo)).pixels) for stylizer in stylizers]
        assert widths[0] < widths[1] < widths[2], widths


def test_borders_show_no_seam(painter: Light) -> None:
    photo = PHOTO[:133, :197].copy()  # padded on both sides inside
    painted = painter.paint(photo, STYLE)
    for axis in (0, 1):
        step = np.abs(np.diff(painted, axis=axis)).mean(axis=(1 - axis, 2))
        inner = step[10:-10]
        assert step[:3].max() < inner.max() * 1.1
        assert step[-3:].max() < inner.max() * 1.1


def test_threads_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_THREADS", "3")
    assert threads() == 3
    monkeypatch.setenv("IMPASTO_THREADS", "many")
    with refused(UsageError, "not-a-number", "IMPASTO_THREADS"):
        threads()


def test_the_provider_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert provider() == "CPUExecutionProvider"
    monkeypatch.setenv("IMPASTO_PROVIDER", "abacus")
    with refused(UsageError, "unknown-choice", "IMPASTO_PROVIDER") as caught:
        Light().paint(PHOTO, STYLE)
    assert "cpu" in caught.value.hint
