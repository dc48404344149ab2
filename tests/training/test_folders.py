"""Folders of collections and pairs: too few pictures, the same again and again, photos for paintings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import file_bytes, refused
from PIL import Image

from impasto.errors import PictureError, UsageError
from impasto.system.files import ASSETS
from impasto.training.couples import matched
from impasto.training.data import find_photos
from impasto.training.folders import check_collection, check_pairs, fingerprints, painted_share, repeated, shared

NAMES = ("photos/", "paintings/")


def notes(call: Callable[[], None]) -> list[str]:
    """What a call warns of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        call()
    return [str(entry.message) for entry in said]


def motif(seed: int, width: int = 160, height: int = 120) -> np.ndarray:
    """A picture of a few coarse areas, of which no two seeds have the same."""
    coarse = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def fill(folder: Path, seeds: range, kind: str = "JPEG") -> Path:
    folder.mkdir(exist_ok=True)
    for seed in seeds:
        (folder / f"{seed}.{kind.lower()}").write_bytes(file_bytes(motif(seed), kind))
    return folder


@pytest.fixture
def paintings(tmp_path: Path) -> Path:
    """Eight paintings that ship."""
    folder = tmp_path / "paintings"
    folder.mkdir()
    for file in sorted((ASSETS / "gallery" / "thumbnails").glob("*.jpg"))[:8]:
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Eight photographs that ship."""
    import zipfile

    folder = tmp_path / "photographs"
    folder.mkdir()
    with zipfile.ZipFile(next((ASSETS / "photos").glob("*.zip"))) as file:
        for name in sorted(name for name in file.namelist() if not name.endswith("/"))[:8]:
            (folder / Path(name).name).write_bytes(file.read(name))
    return folder


def test_too_few_are_refused(tmp_path: Path) -> None:
    many, few = find_photos(fill(tmp_path / "a", range(6))), find_photos(fill(tmp_path / "b", range(10, 13)))
    with refused(UsageError, "no-pictures", "paintings/ contains only 3 paintings"):
        check_collection(many, few, NAMES)
    with refused(UsageError, "no-pictures", "photos/ contains only 3 photos"):
        check_collection(few, many, NAMES)
    with refused(PictureError, "no-pictures", "no paintings"):
        find_photos(fill(tmp_path / "c", range(0)), noun="paintings")


def test_copies_are_known_whatever_their_size_and_quality(tmp_path: Path) -> None:
    folder = fill(tmp_path / "a", range(6))
    with Image.open(folder / "2.jpeg") as picture:
        picture.resize((96, 72)).save(folder / "copy.png")
        picture.save(folder / "poor.jpg", quality=30)
    assert repeated(fingerprints(find_photos(folder))) == 2
    assert repeated(fingerprints(find_photos(fill(tmp_path / "b", range(6))))) == 0


def test_a_folder_of_copies_is_refused_and_one_with_some_is_named(tmp_path: Path) -> None:
    photos = find_photos(fill(tmp_path / "photos", range(20, 28)))
    folder = fill(tmp_path / "a", range(8))
    for index in range(2):
        (folder / f"again{index}.jpeg").write_bytes((folder / f"{index}.jpeg").read_bytes())
    said = notes(lambda: check_collection(photos, find_photos(folder), NAMES))
    assert "2 of 10 pictures in paintings/ are duplicates; the training sees each copy" in said
    for index in range(12):
        (folder / f"more{index}.jpeg").write_bytes((folder / "3.jpeg").read_bytes())
    with refused(UsageError, "conflict", "are duplicates"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_collection(photos, find_photos(folder), NAMES)


def test_the_same_folder_twice_is_refused(tmp_path: Path) -> None:
    photos = find_photos(fill(tmp_path / "a", range(8)))
    with refused(UsageError, "conflict", "8 of 8", "without common pictures"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_collection(photos, photos, NAMES)
    assert shared(fingerprints(photos), np.zeros((0, 128), bool)) == 0


def test_paintings_are_told_from_photographs(paintings: Path, photographs: Path) -> None:
    assert painted_share(find_photos(paintings)) > 0.5
    assert painted_share(find_photos(photographs)) < 0.4


def test_folders_that_have_changed_places_are_refused(
    paintings: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    works, photos = find_photos(paintings), find_photos(photographs)
    said = notes(lambda: check_collection(photos, works, NAMES))
    assert [text.partition(":")[0] for text in said] == ["8 paintings are few"]
    shares = {works: 0.9, photos: 0.1}
    monkeypatch.setattr("impasto.training.folders.painted_share", shares.__getitem__)
    with refused(UsageError, "conflict", "swap --photos and --paintings", "--unchecked"):
        check_collection(works, photos, NAMES)
    shares[works] = 0.2
    said = notes(lambda: check_collection(photos, works, NAMES))
    assert said[0] == "80 % of the pictures in paintings/ look like photos, not paintings"
    shares |= {works: 0.9, photos: 0.8}
    said = notes(lambda: check_collection(photos, works, NAMES))
    assert said[0] == "80 % of the pictures in photos/ look like paintings, not photos"


def test_pairs_have_the_same_names(tmp_path: Path) -> None:
    inputs, targets = fill(tmp_path / "in", range(5)), fill(tmp_path / "out", range(1, 7), "PNG")
    first, second, left = matched(find_photos(inputs), find_photos(targets))
    assert [item.name for item in first.items] == [item.name for item in second.items] == ["1", "2", "3", "4"]
    assert left == 3
    said = notes(lambda: check_pairs(first, second, NAMES, left))
    assert said[0] == "3 pictures have no partner with the same name and are skipped"
    assert said[1].startswith("4 pairs are few")
    with refused(UsageError, "mismatch", "same name"):
        matched(find_photos(inputs), find_photos(fill(tmp_path / "other", range(50, 55))))
    (inputs / "1.png").write_bytes((inputs / "1.jpeg").read_bytes())
    with refused(UsageError, "name-taken", "two pictures are named 1"):
        matched(find_photos(inputs), find_photos(targets))


def test_halves_are_two_squares(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", range(5))
    with refused(PictureError, "mismatch", "160 x 120", "--targets"):
        check_pairs(find_photos(folder), None, NAMES, 0)


def test_a_single_picture_is_found_by_its_name(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", range(1))
    (found,) = find_photos(folder / "0.jpeg").items
    assert found.name == "0"
