"""The optimizer as a library: recipes, controls, textures, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import refused

import impasto
from impasto.errors import PictureError, UsageError
from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import shipped_vgg
from impasto.optimization.objective import Objective, StyledRegion
from impasto.optimization.recipe import DEFAULT, RECIPES
from impasto.picture import Picture

QUICK = replace(DEFAULT, iterations=8, start="photo", pyramid=1.0)


def total(photo: Picture, style: Picture, result: Picture) -> float:
    """The style term that a picture has, in float32."""
    recipe = replace(DEFAULT, content_weight=0.0, variation_weight=0.0)
    objective = Objective(
        shipped_vgg("average"), recipe, to_tensor(photo.pixels), [StyledRegion([(to_tensor(style.pixels), 1.0)])]
    )
    with torch.no_grad():
        return float(objective.terms(to_tensor(result.pixels))["total"])


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "gatys2016"])
def test_every_recipe_brings_the_style_nearer(recipe: str, pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    chosen = replace(RECIPES[recipe], iterations=12, start="photo")
    result = impasto.optimize(photo, painting, recipe=chosen)
    assert (result.picture.width, result.picture.height) == (photo.width, photo.height)
    assert total(photo, painting, result.picture) < 0.75 * total(photo, painting, photo)
    assert result.losses[-1]["total"] == pytest.approx(
        sum(result.losses[-1][name] for name in ("content", "style", "variation")), rel=1e-5
    )


@pytest.mark.parametrize(("optimizer", "iterations"), [("adam", 25), ("sgd", 25)])
def test_other_optimizers(optimizer: str, iterations: int, pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    recipe = replace(QUICK, optimizer=optimizer, iterations=iterations, schedule="cosine")
    result = impasto.optimize(photo, painting, recipe=recipe)
    assert min(row["total"] for row in result.losses) < 0.7 * result.losses[0]["total"]


def test_histogram_loss_and_other_statistics(pair: tuple[Picture, Picture]) -> None:
    recipe = replace(QUICK, style_loss="moments", histogram_weight=2.0, pooling="max", padding="reflect")
    result = impasto.optimize(*pair, recipe=recipe)
    assert {"content", "style", "histogram", "variation", "total"} <= set(result.losses[0])
    assert result.losses[-1]["histogram"] < result.losses[0]["histogram"]


def test_strength_is_the_way_from_the_photo(pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    recipe = replace(QUICK, start="painter", iterations=10)
    way = [
        np.abs(impasto.optimize(photo, painting, recipe=recipe, strength=strength).picture.pixels - photo.pixels).mean()
        for strength in (0, 30, 100)
    ]
    assert way[0] == 0
    assert 0.005 < way[1] < way[2]


def test_same_seed_same_picture(pair: tuple[Picture, Picture]) -> None:
    recipe = replace(QUICK, start="noise", iterations=4)
    one, same, other = (impasto.optimize(*pair, recipe=recipe, seed=seed).picture.pixels for seed in (5, 5, 6))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_color_and_tone_are_finished_as_the_painter_s(pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    kept = impasto.optimize(photo, painting, recipe=QUICK, keep_color="luminance").picture.pixels
    chroma = photo.pixels - photo.pixels @ np.array([0.299, 0.587, 0.114], np.float32)[:, None]
    ours = kept - kept @ np.array([0.299, 0.587, 0.114], np.float32)[:, None]
    assert np.corrcoef(chroma.ravel(), ours.ravel())[0, 1] > 0.9
    toned = impasto.optimize(photo, painting, recipe=QUICK, tone="match").picture.pixels
    assert abs(float(toned.mean()) - float(photo.pixels.mean())) < 0.02


def test_regions(pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    left = np.zeros((64, 96), np.uint8)
    left[:, :48] = 255
    result = impasto.optimize(photo, painting, regions=[(left, "none")], recipe=QUICK).picture
    assert np.array_equal(result.pixels[:, :40], photo.pixels[:, :40])
    assert np.abs(result.pixels[:, 56:] - photo.pixels[:, 56:]).mean() > 0.01
    gray = np.full((80, 80, 3), 0.9, np.float32)
    gray[::4] = 0.7
    split = impasto.optimize(photo, painting, regions=[(left, gray)], recipe=replace(QUICK, iterations=20)).picture
    spread = [float(half.std(axis=2).mean()) for half in (split.pixels[:, :40], split.pixels[:, 56:])]
    assert spread[0] < 0.7 * spread[1]  # the gray style's part has lost its colors


def test_regions_with_settings(pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    left = np.zeros((64, 96), np.float32)
    left[:, :48] = 1
    weak = impasto.Region(left, strength=25)
    plain, weaker = (impasto.optimize(photo, painting, regions=some, recipe=QUICK).picture for some in ([], [weak]))
    change = [np.abs(one.pixels - photo.pixels)[:, :40].mean() for one in (plain, weaker)]
    assert 0 < change[1] < 0.5 * change[0]
    with refused(UsageError, "conflict", "brush size"):
        impasto.optimize(photo, painting, regions=[impasto.Region(left, brush_size=2)], recipe=QUICK)
    with pytest.warns(UserWarning, match="nobody was found"):
        alone = impasto.optimize(photo, painting, regions={"person": "none"}, recipe=QUICK).picture
    np.testing.assert_allclose(alone.pixels, plain.pixels, atol=0.03)


def test_brush_size_and_several_scales_are_other_styles(pair: tuple[Picture, Picture]) -> None:
    plain = impasto.optimize(*pair, recipe=QUICK).picture.pixels
    large = impasto.optimize(*pair, recipe=QUICK, brush_size=2).picture.pixels
    several = impasto.optimize(*pair, recipe=replace(QUICK, style_scales=(1.0, 0.5))).picture.pixels
    assert np.abs(plain - large).mean() > 0.01
    assert np.abs(plain - several).mean() > 0.001


def test_a_texture_has_the_style_and_tiles(painting: Path) -> None:
    recipe = replace(DEFAULT, iterations=25, variation_weight=0.0)
    result = impasto.texture(painting, 96, 64, tileable=True, recipe=recipe).picture
    assert (result.width, result.height) == (96, 64)
    steps = np.abs(np.diff(result.pixels, axis=1)).mean(axis=(0, 2))
    seam = np.abs(result.pixels[:, 0] - result.pixels[:, -1]).mean()
    assert seam < 2 * steps.mean()
    style = Picture.open(painting)
    assert np.abs(result.pixels.mean((0, 1)) - style.pixels.mean((0, 1))).max() < 0.1
    with refused(UsageError, "out-of-range", "--size 96x64"):
        impasto.texture(painting, 100, 64, tileable=True, recipe=recipe)
    with refused(UsageError, "conflict", "photo"):
        impasto.texture(painting, 96, 64, recipe=QUICK)
    with refused(UsageError, "conflict", "--style-weight"):
        impasto.texture(painting, 96, 64, recipe=replace(DEFAULT, style_weight=0.0))


def test_refusals(pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    with refused(UsageError, "unknown-choice", "relu9_9", "relu1_1"):
        impasto.optimize(photo, painting, recipe=replace(QUICK, style_layers=("relu9_9",)))
    with refused(UsageError, "too-small", "12 x 8", "relu5_1", "32 pixels a side"):
        impasto.optimize(photo, painting, size=12)
    with refused(UsageError, "too-small", "60 x 70", "64 pixels a side"):
        impasto.optimize(photo, painting.resized(60, 70), recipe=QUICK)
    with refused(UsageError, "unknown-choice", "nothing", "default, gatys2016"):
        impasto.optimize(photo, painting, recipe="nothing")
    with refused(UsageError, "unknown-setting", "sharpness"):
        impasto.optimize(photo, painting, sharpness=3)
    with refused(UsageError, "unknown-choice", "tpu"):
        impasto.optimize(photo, painting, device="tpu")
    with refused(UsageError, "unknown-choice", "float8"):
        impasto.optimize(photo, painting, precision="float8")
    with refused(UsageError, "zero-weights"):
        impasto.optimize(photo, painting, recipe=replace(QUICK, style_weight=0.0, content_weight=0.0))
    with refused(PictureError, "no-such-file", "missing.pth"):
        impasto.optimize(photo, painting, recipe=QUICK, network="missing.pth")
