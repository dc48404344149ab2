"""Trainings against a critic: collections by both methods, and pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import file_bytes, refused, scene
from PIL import Image
from torch import nn
from trainings import metrics, weights

from impasto.errors import OutOfMemory, PictureError, UsageError
from impasto.nn.tensors import to_pixels
from impasto.training.couples import SEEN, Pairs, StrokeCrops
from impasto.training.data import Crops, find_photos
from impasto.training.gan_job import CollectionJob, PairsJob
from impasto.training.gan_recipe import (
    COLLECTION_RECIPES,
    PAIRS_RECIPES,
    CollectionRecipe,
    PairsRecipe,
    find_collection_recipe,
    find_pairs_recipe,
)
from impasto.training.job import Job
from impasto.training.loop import train
from impasto.training.style_job import StyleJob

pytestmark = pytest.mark.filterwarnings("ignore:step")  # what so few steps teach is not worth watching

TINY = CollectionRecipe(
    iterations=8, size=64, generator="resnet6", width=4, critic_width=4, patch=16, patches=16, batch_size=2
)
TINY_PAIRS = PairsRecipe(iterations=8, size=64, generator="unet64", width=4, critic_width=4, patch=16, batch_size=2)


def tinted(folder: Path, red: float, blue: float, count: int = 4) -> Path:
    """Pictures in one tint."""
    folder.mkdir()
    for seed in range(count):
        light = scene(96, 80, seed).astype(np.float32).mean(2, keepdims=True)
        shades = (0.4 + 0.6 * light / 255) * np.array([red, 0.5, blue])
        (folder / f"{seed}.png").write_bytes(file_bytes((255 * shades).round().astype(np.uint8)))
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Red pictures and blue ones."""
    return tinted(tmp_path / "red", 0.9, 0.2), tinted(tmp_path / "blue", 0.2, 0.9)


def collection(folders: tuple[Path, Path], folder: Path, recipe: CollectionRecipe = TINY) -> CollectionJob:
    paintings = str(folders[1])
    return CollectionJob(
        str(folders[0]), folder, recipe=recipe, paintings=paintings, unchecked=True, precision="float32", workers=0
    )


def pairs(folders: tuple[Path, Path], folder: Path, recipe: PairsRecipe = TINY_PAIRS) -> PairsJob:
    targets = str(folders[1])
    return PairsJob(
        str(folders[0]), folder, recipe=recipe, targets=targets, unchecked=True, precision="float32", workers=0
    )


def jobs(folders: tuple[Path, Path], folder: Path) -> dict[str, Job[nn.Module]]:
    return {
        "cut": collection(folders, folder),
        "cyclegan": collection(folders, folder, replace(TINY, method="cyclegan", pool=3)),
        "light": collection(folders, folder, replace(TINY, generator="light")),
        "painter": collection(
            folders, folder, replace(TINY, generator="painter", keep_weight=1.0, iterations=4, batch_size=1)
        ),
        "pairs": pairs(folders, folder),
    }


@pytest.mark.parametrize("kind", ["cut", "cyclegan", "light", "painter", "pairs"])
def test_it_goes_on_exactly_where_it_stopped(kind: str, folders: tuple[Path, Path], tmp_path: Path) -> None:
    whole = train(jobs(folders, tmp_path / "whole")[kind])
    parts = jobs(folders, tmp_path / "parts")[kind]
    half = parts.recipe.iterations // 2
    first = train(parts, on_progress=lambda now: now.step < half)
    assert first is not None
    assert (first.step, first.stopped) == (half, True)
    second = train(parts, resume=True)
    for name, value in weights(whole).items():
        assert torch.equal(weights(second)[name], value), name
    columns = metrics(tmp_path / "parts")[-1]
    assert {"adversarial", "critic is right", "diversity", "total"} <= columns.keys()
    with refused(UsageError, "changed-settings", "width"):
        train(replace(parts, recipe=replace(parts.recipe, width=8)), resume=True)


def test_other_paintings_are_another_training(folders: tuple[Path, Path], tmp_path: Path) -> None:
    job = collection(folders, tmp_path / "run")
    train(job, on_progress=lambda now: now.step < 2)
    more = tinted(tmp_path / "more", 0.2, 0.9, 5)
    with refused(UsageError, "changed-settings", "paintings"):
        train(replace(job, paintings=str(more)), resume=True)


