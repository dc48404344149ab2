"""Photographs to train on: what is found, what is left out, and that a position is always the same crop."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from helpers import file_bytes, refused, scene
from PIL import Image

from impasto.errors import PictureError, TrainingError
from impasto.picture import Picture
from impasto.picture.formats import SUFFIXES
from impasto.training.data import Crops, batches, find_photos, readers_watched


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven usable photographs in a tree, two damaged files, a tiny one, a hidden one, a text."""
    photos = tmp_path / "photos"
    (photos / "deep" / "er").mkdir(parents=True)
    (photos / ".hidden").mkdir()
    for index in range(6):
        place = photos if index % 2 else photos / "deep"
        (place / f"{index}.jpg").write_bytes(file_bytes(scene(90 + index, 80, index), "JPEG"))
    (photos / "deep" / "er" / "6.png").write_bytes(file_bytes(scene(70, 120)))
    (photos / "text.jpg").write_text("this is no picture")
    (photos / "empty.png").write_bytes(b"")
    (photos / "tiny.png").write_bytes(file_bytes(scene(20, 20)))
    (photos / ".hidden" / "x.png").write_bytes(file_bytes(scene()))
    (photos / "notes.txt").write_text("notes")
    return photos


def test_a_tree_is_searched_and_what_is_left_out_is_counted(folder: Path) -> None:
    photos = find_photos(folder)
    assert sorted(Path(item.path).name for item in photos.items) == [*(f"{i}.jpg" for i in range(6)), "6.png"]
    assert (photos.damaged, photos.tiny) == (2, 1)
    assert photos.digest == find_photos(str(folder)).digest


