"""Animations: every frame goes the first one's way, and is shown for as long as players showed it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from helpers import file_bytes, refused, scene
from PIL import Image, ImageCms

from impasto.errors import PictureError
from impasto.picture import Picture
from impasto.picture.animation import moves_longer
from impasto.picture.contents import Frame
from impasto.picture.frame_times import timetable
from impasto.picture.limits import LARGEST_SIDE

WIDTH, HEIGHT = 48, 32


def shape_at(left: int) -> np.ndarray:
    """A textured square on nothing; magenta lies under what is clear. H x W x 4, uint8."""
    frame = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    frame[:, :, :3] = (255, 0, 255)
    frame[8:24, left : left + 16] = 255
    frame[8:24, left : left + 16, :3] = scene(16, 16, 3)
    return frame


def animation(frames: list[np.ndarray], file_format: str, **options: object) -> bytes:
    first, *rest = map(Image.fromarray, frames)
    lossless = {"lossless": True} if file_format == "WEBP" else {"quality": 95} if file_format == "AVIF" else {}
    cleared = {"disposal": 2} if file_format == "GIF" else {}
    return file_bytes(first, file_format, save_all=True, append_images=rest, **lossless, **cleared, **options)


def shown(data: bytes) -> tuple[list[float], int | None]:
    """Every frame's milliseconds, and how often the file says that it runs."""
    image = Image.open(io.BytesIO(data))
    durations = []
    for index in range(image.n_frames):
        image.seek(index)
        image.load()
        durations.append(image.info.get("duration") or 0)
    return durations, image.info.get("loop")


def alphas(data: bytes) -> list[np.ndarray]:
    picture = Picture.open(data)
    return [frame.alpha for frame in picture.every() if frame.alpha is not None]


