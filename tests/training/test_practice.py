"""Photographs to learn on: free ones that ship, or a folder's; some are held back."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import torch
from helpers import refused

from impasto.errors import PictureError
from impasto.picture import Picture
from impasto.system.files import ASSETS
from impasto.training.practice import Practice


def test_the_photographs_are_free_and_small() -> None:
    with (ASSETS / "photos" / "SOURCES.tsv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    with zipfile.ZipFile(ASSETS / "photos" / "photos.zip") as bundle:
        assert [f"{row['name']}.webp" for row in rows] == bundle.namelist()
        assert min(min(Picture.open(bundle.read(name)).pixels.shape[:2]) for name in bundle.namelist()[::20]) >= 256
    assert {row["license"] for row in rows} == {"CC0 1.0"}
    assert all(len(row["commit"]) == 40 and row["repository"] and row["stated in"] for row in rows)
    assert (ASSETS / "photos" / "photos.zip").stat().st_size <= 3_000_000


def flat_photos(folder: Path, count: int) -> Path:
    """Photographs of one gray each, by which one can tell them apart."""
    folder.mkdir()
    for index in range(count):
        Picture(np.full((70, 90, 3), (index + 1) / (count + 1), np.float32)).save(folder / f"{index}.png")
    return folder


def test_what_is_held_back_is_never_drawn(tmp_path: Path) -> None:
    folder = flat_photos(tmp_path / "flat", 6)
    practice = Practice(folder, side=48, held_back=8, seed=1, rng=np.random.default_rng(0))
    held = practice.held_back()
    assert held.shape == (8, 3, 48, 48)
    grays = {round(float(picture.mean()) * 7) for picture in held}
    assert len(grays) == 2  # a third of six, again and again
    assert float(held.std(dim=(1, 2, 3)).max()) < 1e-3
    assert practice.batch(12).shape == (12, 3, 48, 48)
    drawn = Practice(folder, side=48, held_back=8, seed=1, rng=np.random.default_rng(5))
    darkest, brightest = (min(grays) / 7) ** 1.36, (max(grays) / 7) ** 0.73  # as far as brightness is changed
    assert not all(darkest <= float(picture.mean()) <= brightest for picture in drawn.batch(40))


def test_same_seeds_same_crops(tmp_path: Path) -> None:
    first, again = (Practice(None, side=32, held_back=2, seed=3, rng=np.random.default_rng(4)) for _ in range(2))
    assert torch.equal(first.batch(3), again.batch(3))
    assert torch.equal(first.held_back(), again.held_back())
    assert float(first.batch(3).std()) > 0.05
    (tmp_path / "empty").mkdir()
    with refused(PictureError, "no-pictures"):
        Practice(tmp_path / "empty", side=32, held_back=2, seed=3, rng=np.random.default_rng(4))
