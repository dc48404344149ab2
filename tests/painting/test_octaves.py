"""What is painted small is enlarged octave by octave: without seams, in any size, and as the picture that it was."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import ROOT, refused, scene
from PIL import Image

import impasto.painting.octaves
from impasto.controls import NATURAL_SIDE, Controls
from impasto.errors import OutOfMemory
from impasto.painting.octaves import enlarge, octaves, smooth, strokes
from impasto.painting.stylizer import Stylizer, stylize
from impasto.picture import Picture
from impasto.pixels.arrays import Samples, resize


def enlarged(painting: np.ndarray, photo: Samples, detail: float = 0.0) -> np.ndarray:
    out = np.full(photo.shape, np.nan, np.float32)
    enlarge(painting, photo, detail, out.__setitem__, 10**9)
    return out


def crispness(picture: np.ndarray) -> float:
    """Energy in the upper half of the frequencies, a pixel."""
    gray = picture.mean(2)
    height, width = gray.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    energy = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
    high = np.maximum(np.abs(np.fft.fftfreq(height))[:, None], np.abs(np.fft.fftfreq(width))[None]) > 0.25
    return float(energy[high].sum() / gray.size)


@pytest.mark.parametrize(
    ("small", "full", "sizes"),
    [
        ((640, 427), (641, 428), [(641, 428)]),
        ((640, 427), (1800, 1201), [(1800, 1201)]),
        ((640, 427), (1900, 1268), [(950, 634), (1900, 1268)]),
        ((640, 427), (6001, 4003), [(1501, 1001), (3001, 2002), (6001, 4003)]),
        ((1, 640), (1, 5000), [(1, 1250), (1, 2500), (1, 5000)]),
    ],
)
def test_every_octave_doubles_the_size(
    small: tuple[int, int], full: tuple[int, int], sizes: list[tuple[int, int]]
) -> None:
    assert octaves(small, full) == sizes


@pytest.mark.parametrize(
    ("width", "height", "brush", "painted"),
    [
        (640, 640, 1, (640, 640)),
        (640, 427, 0.25, (640, 427)),
        (6000, 4000, 1, (640, 427)),
        (6000, 4000, 4, (160, 107)),
        (6000, 4000, 0.25, (2560, 1707)),
        (2000, 100, 1, (2000, 100)),
        (10_000, 500, 1, (2024, 101)),
        (3, 5000, 1, (3, 5000)),
        (1, 1, 4, (1, 1)),
    ],
)
def test_a_brush_is_a_share_of_the_picture(width: int, height: int, brush: float, painted: tuple[int, int]) -> None:
    assert Controls(brush_size=brush).painted_size(width, height) == painted


@pytest.mark.parametrize(
    ("width", "height"), [(200, 140), (233, 151), (301, 199), (400, 280), (517, 363), (3, 700), (640, 32), (1300, 900)]
)
def test_windows_leave_no_seams(width: int, height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = scene(width, height, 3)
    painting = resize(
        scene(width, height, 4), max(1, width * 130 // max(width, height)), max(1, height * 130 // max(width, height))
    )
    monkeypatch.setattr(impasto.painting.octaves, "_SIDE", 10_000)
    whole = enlarged(painting, photo, 0.5)
    monkeypatch.setattr(impasto.painting.octaves, "_SIDE", 128)
    windows = enlarged(painting, photo, 0.5)
    assert np.isfinite(windows).all()
    difference = np.abs(windows - whole)
    assert difference.mean() < 0.05 / 255
    assert (difference > 3 / 255).mean() < 1e-3  # where neighbors are alike, rounding chooses


def test_reduced_it_is_what_was_painted_and_it_is_crisp() -> None:
    painting = scene(160, 120, 1).astype(np.float32) / 255
    photo = scene(800, 600, 1)
    large = enlarged(painting, photo)
    soft = resize(painting, 800, 600)
    assert np.abs(resize(large, 160, 120) - painting).mean() < 6 / 255
    assert abs(large.mean() - painting.mean()) < 1 / 255
    assert crispness(large) > 5 * crispness(soft)


def test_plain_areas_stay_plain_and_a_grid_goes() -> None:
    rows, columns = np.mgrid[:120, :160]
    flat = np.full((120, 160, 3), (0.3, 0.5, 0.7), np.float32)
    photo = np.full((480, 640, 3), 0.5, np.float32)
    np.testing.assert_allclose(enlarged(flat, photo), resize(flat, 640, 480), atol=1e-5)
    grid = flat + np.float32(0.006) * (((rows // 2 + columns // 2) % 2) * 2 - 1)[:, :, None].astype(np.float32)
    assert enlarged(grid, photo).std((0, 1)).max() < 0.85 * resize(grid, 640, 480).std((0, 1)).max()


def test_the_photos_detail_comes_back_as_far_as_is_asked_for() -> None:
    rows, columns = np.mgrid[:480, :640]
    lines = ((columns + rows) // 3 % 2).astype(np.float32)[:, :, None].repeat(3, 2)  # finer than what is painted
    painting = resize(lines, 160, 120)

    def likeness(detail: float) -> float:
        return float(np.corrcoef(enlarged(painting, lines, detail).ravel(), lines.ravel())[0, 1])

    none, half, whole = (likeness(detail) for detail in (0.0, 0.5, 1.0))
    assert none < 0.2
    assert half > 0.3
    assert whole > 0.3


def test_strokes_follow_lines() -> None:
    """Along a line noise is averaged; across it the edge stays, and becomes steeper."""
    columns = np.arange(200, dtype=np.float32)
    edge = np.broadcast_to(1 / (1 + np.exp(-(columns - 100) / 2)), (200, 200)).astype(np.float32)
    noise = np.random.default_rng(0).normal(0, 0.05, (200, 200)).astype(np.float32)
    painted = strokes(np.repeat((edge + noise)[:, :, None], 3, 2))[20:-20, :, 0]
    profile = painted.mean(0)
    assert painted[:, 97:104].std(0).mean() < 0.8 * noise.std()
    assert np.diff(profile).max() > 1.3 * np.diff(edge[0]).max()
    assert abs(float(profile[100]) - 0.5) < 0.1


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with refused(OutOfMemory, "memory"):
        enlarge(np.zeros((20, 30, 3), np.float32), np.zeros((200, 300, 3), np.uint8), 0.5, lambda *_: None, 1000)


@pytest.mark.parametrize(("brush", "size"), [(0.5, (1500, 1000)), (1, (2111, 1407)), (2, (2111, 1407))])
def test_the_preview_is_the_download_reduced(size: tuple[int, int], brush: float) -> None:
    photo = Picture.open(ROOT / "src/impasto/assets/samples/colosseum.jpg").resized(*size)
    controls = Controls(brush_size=brush, tone="match", strength=90)
    stylizer = Stylizer("the-scream", controls=controls)
    small = photo.resized(*controls.painted_size(*size))
    small = photo.at_most(NATURAL_SIDE) if small.width < NATURAL_SIDE else small
    preview, download = stylizer(small).pixels, stylizer(photo).pixels
    height, width = preview.shape[:2]
    assert np.abs(resize(download, width, height) - preview).mean() < 7 / 255
    full = Image.fromarray((download * 255).round().astype(np.uint8)).size
    assert full == size


def test_a_size_above_the_photos_is_enlarged_like_any() -> None:
    photo = scene(400, 300, 2)
    picture = stylize(photo, "udnie", size=1500)
    assert (picture.width, picture.height) == (1500, 1125)
    small = stylize(photo, "udnie")
    assert crispness(picture.pixels) > 5 * crispness(resize(small.pixels, 1500, 1125))


@pytest.mark.parametrize(("width", "height"), [(4000, 200), (3, 5000), (1, 3000), (905, 604), (641, 427), (1999, 1)])
def test_odd_shapes_are_painted(width: int, height: int) -> None:
    photo = Picture(np.ascontiguousarray(scene(width, height, 2)))
    picture = Stylizer("udnie")(photo)
    assert (picture.width, picture.height) == (width, height)
    assert np.isfinite(picture.pixels).all()
    assert picture.pixels.min() >= 0
    assert picture.pixels.max() <= 1


def test_half_of_the_grain_becomes_strokes_and_lines_stay() -> None:
    lines = np.repeat(0.5 + 0.3 * np.sin(np.arange(150) / 6)[None], 120, axis=0)
    picture = lines + np.random.default_rng(0).normal(0, 0.05, lines.shape)
    half, whole = (smooth(np.stack([picture] * 3, 2).astype(np.float32), share)[..., 0] for share in (0.5, 1))
    grain, less, least = (np.std(found - lines) for found in (picture, half, whole))
    assert least < less < 0.75 * grain
    assert np.corrcoef(half.ravel(), lines.ravel())[0, 1] > 0.985


@pytest.mark.parametrize(("width", "height"), [(701, 90), (330, 333), (1, 40), (1, 1)])
def test_windows_are_smoothed_as_the_whole(monkeypatch: pytest.MonkeyPatch, width: int, height: int) -> None:
    picture = scene(width, height).astype(np.float32) / 255
    whole = smooth(picture, 0.5)
    monkeypatch.setattr(impasto.painting.octaves, "_SIDE", 96)
    np.testing.assert_allclose(smooth(picture, 0.5), whole, atol=2e-3)