def mean_tint(net: nn.Module, folder: Path) -> tuple[float, float]:
    """Red and blue of what a network makes of a folder's first picture."""
    with Image.open(folder / "0.png") as picture:
        pixels = np.asarray(picture.resize((64, 64)), np.float32) / 255
    with torch.no_grad():
        made = to_pixels(net(torch.from_numpy(pixels.transpose(2, 0, 1))[None]))
    return float(made[..., 0].mean()), float(made[..., 2].mean())


def test_a_toy_translates_colors_both_ways(folders: tuple[Path, Path], tmp_path: Path) -> None:
    recipe = replace(
        TINY, method="cyclegan", iterations=150, size=32, learning_rate=3e-3, width=8, ema=0.9, identity_weight=0.0
    )
    result = train(collection(folders, tmp_path / "run", recipe))
    assert result is not None
    red, blue = mean_tint(result.net.generator, folders[0])  # type: ignore[arg-type]
    assert blue > red + 0.2
    red, blue = mean_tint(result.net.back, folders[1])  # type: ignore[arg-type]
    assert red > blue + 0.2


def test_contrast_translates_colors_and_keeps_light_and_dark(folders: tuple[Path, Path], tmp_path: Path) -> None:
    recipe = replace(TINY, iterations=150, size=32, learning_rate=2e-3, width=8, ema=0.9)
    result = train(collection(folders, tmp_path / "run", recipe))
    assert result is not None
    red, blue = mean_tint(result.net.generator, folders[0])  # type: ignore[arg-type]
    assert blue > red + 0.2
    assert float(metrics(tmp_path / "run")[-1]["correlation"]) > 0.6


def test_four_pairs_are_learned_by_heart(folders: tuple[Path, Path], tmp_path: Path) -> None:
    recipe = replace(TINY_PAIRS, iterations=250, learning_rate=4e-3, width=8, ema=0.9)
    result = train(pairs(folders, tmp_path / "run", recipe))
    assert result is not None
    rows = metrics(tmp_path / "run")
    assert float(rows[-1]["pair"]) < 0.3 * float(rows[0]["pair"])
    red, blue = mean_tint(result.net.generator.eval(), folders[0])  # type: ignore[union-attr]
    assert blue > red + 0.3