@pytest.mark.parametrize("target", ["GIF", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("source", ["GIF", "PNG", "WEBP", "AVIF"])
def test_transparency_that_moves_survives_between_all_formats(source: str, target: str) -> None:
    frames = [shape_at(4), shape_at(14), shape_at(28)]
    data = Picture.open(animation(frames, source, duration=100)).encode(target)
    found = alphas(data)
    assert len(found) == 3
    for alpha, frame in zip(found, frames, strict=True):
        assert np.abs(alpha - frame[:, :, 3] / 255).max() < 0.1
    for frame, wanted in zip(Picture.open(data).every(), frames, strict=True):
        seen = wanted[:, :, 3] > 0
        difference = np.abs(frame.color.astype(int) - wanted[:, :, :3])[seen].mean()
        assert difference < 32  # AVIF's colors have half the size; magenta would be far off


def test_frames_are_filled_in_where_they_themselves_are_clear() -> None:
    picture = Picture.open(animation([shape_at(4), shape_at(28)], "PNG", duration=100))
    first, second = picture.every_frame()
    assert np.abs(first - second).max() > 0.1
    np.testing.assert_allclose(second[8:24, 28:44], scene(16, 16, 3) / 255, atol=1e-6)
    for pixels in (first, second):
        assert not (np.abs(pixels - (1, 0, 1)).max(2) < 0.05).any()


def test_all_frames_are_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [scene(WIDTH, HEIGHT, seed) for seed in range(3)]
    picture = Picture.open(animation(frames, "WEBP", duration=50, exif=exif))
    assert (picture.width, picture.height) == (HEIGHT, WIDTH)
    for pixels, frame in zip(picture.every_frame(), frames, strict=True):
        np.testing.assert_allclose(pixels, np.rot90(frame, -1) / 255, atol=1e-6)


def test_all_frames_are_converted_by_the_file_s_profile() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    gray = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    frames = [gray, gray + np.uint8(60)]
    plain = Picture.open(animation(frames, "PNG", duration=50, icc_profile=srgb.tobytes()))
    wide = Picture.open(animation(frames, "PNG", duration=50, icc_profile=_dark_profile()))
    changes = [float((one - other).mean()) for one, other in zip(plain.every_frame(), wide.every_frame(), strict=True)]
    assert all(change > 0.05 for change in changes)  # a gamma of 3 makes both darker


def _dark_profile() -> bytes:
    """sRGB's profile with curves of gamma 3."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = int.from_bytes(profile[128:132], "big")
    for index in range(at):
        entry = 132 + 12 * index
        if profile[entry : entry + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            place = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            profile[place : place + 14] = b"curv" + bytes(4) + (1).to_bytes(4, "big") + (768).to_bytes(2, "big")
            profile[entry + 8 : entry + 12] = (14).to_bytes(4, "big")
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "dark".encode("utf-16-be"))


@pytest.mark.parametrize("target", ["PNG", "GIF", "WEBP", "AVIF"])
def test_a_cover_is_no_frame(target: str) -> None:
    cover, one, two = (
        np.full((HEIGHT, WIDTH, 3), color, np.uint8) for color in ((200, 0, 0), (0, 200, 0), (0, 0, 200))
    )
    picture = Picture.open(animation([cover, one, two], "PNG", default_image=True, duration=[300, 700], loop=2))
    assert [picture.duration, *(frame.duration for frame in picture.frames)] == [300, 700]
    assert np.array_equal(picture.to_numpy(), one)
    data = picture.encode(target)
    again = Picture.open(data)
    assert [frame.duration for frame in again.every()] == [300, 700]
    assert Image.open(io.BytesIO(data)).info.get("default_image", False) is (target == "PNG")
    if target == "PNG":
        assert again.cover is not None
        assert np.array_equal(again.cover.samples, cover)
    small = again.resized(24, 16)
    assert small.cover is None or small.cover.samples.shape == (16, 24, 3)


def test_a_cover_before_a_single_frame_leaves_a_still_picture() -> None:
    cover, one = (np.full((HEIGHT, WIDTH, 3), shade, np.uint8) for shade in (20, 220))
    picture = Picture.open(animation([cover, one], "PNG", default_image=True, duration=[300]))
    assert (picture.frames, picture.cover) == ((), None)
    assert np.array_equal(picture.to_numpy(), one)


@pytest.mark.parametrize("target", ["PNG", "WEBP", "AVIF"])
def test_delays_that_browsers_do_not_keep_are_written_as_they_are_shown(target: str) -> None:
    frames = [scene(WIDTH, HEIGHT, seed) for seed in range(3)]
    data = animation(frames, "GIF", duration=[0, 10, 20])
    assert shown(Picture.open(data).encode(target))[0] == [100, 100, 20]
    assert shown(Picture.open(data).encode("GIF"))[0] == [0, 10, 20]


@pytest.mark.parametrize(("loop", "plays"), [(None, 1), (0, 0), (1, 2), (5, 6)])
def test_a_gif_runs_as_often_as_before(loop: int | None, plays: int) -> None:
    options = {} if loop is None else {"loop": loop}
    frames = [scene(WIDTH, HEIGHT, seed) for seed in range(2)]
    picture = Picture.open(animation(frames, "GIF", duration=50, **options))
    assert picture.loop == plays
    assert shown(picture.encode("GIF"))[1] == loop
    for target in ("WEBP", "PNG"):
        data = picture.encode(target)
        assert shown(data)[1] == plays
        assert shown(Picture.open(data).encode("GIF"))[1] == loop


@pytest.mark.parametrize("rate", [24, 30, 50, 60, 100, 120])
@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_times_do_not_drift_and_no_frame_is_slowed_down(rate: int, file_format: str) -> None:
    count = 5 * rate
    table = timetable([1000 / rate] * count, file_format)
    step, least = (10, 20) if file_format == "GIF" else (1, 11)
    assert sum(duration for _, duration in table) == pytest.approx(5000, abs=step)
    assert min(duration for _, duration in table) >= least
    assert len(table) == count or 1000 / rate < least
    time = 0.0
    for index, duration in table:
        assert time == pytest.approx(index * 1000 / rate, abs=step)
        time += duration


def test_a_last_frame_that_is_too_short_is_left_out() -> None:
    assert timetable([100, 5], "GIF") == [(0, 100)]
    assert timetable([5], "GIF") == [(0, 20)]
    assert timetable([700_000, 100], "GIF") == [(0, 655_350), (1, 100)]


def test_frames_from_python_may_be_shorter_than_players_like() -> None:
    frames = tuple(Frame(scene(WIDTH, HEIGHT, seed), 10) for seed in range(1, 10))
    picture = Picture(scene(WIDTH, HEIGHT), duration=10, frames=frames)
    with pytest.warns(UserWarning, match=r"the picture: 5 of 10 frames are left out"):
        durations, _ = shown(picture.encode("GIF"))
    assert (len(durations), sum(durations)) == (5, 100)


def test_frames_that_are_left_out_are_counted_by_name(tmp_path: Path) -> None:
    path = tmp_path / "fast.webp"
    path.write_bytes(animation([scene(WIDTH, HEIGHT, seed) for seed in range(6)], "WEBP", duration=11))
    with pytest.warns(UserWarning, match=r"fast\.webp: [23] of 6 frames are left out"):
        Picture.open(path).encode("GIF")


@pytest.mark.parametrize("bits", [8, 16])
def test_a_format_that_holds_one_frame_says_so(tmp_path: Path, bits: int) -> None:
    picture = Picture.open(animation([scene(seed=seed) for seed in range(2)], "PNG", duration=50))
    name = "out.png" if bits == 16 else "out.jpg"
    with pytest.warns(UserWarning, match="only the first frame"):
        picture.save(tmp_path / name, bits=bits)
    assert Picture.open(tmp_path / name).frames == ()


@pytest.mark.parametrize("file_format", sorted(LARGEST_SIDE))
def test_a_picture_that_its_format_cannot_hold_is_refused(file_format: str) -> None:
    side = LARGEST_SIDE[file_format]
    picture = Picture.from_array(np.zeros((1, side + 1, 3), np.uint8))
    with refused(PictureError, "not-encodable", f"{side:,}"):
        picture.encode(file_format)


@pytest.mark.parametrize("file_format", ["JPEG", "WEBP", "GIF"])
def test_the_largest_picture_of_a_format_can_be_written(file_format: str) -> None:
    side = LARGEST_SIDE[file_format]
    picture = Picture.from_array(np.zeros((1, side, 3), np.uint8))
    assert Picture.open(picture.encode(file_format)).width == side


@pytest.mark.parametrize("target", ["GIF", "PNG", "WEBP", "AVIF"])
def test_transparency_may_begin_after_the_first_frame(target: str) -> None:
    frames = [np.dstack([np.full((HEIGHT, WIDTH, 3), 77, np.uint8), np.full((HEIGHT, WIDTH), 255, np.uint8)])]
    frames += [shape_at(4), np.zeros((HEIGHT, WIDTH, 4), np.uint8)]
    again = Picture.open(Picture.open(animation(frames, "PNG", duration=50)).encode(target))
    for frame, wanted in zip(again.every(), frames, strict=True):
        alpha = np.ones((HEIGHT, WIDTH)) if frame.alpha is None else frame.alpha
        assert np.abs(alpha - wanted[:, :, 3] / 255).max() < 0.1


def test_an_image_that_stands_at_another_frame_is_read_from_the_first() -> None:
    frames = [scene(WIDTH, HEIGHT, seed) for seed in range(3)]
    image = Image.open(io.BytesIO(animation(frames, "PNG", duration=50)))
    image.seek(2)
    picture = Picture.open(image)
    assert np.array_equal(picture.to_numpy(), frames[0])
    assert len(picture.frames) == 2
    assert image.tell() == 2


def test_an_animation_is_refused_before_its_frames_are_decoded() -> None:
    frames = [scene(WIDTH, HEIGHT, seed) for seed in range(3)]
    with refused(PictureError, "too-large", "3 frames"):
        Picture.open(animation(frames, "AVIF", duration=50), max_pixels=2 * WIDTH * HEIGHT)


@pytest.mark.parametrize("frames", [1, 2, 7])
@pytest.mark.parametrize("optimize", [True, False])
def test_frames_of_a_gif_are_counted_without_reading_them(frames: int, optimize: bool) -> None:
    pictures = [Image.fromarray(scene(48, 32, seed)) for seed in range(frames)]
    out = io.BytesIO()
    more = {"append_images": pictures[1:], "optimize": optimize, "comment": b"x" * 600, "loop": 0}
    pictures[0].save(out, "GIF", save_all=True, **more)
    assert moves_longer(out.getvalue(), frames - 1)
    assert not moves_longer(out.getvalue(), frames)
    assert not moves_longer(out.getvalue()[:200], 1)
    assert not moves_longer(file_bytes(scene(16, 16)), 0)
