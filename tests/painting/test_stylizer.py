"""From a photo and a style to a picture: what stays, what changes, and two pictures that must not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, file_bytes, refused, scene
from PIL import Image

import impasto
from impasto.pixels.color import luminance
from impasto.progress import Progress, Stopped

SAMPLE = ROOT / "src" / "impasto" / "assets" / "samples" / "colosseum.jpg"
GOLDENS = ROOT / "tests" / "goldens"


def mean_difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


@pytest.mark.parametrize(
    ("name", "style", "controls"),
    [
        ("colosseum-starry-night", "starry-night", {}),
        (
            "colosseum-almond-blossom",
            str(ROOT / "examples" / "almond-blossom.jpg"),
            {"strength": 70, "keep_color": "luminance", "brush_size": 4},
        ),
    ],
)
def test_golden(name: str, style: str, controls: dict[str, object]) -> None:
    """The same picture as when a person looked at it and found it good.

    Not byte by byte: sums are taken in another order by other processors and versions of ONNX Runtime, and JPEG
    decoders round differently. A mean of one step in 255 is invisible; a wrong layer or color is tens of them.
    """
    painted = impasto.stylize(SAMPLE, style, engine="light", size=256, **controls).to_numpy()
    golden = np.asarray(Image.open(GOLDENS / f"{name}.png"))
    assert painted.shape == golden.shape
    assert mean_difference(painted, golden) < 1
    assert np.percentile(np.abs(painted.astype(int) - golden), 99.9) < 10


@pytest.mark.parametrize("size", [(97, 63), (64, 64), (1, 1), (3, 40)])
def test_the_result_has_the_photo_s_size(size: tuple[int, int]) -> None:
    painted = impasto.stylize(scene(*size), "udnie", strength=50)
    assert (painted.width, painted.height) == size


def test_size_sets_the_longer_side() -> None:
    painted = impasto.stylize(scene(90, 60), "udnie", size=45)
    assert (painted.width, painted.height) == (45, 30)


def test_strength_zero_is_the_photo() -> None:
    for controls in ({}, {"keep_color": "luminance", "tone": "match", "brush_size": 2}):
        painted = impasto.stylize(scene(), "udnie", strength=0, **controls)
        np.testing.assert_array_equal(painted.to_numpy(), scene())


def test_metadata_and_alpha_are_kept() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    rgba = np.dstack([scene(), np.full((64, 96), 200, np.uint8)])
    rgba[:20, :, 3] = 0
    painted = impasto.stylize(file_bytes(rgba, exif=exif), "udnie")
    np.testing.assert_array_equal(painted.to_numpy()[:, :, 3], rgba[:, :, 3])
    assert Image.open(io.BytesIO(painted.encode("PNG"))).getexif()[0x010F] == "Maker"


def test_what_nobody_sees_does_not_steer_the_style() -> None:
    black, white = (np.dstack([scene(), np.full((64, 96), 255, np.uint8)]) for _ in range(2))
    for picture, color in ((black, 0), (white, 255)):
        picture[:, 48:, :3] = color
        picture[:, 48:, 3] = 0
    seen = [impasto.stylize(picture, "udnie").to_numpy()[:, :48] for picture in (black, white)]
    np.testing.assert_array_equal(*seen)


def test_every_frame_is_painted_and_none_flickers() -> None:
    one, other = Image.fromarray(scene()), Image.fromarray(scene(seed=4))
    data = file_bytes(one, "WEBP", save_all=True, append_images=[other, one], duration=40, lossless=True)
    painted = impasto.stylize(data, "udnie", strength=60)
    first, second, third = (np.rint(frame * 255) for frame in painted.every_frame())
    assert mean_difference(first, scene()) > 5
    assert mean_difference(second, scene(seed=4)) > 5
    np.testing.assert_allclose(first, third, atol=1)


def test_regions_and_what_is_left_as_it_is(tmp_path: Path) -> None:
    left, feathered = np.zeros((64, 96), np.uint8), np.zeros((32, 48), np.uint8)
    left[:, :40] = 255
    feathered[:, 30:] = np.linspace(0, 255, 18).astype(np.uint8)
    Image.fromarray(left).save(tmp_path / "left.png")
    whole = impasto.stylize(scene(), "drawbridge").to_numpy()
    painted = impasto.stylize(
        scene(),
        "drawbridge",
        regions={tmp_path / "left.png": "none", file_bytes(feathered): {"the-dance": 1}},
        tone="match",
    )
    np.testing.assert_array_equal(painted.to_numpy()[:, :40], scene()[:, :40])
    assert mean_difference(painted.to_numpy()[:, 50:], scene()[:, 50:]) > 10
    colorful = np.ptp(painted.to_numpy()[:, 90:], axis=2).mean()
    assert colorful > 3 * np.ptp(whole[:, 90:], axis=2).mean()
    assert painted.made_with["regions"] == ["none", "the-dance"]


def test_a_blend_and_a_region_s_blend_are_labelled() -> None:
    painted = impasto.stylize(scene(), ["starry-night:3", "udnie"], regions=[(scene()[:, :, 0], ["udnie", "the-kiss"])])
    assert painted.made_with["style"] == "starry-night:0.75 + udnie:0.25"
    assert painted.made_with["regions"] == ["udnie:0.5 + the-kiss:0.5"]


def test_colors_can_be_kept_in_three_ways() -> None:
    photo = np.rot90(scene(96, 96)).copy()
    plain = impasto.stylize(photo, "drawbridge", engine="light").pixels
    assert np.ptp(plain, axis=2).mean() < 0.1  # an etching is gray
    warmth = photo[:, :, 0].astype(float) - photo[:, :, 2]
    for keep_color in ("luminance", "histogram", "coral"):
        kept = impasto.stylize(photo, "drawbridge", engine="light", keep_color=keep_color).pixels
        assert np.ptp(kept, axis=2).mean() > 2 * np.ptp(plain, axis=2).mean(), keep_color
        agreement = np.corrcoef((kept[:, :, 0] - kept[:, :, 2]).ravel(), warmth.ravel())[0, 1]
        assert agreement > 0.5, keep_color


def test_tone_brings_brightness_back() -> None:
    photo = (scene() * 0.4).astype(np.uint8)
    target = luminance(photo.astype(np.float32) / 255)
    matched = luminance(impasto.stylize(photo, "great-wave", tone="match").pixels)
    plain = luminance(impasto.stylize(photo, "great-wave").pixels)
    assert abs(matched.mean() - target.mean()) < 0.02 < abs(plain.mean() - target.mean())
    assert abs(matched.std() - target.std()) < 0.02


def test_gray_photos_and_gray_styles() -> None:
    gray = Image.fromarray(scene()).convert("L")
    colored = impasto.stylize(gray, "the-dance").pixels
    assert np.ptp(colored, axis=2).mean() > 0.1
    drawn = impasto.stylize(gray, "drawbridge").pixels
    assert np.ptp(drawn, axis=2).mean() < 0.08
    assert luminance(drawn).std() > 0.1
    for keep_color in ("luminance", "histogram", "coral"):
        kept = impasto.stylize(gray, "the-dance", keep_color=keep_color).pixels
        assert np.ptp(kept, axis=2).mean() < 0.12, keep_color


def test_unknown_controls_are_named() -> None:
    with refused(impasto.UsageError, "unknown-setting", "strenght", "strength, keep_color"):
        impasto.stylize(scene(), "udnie", strenght=3)


def test_regions_of_another_form_are_refused() -> None:
    with refused(impasto.UsageError, "wrong-type"):
        impasto.stylize(scene(), "udnie", regions="mask.png=udnie")


def test_one_stylizer_serves_many_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    stylizer = impasto.Stylizer("udnie")
    photos = [impasto.Picture.from_array(scene(seed=seed)) for seed in range(6)]
    expected = [stylizer(photo).to_numpy() for photo in photos]
    with ThreadPoolExecutor(4) as pool:
        for got, wanted in zip(pool.map(lambda photo: stylizer(photo).to_numpy(), photos), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


def clear_picture(hidden: np.ndarray | int) -> np.ndarray:
    """Grain on the left, nothing on the right and in a hole; `hidden` lies under what is clear. H x W x 4, uint8."""
    picture = np.dstack([scene(64, 48, 7), np.full((48, 64), 255, np.uint8)])
    clear = np.zeros((48, 64), bool)
    clear[:, 40:] = clear[10:16, 10:20] = True
    picture[clear, :3] = np.broadcast_to(hidden, (48, 64, 3))[clear] if np.ndim(hidden) else hidden
    picture[clear, 3] = 0
    return picture


@pytest.mark.parametrize("controls", [{}, {"size": 30}, {"size": 100}, {"brush_size": 4}, {"keep_color": "histogram"}])
@pytest.mark.parametrize("hidden", [255, scene(64, 48, 2)[::-1]], ids=["white", "grain"])
def test_what_lies_under_a_photo_s_transparency_has_no_say(
    controls: dict[str, object], hidden: np.ndarray | int
) -> None:
    one, other = (impasto.stylize(clear_picture(under), "udnie", engine="light", **controls) for under in (0, hidden))
    assert one.alpha is not None
    seen = one.alpha > 4 / 255
    np.testing.assert_array_equal(one.to_numpy()[seen], other.to_numpy()[seen])


@pytest.mark.parametrize("engine", ["painter", "light"])
def test_what_lies_under_a_painting_s_transparency_has_no_say(engine: str) -> None:
    photo = scene(48, 40)
    styles = [Image.fromarray(clear_picture(under)) for under in (0, 255)]
    one, other = (impasto.stylize(photo, style, engine=engine).to_numpy() for style in styles)
    np.testing.assert_array_equal(one, other)


def test_a_kept_style_shows_what_is_seen_of_its_painting(tmp_path: Path) -> None:
    gallery = impasto.Gallery(tmp_path)
    for name, under in (("dark", 0), ("bright", 255)):
        gallery.add(name, Image.fromarray(clear_picture(under)))
    one, other = (gallery.picture(gallery.get(name)).to_numpy() for name in ("dark", "bright"))
    np.testing.assert_array_equal(one, other)
    assert one.shape == (48, 40, 3)


def test_the_frames_of_an_animation_keep_what_they_show_themselves() -> None:
    """A thing that moves over nothing is not covered by the first frame's transparency."""
    frames = [np.zeros((48, 64, 4), np.uint8) for _ in range(3)]
    thing = np.dstack([scene(20, 20, 4), np.full((20, 20), 255, np.uint8)])
    for index, frame in enumerate(frames):
        frame[10:30, 2 + 20 * index : 22 + 20 * index] = thing
    first, *rest = map(Image.fromarray, frames)
    data = file_bytes(first, "PNG", save_all=True, append_images=rest, duration=50)
    painted = impasto.stylize(data, "udnie", engine="light", strength=30)
    for index, frame in enumerate(painted.every()):
        np.testing.assert_array_equal(frame.samples[:, :, 3], frames[index][:, :, 3])
        place = frame.color[10:30, 2 + 20 * index : 22 + 20 * index]
        assert place.std((0, 1)).min() > 0.5 * thing[:, :, :3].std((0, 1)).min()