def test_the_cache_is_used_and_follows_changes(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "photos.json"
    before = find_photos(folder, cache)
    hidden = folder / "1.jpg"  # changed without a sign of it: what is known of it is taken from the cache
    facts = hidden.stat()
    hidden.write_bytes(b"x" * facts.st_size)
    os.utime(hidden, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert find_photos(folder, cache) == before
    (folder / "7.png").write_bytes(file_bytes(scene(80, 80)))
    (folder / "text.jpg").write_bytes(file_bytes(scene(80, 80), "JPEG"))
    after = find_photos(folder, cache)
    assert len(after.items) == len(before.items) + 2
    assert after.damaged == before.damaged - 1
    assert find_photos(folder).damaged == before.damaged
    hidden.write_bytes(b"x" * facts.st_size)
    assert find_photos(folder, cache).damaged == before.damaged
    cache.write_text("{")
    assert len(find_photos(folder, cache).items) >= len(before.items)


def test_photographs_of_every_format_are_found(tmp_path: Path) -> None:
    """Also by a process that has read none before, and where the first bytes of a file do not tell its size."""
    noise = Picture.from_array(np.random.default_rng(0).integers(0, 256, (420, 500, 3), np.uint8))
    wanted = {f"noise{suffix}" for suffix in SUFFIXES}
    for name in wanted:
        noise.save(tmp_path / name, quality=95)
    assert (tmp_path / "noise.heic").stat().st_size > 1 << 18
    code = "import sys; from impasto.training.data import find_photos; print(find_photos(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert wanted == set(re.findall(r"noise\.\w+", done.stdout)), done.stdout
    assert "damaged=0, tiny=0" in done.stdout


@pytest.mark.parametrize(("place", "code"), [("nowhere", "no-such-folder"), ("empty", "no-pictures")])
def test_no_photographs_is_one_clear_error(tmp_path: Path, place: str, code: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("notes")
    with refused(PictureError, code, place):
        find_photos(tmp_path / place)


def test_only_damaged_ones_are_said_to_be_that(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no")
    with refused(PictureError, "no-pictures", "1 files are damaged"):
        find_photos(tmp_path)


@pytest.mark.parametrize("system", ["memory", "file"])
def test_urls_give_what_the_folder_gives(folder: Path, tmp_path: Path, system: str) -> None:
    here = find_photos(folder)
    if system == "memory":
        memory = fsspec.filesystem("memory")
        for item in here.items:
            memory.pipe(f"/photos/{Path(item.path).relative_to(folder)}", Path(item.path).read_bytes())
        url = "memory://photos"
    else:
        url = f"file://{folder}"
    there = find_photos(url)
    assert there.digest == here.digest
    for position in (0, 5, 9):
        ours, theirs = Crops(here, 32, 3)[position][0], Crops(there, 32, 3)[position][0]
        assert torch.equal(ours, theirs)


def test_tar_shards_are_read_in_place(folder: Path, tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    shards.mkdir()
    here = find_photos(folder)
    for number in range(2):
        with tarfile.open(shards / f"{number:03}.tar", "w") as shard:
            for item in here.items[number::2]:
                data = Path(item.path).read_bytes()
                entry = tarfile.TarInfo(Path(item.path).name)
                entry.size = len(data)
                shard.addfile(entry, io.BytesIO(data))
                shard.addfile(tarfile.TarInfo(f"{entry.name}.txt"))
    photos = find_photos(shards)
    assert len(photos.items) == 7
    (shards / "000.tar").write_bytes(b"no tar at all")
    with refused(PictureError, "damaged-file", "000.tar"):
        find_photos(shards)


def test_a_position_is_always_the_same_crop(folder: Path) -> None:
    crops = Crops(find_photos(folder), 48, seed=5)
    first = crops[11][0]
    crops[200]
    assert torch.equal(crops[11][0], first)
    assert torch.equal(Crops(find_photos(folder), 48, seed=5)[11][0], first)
    assert not torch.equal(Crops(find_photos(folder), 48, seed=6)[11][0], first)
    assert first.shape == (3, 48, 48)
    assert 0 <= float(first.min()) < float(first.max()) <= 1


def test_crops_of_large_photographs_show_what_they_would_show_in_full(tmp_path: Path) -> None:
    """A camera's JPEG is decoded smaller, which shows in nothing but the time."""
    smooth = np.asarray(Image.fromarray(scene(24, 16)).resize((900, 600), Image.Resampling.BICUBIC))
    (tmp_path / "jpeg").mkdir()
    (tmp_path / "png").mkdir()
    (tmp_path / "jpeg" / "a.jpg").write_bytes(file_bytes(smooth, "JPEG", quality=95))
    (tmp_path / "png" / "a.png").write_bytes(file_bytes(smooth))
    jpeg, png = (Crops(find_photos(tmp_path / kind), 64, seed=2) for kind in ("jpeg", "png"))
    for position in range(6):
        assert (jpeg[position][0] - png[position][0]).abs().mean() < 0.02


def test_every_photograph_comes_once_in_a_round(folder: Path) -> None:
    photos = find_photos(folder)
    crops, count = Crops(photos, 48, seed=1), len(photos.items)
    for start in (0, count, 3 * count):
        assert {crops.item(position) for position in range(start, start + count)} == set(photos.items)
    orders = [[crops.item(start + i) for i in range(count)] for start in (0, count)]
    assert orders[0] != orders[1]


def test_damaged_pictures_are_passed_over_and_counted(folder: Path) -> None:
    whole = (folder / "1.jpg").read_bytes()
    photos = find_photos(folder)
    (folder / "1.jpg").write_bytes(whole[: len(whole) // 2])  # after its head was looked at
    crops = Crops(photos, 48, seed=0)
    tries = [crops[position][1] for position in range(len(photos.items))]
    assert sum(tries) >= 1
    for item in photos.items:
        Path(item.path).write_bytes(b"gone")
    with refused(PictureError, "damaged-file", "16 photographs"):
        crops[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_processes_share_batches_without_overlap(folder: Path, workers: int) -> None:
    crops = Crops(find_photos(folder), 32, seed=0)
    whole = [batch for batch, _ in batches(crops, 2, 4, 4, workers=0)]
    halves = [
        [batch for batch, _ in batches(crops, 2, 4, 4, workers=workers, rank=rank, processes=2)] for rank in (0, 1)
    ]
    assert len(whole) == 2
    for step in range(2):
        joined = torch.stack([halves[0][step], halves[1][step]], dim=1).flatten(0, 1)
        assert torch.equal(joined, whole[step])
    assert np.isfinite(whole[0].numpy()).all()


def test_a_reader_that_is_killed_is_said_in_a_line() -> None:
    with refused(TrainingError, "killed") as said, readers_watched():
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")
    assert "--resume" in said.value.hint
    with pytest.raises(RuntimeError, match="another"), readers_watched():
        raise RuntimeError("another thing")
