"""Training an enlarger: its pairs, its two stages, going on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from enlargers import untrained
from helpers import refused, scene
from PIL import Image
from trainings import metrics, weights

from impasto.errors import UsageError
from impasto.exchange.enlarger import to_weights
from impasto.training.degradation import reduce, reduce_wildly
from impasto.training.enlarger_job import EnlargerJob
from impasto.training.enlarger_recipe import RECIPES, EnlargerRecipe, find_recipe
from impasto.training.loop import train

TINY = EnlargerRecipe(
    width=8,
    blocks=1,
    iterations=8,
    pixel_iterations=4,
    batch_size=2,
    size=96,
    warmup=2,
    feature_layers=("relu1_2",),
)


@pytest.fixture
def job(tmp_path: Path, photos: Path) -> EnlargerJob:
    return EnlargerJob(str(photos), tmp_path / "run", recipe=TINY, scale=4, precision="float32", workers=0)


def test_small_pictures_are_made_as_in_the_paper() -> None:
    large = scene(80, 64)
    small = reduce(large, 4)
    assert np.array_equal(small, np.asarray(Image.fromarray(large).resize((20, 16), Image.Resampling.BICUBIC)))
    blurred = reduce(large, 4, blur=3.0)
    assert np.abs(np.diff(blurred.astype(int), axis=0)).mean() < np.abs(np.diff(small.astype(int), axis=0)).mean()


def test_wild_pictures_are_alike_and_each_its_own() -> None:
    large = scene(96, 96)
    found = [reduce_wildly(large, 4, np.random.default_rng(seed)) for seed in range(20)]
    assert {picture.shape for picture in found} == {(24, 24, 3)}
    assert len({picture.tobytes() for picture in found}) == 20
    plain = reduce(large, 4).astype(float)
    assert 1 < np.mean([np.abs(picture - plain).mean() for picture in found]) < 15
    assert np.array_equal(found[3], reduce_wildly(large, 4, np.random.default_rng(3)))


def test_it_learns_pixels_first_and_features_then(job: EnlargerJob) -> None:
    recipe = replace(TINY, iterations=60, pixel_iterations=40, wild=0.0, blurred=0.0, learning_rate=5e-3)
    result = train(replace(job, recipe=recipe))
    assert result is not None
    rows = metrics(job.folder)
    assert all(float(row["features"]) == 0 for row in rows if int(row["step"]) <= 40)
    assert all(float(row["features"]) > 0 for row in rows if int(row["step"]) > 40)
    assert float(rows[-2]["pixels"]) < float(rows[0]["pixels"])
    assert result.card["form"] == {"scale": 4, "width": 8, "blocks": 1}


@pytest.mark.parametrize("adversarial_weight", [0.0, 0.1])  # a critic learns beside it
def test_it_goes_on_exactly_where_it_stopped(job: EnlargerJob, tmp_path: Path, adversarial_weight: float) -> None:
    job = replace(job, recipe=replace(TINY, adversarial_weight=adversarial_weight))
    whole = train(job)
    parts = replace(job, folder=tmp_path / "parts")
    first = train(parts, on_progress=lambda now: now.step < 6)
    assert first is not None
    assert (first.step, first.stopped) == (6, True)
    second = train(parts, resume=True)
    for name, value in weights(whole).items():
        assert torch.equal(weights(second)[name], value), name
    with refused(UsageError, "changed-settings", "scale"):
        train(replace(parts, scale=2), resume=True)


def test_a_sample_shows_interpolation_network_and_original(job: EnlargerJob, photo: Path) -> None:
    train(replace(job, samples=(photo,)))
    with Image.open(job.folder / "samples" / "step-0000008.png") as sheet:
        assert sheet.width > 3 * 90
        assert sheet.height > 60


def test_it_begins_with_anothers_weights_as_far_as_they_fit(job: EnlargerJob, tmp_path: Path) -> None:
    other = untrained(2, seed=5)
    path = tmp_path / "other.safetensors"
    path.write_bytes(to_weights(other, {}))
    net = replace(job, start=path).build()
    torch.testing.assert_close(net.body[0].weight, other.body[0].weight, atol=1e-3, rtol=1e-3)
    assert net.head.weight.shape != other.head.weight.shape


def test_recipes_are_what_they_say() -> None:
    assert find_recipe("pixels").iterations == find_recipe("pixels").pixel_iterations
    paper = RECIPES["johnson2016"]
    assert (paper.loss_network, paper.feature_layers, paper.rate(0)) == ("vgg16", ("relu2_2",), 1e-3)
    default = RECIPES["default"]
    assert default.rate(default.pixel_iterations + default.warmup) == pytest.approx(default.learning_rate / 4)
    assert default.rate(default.pixel_iterations - 1) < default.learning_rate / 50
    with refused(UsageError, "unknown-choice", "none"):
        find_recipe("none")