def test_a_collapse_is_said_while_it_trains(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Nothing but the critic of single pixels, of a collection of one color: all becomes that color."""
    for file in folders[1].iterdir():
        Image.new("RGB", (96, 80), (30, 60, 230)).save(file)
    recipe = replace(
        TINY, iterations=200, size=32, patch=1, nce_weight=0.0, identity_weight=0.0, learning_rate=4e-3, critic_width=8
    )
    with pytest.warns(UserWarning, match=r"step \d+: different photos are painted nearly alike"):
        train(collection(folders, tmp_path / "run", recipe))


def test_a_step_that_does_not_fit_is_refused_with_the_size_that_does(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("impasto.training.need.free_memory", lambda: 300_000_000)
    job = collection(folders, tmp_path / "run", replace(TINY, size=1024, width=16))
    with refused(OutOfMemory, "memory", "1024 pixels needs about", "0.3 GB", "--size") as error:
        train(job)
    size = int(error.value.hint.split("--size ")[1].split()[0])
    assert 96 <= size < 1024
    train(replace(job, folder=tmp_path / "fits", recipe=replace(job.recipe, size=size, iterations=1)))


@pytest.mark.parametrize("kind", ["cut", "cyclegan", "pairs", "style"])
def test_the_estimate_is_what_a_larger_step_keeps(
    kind: str, folders: tuple[Path, Path], job: StyleJob, tmp_path: Path
) -> None:
    """It is made with crops of 64 and 128 pixels, and compared with crops of 256."""
    from impasto.training.loop import Learner, _fabric
    from impasto.training.need import _BESIDE, _kept, kept_bytes

    tried = job if kind == "style" else jobs(folders, tmp_path / "run")[kind]
    fabric = _fabric(torch.device("cpu"), "float32")
    learner: Learner[Any] = Learner(tried, fabric)
    fixed, pixel = kept_bytes(learner.losses, learner.model, tried, fabric)
    kept = _kept(learner.losses, learner.model, tried, fabric, 256)
    assert fixed + pixel / _BESIDE * 256**2 == pytest.approx(kept, rel=0.15)


def test_crops_must_fit_the_network(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with refused(UsageError, "mismatch", "multiple of 4 ", "--size 96"):
        train(collection(folders, tmp_path / "run", replace(TINY, size=98)))
    with refused(UsageError, "mismatch", "multiple of 64 ", "--size 64"):
        train(pairs(folders, tmp_path / "run", replace(TINY_PAIRS, size=100)))


def test_an_input_and_its_target_are_cropped_and_flipped_alike(tmp_path: Path) -> None:
    folder = tmp_path / "same"
    folder.mkdir()
    for seed in range(5):
        (folder / f"{seed}.png").write_bytes(file_bytes(scene(150, 110, seed)))
    photos = find_photos(folder)
    found = Pairs(Crops(photos, 48, 3), photos)
    crops = [found[position][0] for position in range(6)]
    assert all(torch.equal(crop[:3], crop[3:]) for crop in crops)
    assert not torch.equal(crops[0], crops[5])


def test_a_right_half_is_a_target(tmp_path: Path) -> None:
    folder = tmp_path / "halves"
    folder.mkdir()
    for seed in range(4):
        both = np.concatenate([scene(90, 90, seed), 255 - scene(90, 90, seed)], axis=1)
        (folder / f"{seed}.png").write_bytes(file_bytes(both))
    crop = Pairs(Crops(find_photos(folder), 64, 0), None)[2][0]
    torch.testing.assert_close(crop[:3], 1 - crop[3:], atol=0.02, rtol=0)


def test_strokes_keep_their_size(tmp_path: Path) -> None:
    """A crop shows the part of a painting that it would be if the painting's shorter side had 427 pixels."""
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "0.png").write_bytes(file_bytes(scene(1500, 1200)))
    crops = StrokeCrops(find_photos(folder), 128, 0)
    shares = [crops.share(np.random.default_rng(seed)) for seed in range(200)]
    assert 0.8 * 128 / SEEN <= min(shares) < max(shares) <= 1.25 * 128 / SEEN
    wide = StrokeCrops(find_photos(folder), 128, 0, brush=2.0)
    assert wide.share(np.random.default_rng(0)) == pytest.approx(crops.share(np.random.default_rng(0)) / 2)
    assert crops[0][0].shape == (3, 128, 128)


def test_recipes_are_what_they_say() -> None:
    cut, cycle = COLLECTION_RECIPES["cut"], COLLECTION_RECIPES["cyclegan"]
    assert (cut.generator, cut.patch, cut.patches, cut.temperature, cut.contest) == ("resnet9", 70, 256, 0.07, "lsgan")
    assert cut.adversarial_weight / 2 == cut.nce_weight  # the verdict is halved
    assert (cycle.pool, cycle.cycle_weight, cycle.identity_weight, cycle.betas) == (50, 10, 0.5, (0.5, 0.999))
    pix2pix = PAIRS_RECIPES["pix2pix"]
    assert (pix2pix.generator, pix2pix.pair_weight, pix2pix.contest) == ("unet256", 100, "vanilla")
    half = cycle.iterations // 2
    assert cycle.rate(0) == cycle.rate(half) == 2e-4
    assert cycle.rate(half + half // 2) == pytest.approx(1e-4)
    assert cycle.rate(cycle.iterations) == 0
    for find in (find_collection_recipe, find_pairs_recipe):
        with refused(UsageError, "unknown-choice", "none"):
            find("none")


def test_a_pair_of_two_shapes_is_passed_over(tmp_path: Path) -> None:
    inputs, targets = tmp_path / "in", tmp_path / "out"
    for folder in (inputs, targets):
        folder.mkdir()
        for seed in range(4):
            (folder / f"{seed}.png").write_bytes(file_bytes(scene(120, 90, seed)))
    (targets / "1.png").write_bytes(file_bytes(scene(90, 120)))
    found = Pairs(Crops(find_photos(inputs), 48, 0), find_photos(targets))
    assert sum(found[position][1] for position in range(4)) == 1
    for seed in range(4):
        (targets / f"{seed}.png").write_bytes(file_bytes(scene(90, 120)))
    with refused(PictureError, "damaged-file", "different shapes"):
        found[0]
