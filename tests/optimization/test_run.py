"""One run: its scales, its end, what the picture keeps; and one network for many runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from helpers import file_bytes

import impasto
from impasto.controls import Controls
from impasto.optimization.recipe import DEFAULT
from impasto.optimization.run import Run, load_network
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture

QUICK = replace(DEFAULT, iterations=8, start="photo", pyramid=1.0)


def test_the_pyramid_ends_at_full_size(pair: tuple[Picture, Picture]) -> None:
    recipe = replace(DEFAULT, iterations=9, coarsest=32, start="photo")
    result = impasto.optimize(*pair, recipe=recipe)
    assert [row["scale"] for row in result.losses] == sorted(row["scale"] for row in result.losses)
    assert {row["scale"] for row in result.losses} == {68, 96}
    assert (result.picture.width, result.picture.height) == (96, 64)


def test_stopping_early_keeps_what_was_reached_at_full_size(pair: tuple[Picture, Picture]) -> None:
    recipe = replace(DEFAULT, iterations=9, coarsest=32, start="photo")
    result = impasto.optimize(*pair, recipe=recipe, on_progress=lambda progress: progress.step < 4)
    assert result.stopped
    assert len(result.losses) == 4
    assert (result.picture.width, result.picture.height) == (96, 64)
    assert not np.allclose(result.picture.pixels, pair[0].pixels, atol=0.01)


def test_alpha_and_metadata_stay(pair: tuple[Picture, Picture]) -> None:
    photo = replace(pair[0], alpha=np.tile(np.linspace(0, 1, 96, dtype=np.float32), (64, 1)))
    result = impasto.optimize(photo, pair[1], recipe=QUICK).picture
    assert np.array_equal(result.alpha, photo.alpha)
    assert result.made_with["engine"] == "optimize"
    assert result.made_with["recipe"] == {"iterations": 8, "start": "photo", "pyramid": 1.0}
    assert file_bytes(result.to_pil())


def test_one_network_serves_runs_of_any_recipe_and_size(pair: tuple[Picture, Picture]) -> None:
    """What one run sets, pooling, padding, tiling, says nothing to the next."""
    photo, painting = pair
    net = load_network()
    stylizer = Stylizer(painting, controls=Controls(seed=3))
    recipes = [replace(QUICK, iterations=3), replace(QUICK, iterations=3, pooling="max", padding="zeros")]
    alone = [impasto.optimize(photo, painting, recipe=recipe, seed=3).picture.pixels for recipe in recipes]
    Run(net, replace(QUICK, content_weight=0.0), stylizer).texture(64, 32, tileable=True)
    Run(net, QUICK, stylizer).photo(photo.resized(72, 48))
    for recipe, wanted in zip(recipes, alone, strict=True):
        assert np.array_equal(Run(net, recipe, stylizer).photo(photo).pixels, wanted)
    assert not np.array_equal(*alone)