def test_an_animation_s_cover_is_painted_by_itself() -> None:
    images = [Image.fromarray(scene(64, 48, seed)) for seed in (3, 0, 1)]
    data = file_bytes(images[0], "PNG", save_all=True, append_images=images[1:], default_image=True, duration=[50, 50])
    painted = impasto.stylize(data, "udnie", engine="light", size=32)
    assert painted.cover is not None
    alone = impasto.stylize(np.asarray(images[0]), "udnie", engine="light", size=32)
    np.testing.assert_array_equal(painted.cover.samples_in(8), alone.to_numpy())


def test_a_scene_after_a_black_frame_is_painted_as_by_itself() -> None:
    black, picture = Image.new("RGB", (64, 48)), Image.fromarray(scene(64, 48))
    data = file_bytes(black, "PNG", save_all=True, append_images=[picture], duration=50)
    painted = impasto.stylize(data, "udnie", engine="light")
    alone = impasto.stylize(np.asarray(picture), "udnie", engine="light")
    assert mean_difference(painted.frames[0].color, alone.to_numpy()) < 2


def test_progress_is_reported_and_stops() -> None:
    seen: list[Progress] = []
    photo = scene(900, 600)
    plain = impasto.stylize(photo, "udnie", engine="light")
    told = impasto.stylize(photo, "udnie", engine="light", on_progress=seen.append)
    np.testing.assert_array_equal(told.pixels, plain.pixels)
    shares = [now.fraction for now in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    with pytest.raises(Stopped):
        impasto.stylize(photo, "udnie", engine="light", on_progress=lambda _: False)
