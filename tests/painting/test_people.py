"""Masks that find themselves: people, what is behind them, faces; and that nobody is found where nobody is."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers import refused, scene

import impasto
from impasto.errors import UsageError
from impasto.painting.people import automatic_mask, mask_in
from impasto.painting.regions import read_mask
from impasto.picture import Picture
from impasto.pixels.masks import fit_mask
from impasto.system.files import ASSETS

MASKED = Path("/work/shared/data/eval/masks")
FACE, SUIT, WALL = (
    (slice(70, 150), slice(190, 250)),
    (slice(300, 420), slice(60, 250)),
    (slice(10, 60), slice(300, 430)),
)


@pytest.fixture(scope="module")
def astronaut() -> Picture:
    """Eileen Collins before a wall with a flag and a model of a shuttle. NASA, public domain."""
    return Picture(pytest.importorskip("skimage.data").astronaut())


def test_a_person_is_found(astronaut: Picture) -> None:
    mask = impasto.person_mask(astronaut)
    assert mask.shape == (512, 512)
    assert mask.dtype == np.float32
    assert (mask.min(), mask.max()) == (0, 1)
    assert mask[FACE].min() > 0.95
    assert mask[SUIT].mean() > 0.95
    assert mask[WALL].max() < 0.05
    np.testing.assert_allclose(automatic_mask("background", astronaut), 1 - mask, atol=1e-6)


def test_the_mask_follows_the_outline(astronaut: Picture) -> None:
    """Where the mask changes, so does the photo: more than elsewhere near the person."""
    mask, gray = impasto.person_mask(astronaut)[:200], astronaut.pixels[:200].mean(2)
    slope = np.hypot(*np.gradient(gray))
    edge, near = (mask > 0.2) & (mask < 0.8), np.zeros_like(mask, bool)
    rows, columns = np.nonzero(edge)
    near[rows.min() : rows.max(), columns.min() : columns.max()] = True
    assert slope[edge].mean() > 2 * slope[near].mean()


def test_faces_are_found_within_people(astronaut: Picture) -> None:
    mask, person = automatic_mask("faces", astronaut), impasto.person_mask(astronaut)
    assert mask[FACE].mean() > 0.9
    assert mask[SUIT].max() == 0
    assert (mask <= person + 1e-6).all()
    assert 0.02 < mask.mean() < 0.1


@pytest.mark.parametrize("name", ["person", "faces", "background"])
def test_where_nobody_is_nobody_is_found(name: str) -> None:
    with pytest.warns(UserWarning, match="was found in the photo: the mask"):
        mask = automatic_mask(name, Picture.open(ASSETS / "samples" / "colosseum.jpg"))
    assert (mask == (name == "background")).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 3), (300, 20), (60, 512)])
def test_masks_fit_photos_of_any_size(astronaut: Picture, size: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name in ("person", "faces"):
            assert automatic_mask(name, astronaut.resized(*size)).shape == size[::-1]
        assert impasto.person_mask(astronaut.resized(*size)).shape == size[::-1]


def test_large_photos_get_bounded_masks_and_other_samples_the_same(astronaut: Picture) -> None:
    small = automatic_mask("person", astronaut)
    large = automatic_mask("person", astronaut.resized(3000, 3000))
    assert large.shape == (2048, 2048)
    assert np.abs(fit_mask(large, 512, 512) - small).mean() < 0.03
    deep = Picture((astronaut.pixels * 65535).round().astype(np.uint16))
    assert np.abs(automatic_mask("person", deep) - small).max() < 0.05


def test_a_photo_that_lies_on_its_side_is_told_upright(astronaut: Picture, tmp_path: Path) -> None:
    from PIL import Image

    image = Image.fromarray(astronaut.samples).rotate(90)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned to the right
    image.save(tmp_path / "turned.png", exif=exif)
    mask = impasto.person_mask(tmp_path / "turned.png")
    assert np.abs(mask - impasto.person_mask(astronaut)).mean() < 0.01


def test_unknown_names_are_refused() -> None:
    with refused(UsageError, "unknown-choice", "'cat'"):
        mask_in("cat", scene(32, 32))


def test_a_person_is_left_as_the_photo_shows_them(astronaut: Picture) -> None:
    painted = impasto.stylize(astronaut, "udnie", regions={"person": "none"}, engine="light").pixels
    change = np.abs(painted - astronaut.pixels).mean(2)
    assert change[FACE].max() < 0.02
    assert change[WALL].mean() > 0.05


def test_faces_may_be_painted_more_weakly(astronaut: Picture) -> None:
    plain = impasto.stylize(astronaut, "udnie", engine="light").pixels
    region = impasto.Region("faces", strength=40)
    kept = impasto.stylize(astronaut, "udnie", regions=[region], engine="light")
    inside = (slice(90, 130), slice(205, 240))  # where the mask is 1
    wanted = astronaut.pixels[inside] + 0.4 * (plain[inside] - astronaut.pixels[inside])
    np.testing.assert_allclose(kept.pixels[inside], wanted, atol=0.01)
    np.testing.assert_array_equal(kept.pixels[SUIT], plain[SUIT])
    assert kept.made_with is not None
    assert kept.made_with["regions"] == ["faces=strength=40"]


def test_every_photo_of_a_folder_has_its_own_mask(astronaut: Picture, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    astronaut.save(tmp_path / "in" / "a.png")
    Picture(astronaut.samples[:, ::-1].copy()).save(tmp_path / "in" / "b.png")
    report = impasto.stylize_folder(
        tmp_path / "in", "udnie", tmp_path / "out", regions={"person": "none"}, engine="light"
    )
    assert len(report.painted) == 2
    for name in "ab":
        photo, painted = (Picture.open(tmp_path / folder / f"{name}.png").pixels for folder in ("in", "out"))
        if name == "b":
            photo, painted = photo[:, ::-1], painted[:, ::-1]
        change = np.abs(painted - photo).mean(2)
        assert change[FACE].max() < 0.02 < change[WALL].mean()


@pytest.mark.skipif(not MASKED.is_dir(), reason="the drawn masks are not here")
@pytest.mark.parametrize(("name", "least"), [("portrait_a", 0.97), ("portrait_b", 0.92)])
def test_people_are_found_as_somebody_has_drawn_them(name: str, least: float) -> None:
    found = impasto.person_mask(MASKED / f"{name}_content.jpg") > 0.5
    drawn = fit_mask(read_mask(MASKED / f"{name}_mask.png"), *found.shape[::-1]) > 0.5
    assert (found & drawn).sum() / (found | drawn).sum() > least
