"""Pictures made larger: sizes, faithfulness, alpha, depth, frames, metadata, memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from enlargers import keep_untrained
from helpers import ROOT, file_bytes, refused, scene, shades
from PIL import Image

import impasto
from impasto.enlarging import store
from impasto.enlarging.enlarge import Enlarger, resized
from impasto.enlarging.enlarger import enlarged, steps
from impasto.enlarging.network import EnlargerNetwork
from impasto.enlarging.options import KINDS
from impasto.errors import StyleError, UsageError
from impasto.picture import Picture
from impasto.pixels.arrays import spread
from impasto.progress import Progress, Stopped

COLOSSEUM = ROOT / "src" / "impasto" / "assets" / "samples" / "colosseum.jpg"


def reduced_again(large: np.ndarray, width: int, height: int, how: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(large).resize((width, height), how)).astype(float)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_reduced_again_it_is_the_picture(kind: str, scale: int) -> None:
    picture = np.asarray(Image.open(COLOSSEUM).convert("RGB"))[100:260, 200:401]
    large = impasto.enlarge(picture, scale, kind=kind).to_numpy()
    assert large.shape == (160 * scale, 201 * scale, 3)
    for how, most in ((Image.Resampling.BICUBIC, 0.1), (Image.Resampling.LANCZOS, 1), (Image.Resampling.BOX, 1.5)):
        assert np.abs(reduced_again(large, 201, 160, how) - picture).mean() < most, how
    assert np.abs(large.mean((0, 1)) - picture.mean((0, 1))).max() < 0.05  # colors do not shift


@pytest.mark.parametrize("scale", [2, 4])
def test_it_is_nearer_to_the_large_picture_than_interpolation_is(scale: int) -> None:
    large = Image.open(COLOSSEUM).convert("RGB").crop((200, 100, 600, 420))
    small = large.resize((400 // scale, 320 // scale), Image.Resampling.BICUBIC)
    soft = np.asarray(small.resize(large.size, Image.Resampling.BICUBIC)).astype(float)
    made = impasto.enlarge(small, scale).to_numpy().astype(float)
    detail = [np.abs(np.diff(picture, axis=1)).mean() for picture in (soft, made, np.asarray(large).astype(float))]
    assert detail[0] < 0.9 * detail[1]  # crisper
    assert detail[1] < 1.25 * detail[2]


def test_any_size_is_reached(photo: Path) -> None:
    for size in (96, 97, 200, 385, 1000):
        made = impasto.enlarge(photo, size=size)
        assert (made.width, made.height) == (size, round(size * 64 / 96))
    assert np.array_equal(impasto.enlarge(photo, size=96).to_numpy(), Picture.open(photo).to_numpy())
    with refused(UsageError, "out-of-range", "96 x 64", "95"):
        impasto.enlarge(photo, size=95)


def test_strength_goes_from_bicubic_to_the_network() -> None:
    picture = scene(40, 30)
    none, half, full = (impasto.enlarge(picture, 2, strength=share).to_numpy().astype(float) for share in (0, 50, 100))
    bicubic = np.asarray(Image.fromarray(picture).resize((80, 60), Image.Resampling.BICUBIC))
    assert np.abs(none - bicubic).max() <= 3  # which is rounded twice
    assert np.abs(none - bicubic).mean() < 0.5
    assert np.abs(half - (none + full) / 2).max() <= 1
    assert np.abs(full - none).max() > 5


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (33, 31)])
def test_tiny_pictures_are_enlarged(size: tuple[int, int]) -> None:
    picture = scene(*size)
    made = impasto.enlarge(picture, 4).to_numpy()
    assert made.shape == (4 * size[1], 4 * size[0], 3)
    plain = impasto.enlarge(np.full((size[1], size[0], 3), 77, np.uint8), 2).to_numpy()
    assert np.abs(plain.astype(int) - 77).max() <= 1


@pytest.mark.parametrize("scale", [2, 4])
def test_tiles_leave_no_seams(scale: int) -> None:
    network = next(one for one in store.networks("photo") if one.facts.scale == scale)
    picture = scene(400, 280)
    whole, tiled = (np.zeros((280 * scale, 400 * scale, 3), np.float32) for _ in range(2))
    network.enlarge(picture, whole.__setitem__, 1 << 32, as_bytes=False)
    places = []

    def write(place: tuple[slice, slice], piece: np.ndarray) -> None:
        tiled[place] = piece
        places.append(place)

    network.enlarge(picture, write, 1, as_bytes=False)
    assert len(places) > 4
    assert np.abs(whole - tiled).max() < 1e-4


def test_memory_that_is_bounded_changes_nothing() -> None:
    picture = scene(180, 150)
    roomy = enlarged(picture, 720, 600, budget=1 << 30)
    tight = enlarged(picture, 720, 600, budget=10_000)
    assert np.abs(roomy.astype(int) - tight.astype(int)).max() <= 1
    assert isinstance(tight.base if tight.base is not None else tight, np.memmap) or isinstance(tight, np.memmap)


def test_alpha_is_enlarged_and_nothing_bleeds_in() -> None:
    color = np.zeros((40, 40, 4), np.uint8)
    color[10:30, 10:30] = (200, 40, 40, 255)  # under what is clear it is black
    made = impasto.enlarge(Image.fromarray(color), 4).to_numpy()
    assert made.shape == (160, 160, 4)
    assert made[80, 80, 3] > 250
    assert made[5, 5, 3] < 5
    seen = made[..., 3] > 30
    assert np.abs(made[seen][:, :3].astype(int) - (200, 40, 40)).max() < 30


def test_what_nobody_sees_gets_the_nearest_color() -> None:
    color = np.zeros((1, 6, 3), np.uint8)
    color[0, 0], color[0, 5] = 10, 200
    alpha = np.zeros((1, 6), np.float32)
    alpha[0, 0] = alpha[0, 5] = 1
    assert spread(color, alpha)[0, :, 0].tolist() == [10, 10, 10, 200, 200, 200]
    assert spread(color, np.zeros_like(alpha)) is color


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    samples = shades(3, "uint16")
    made = impasto.enlarge(Picture(samples, bits=16), 2)
    assert made.samples.dtype == np.uint16
    assert len(np.unique(made.samples)) > 1000
    eight = impasto.enlarge((samples >> 8).astype(np.uint8), 2).to_numpy()
    assert np.abs((made.samples / 257) - eight).mean() < 1
    made.save(tmp_path / "deep.png", bits=16)
    assert Picture.open(tmp_path / "deep.png").bits == 16


def test_every_frame_and_what_the_file_says_stays(tmp_path: Path) -> None:
    frames = [Image.fromarray(scene(32, 24, seed)) for seed in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=70, loop=0)
    made = impasto.enlarge(tmp_path / "a.gif", 2)
    assert [(one.samples.shape[:2], one.duration) for one in made.every()] == [((48, 64), 70)] * 3
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    (tmp_path / "photo.jpg").write_bytes(
        file_bytes(Image.fromarray(scene()), "JPEG", exif=exif.tobytes(), dpi=(300, 300))
    )
    made = impasto.enlarge(tmp_path / "photo.jpg", 2)
    made.save(tmp_path / "large.jpg")
    with Image.open(tmp_path / "large.jpg") as file:
        assert file.getexif()[0x010F] == "Camera"
        assert file.info["dpi"] == (300, 300)
    assert made.made_with["enlarged"] == {"scale": 2, "kind": "photo", "strength": 100.0}
    assert impasto.enlarge(tmp_path / "photo.jpg", 2, strip_metadata=True).exif == b""


def test_progress_is_told_and_may_end_it() -> None:
    seen: list[Progress] = []
    enlarger = Enlarger(size=700)
    enlarger(Picture(scene(100, 80)), seen.append)  # type: ignore[arg-type]
    fractions = [now.fraction for now in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1, abs=0.01)
    with pytest.raises(Stopped):
        enlarger(Picture(scene(100, 80)), lambda _: False)


def test_what_makes_no_sense_is_refused(home: Path, photo: Path) -> None:
    with refused(UsageError, "unknown-choice", "dog", "photo"):
        impasto.enlarge(photo, kind="dog")
    with refused(UsageError, "unknown-choice", "../x"):
        impasto.enlarge(photo, kind="../x")
    with refused(UsageError, "unknown-choice"):
        impasto.enlarge(photo, 5)
    with refused(UsageError, "out-of-range", "strength"):
        impasto.enlarge(photo, strength=101)
    folder = home / "enlargers"
    folder.mkdir()
    (folder / "broken.onnx").write_bytes(b"no network")
    with refused(StyleError, "not-a-network", "broken.onnx"):
        impasto.enlarge(photo, kind="broken")


def test_an_enlarger_of_the_users_own_is_a_kind(photo: Path) -> None:
    keep_untrained("mine", 2)
    assert store.own_names() == ["mine"]
    made = impasto.enlarge(photo, 4, kind="mine")  # twice by two
    assert (made.width, made.height) == (4 * 96, 4 * 64)
    for name in ("photo", "", "a/b"):
        with refused(UsageError, "bad-name", name):
            store.check_free(name, replace=True)
    with refused(UsageError, "already-there", "mine"):
        store.check_free("mine", replace=False)


def test_the_shortest_way_to_a_factor_is_taken() -> None:
    class Network:
        def __init__(self, scale: int) -> None:
            self.facts = replace(store.networks("photo")[0].facts, scale=scale)

    two, four = Network(2), Network(4)

    def scales(factor: float, available: tuple[Network, ...]) -> list[int]:
        return [one.facts.scale for one in steps(available, factor)]  # type: ignore[arg-type]

    assert [scales(factor, (two, four)) for factor in (1, 1.5, 2, 3, 4, 6, 20)] == [
        [],
        [2],
        [2],
        [4],
        [4],
        [4, 2],
        [4, 4, 2],
    ]
    assert scales(5, (two,)) == [2, 2, 2]


def test_a_picture_that_shall_be_smaller_is_only_reduced(photo: Path) -> None:
    picture = Picture.open(photo)
    assert resized(picture, 48, 32).width == 48
    assert resized(picture, 96, 64) is picture


def test_a_network_without_a_file_says_so(tmp_path: Path) -> None:
    with refused(StyleError, "not-readable", "gone.onnx"):
        EnlargerNetwork(tmp_path / "gone.onnx").prepare()


def test_a_painting_beyond_the_photos_size_is_painted_over_the_enlarged_photo(photo: Path) -> None:
    seen: list[float] = []
    paint = impasto.Stylizer("udnie", controls=impasto.Controls(size=200, strength=0))
    large = paint(Picture.open(photo), lambda now: seen.append(now.fraction))
    assert np.array_equal(large.to_numpy(), impasto.enlarge(photo, size=200).to_numpy())
    assert max(seen) == pytest.approx(0.6, abs=0.02)
    paint = paint.with_controls(impasto.Controls(size=700))
    painted = paint(Picture.open(photo), lambda now: seen.append(now.fraction))
    assert (painted.width, painted.height) == (700, 467)
    assert seen[-1] == pytest.approx(1)
    assert np.abs(painted.pixels - resized(Picture.open(photo), 700, 467).pixels).mean() > 0.02
