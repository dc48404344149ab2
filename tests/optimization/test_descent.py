"""The way down: to the bottom, past what fails, and to an end."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers import refused
from torch import Tensor

from impasto.errors import TrainingError
from impasto.nn.tensors import to_tensor
from impasto.nn.vgg import shipped_vgg
from impasto.optimization import descent
from impasto.optimization.objective import Objective, StyledRegion
from impasto.optimization.pyramid import Level
from impasto.optimization.recipe import DEFAULT, RECIPES, Recipe
from impasto.picture import Picture
from impasto.system.files import ASSETS


class Bowl:
    """A quadratic of curvatures 1 to 100 above a floor, in place of an objective; some evaluations may fail."""

    def __init__(self, fail_at: tuple[int, ...] = (), floor: float = 0.0) -> None:
        self.floor = floor
        self.center = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 0.6 + 0.2
        self.curvature = torch.logspace(0, 2, 192).reshape(1, 3, 8, 8)
        self.calls, self.fail_at = 0, fail_at

    def gradient(self, picture: Tensor) -> tuple[dict[str, float], Tensor]:
        self.calls += 1
        way = picture - self.center
        loss = float((self.curvature * way.square()).mean() / 2)
        return {
            "total": math.nan if self.calls in self.fail_at else loss + self.floor
        }, self.curvature * way / way.numel()

    def shown(self, picture: Tensor) -> Tensor:
        return picture


def descend(recipe: Recipe, bowl: Bowl, iterations: int = 60) -> tuple[Tensor, list[float]]:
    seen: list[float] = []

    def show(level: Level, step: int, fraction: float, terms: dict[str, float], picture: Tensor) -> bool:
        seen.append(terms["total"])
        assert 0 < fraction <= 1
        return True

    start = torch.full((1, 3, 8, 8), 0.5)
    picture, stopped = descent.descend([Level(8, 8, iterations)], lambda _: bowl, start, recipe, show)  # type: ignore[arg-type, return-value]
    assert not stopped
    return picture, seen


def test_gatys2016_is_gatys_2016() -> None:
    """Losses of 20 evaluations against the paper's method written plainly, with PyTorch's own L-BFGS.

    In float64: in float32 the two drift apart by rounding alone, tenfold with every few steps.
    """
    pixels = Picture.open(ASSETS / "samples" / "colosseum.jpg").resized(84, 60).pixels
    photo = to_tensor(pixels).double()
    painting = to_tensor(0.15 + 0.7 * pixels[::-1, ::-1, [0, 2, 1]]).double()
    names = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    source = shipped_vgg().double()

    def features(x: Tensor) -> dict[str, Tensor]:
        found, x = {}, source.entry(x)
        for name, convolution in zip(source.names, source.convolutions, strict=True):
            if name.endswith("_1") and found:
                x = F.avg_pool2d(x, 2, ceil_mode=True)
            x = F.relu(F.conv2d(x, convolution.weight, convolution.bias, padding=1))
            found[name] = x
        return found

    def gram(x: Tensor) -> Tensor:
        flat = x.flatten(2)[0]
        return flat @ flat.T / flat.shape[1]

    with torch.no_grad():
        wanted, content = features(painting), features(photo)["relu4_2"]
    x = photo.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=20, max_eval=20, tolerance_change=0, tolerance_grad=0)
    expected: list[float] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        found = features(x)
        loss = 0.5 * (found["relu4_2"] - content).square().mean()
        for name in names:
            loss = loss + 1000 / 5 / 4 * (gram(found[name]) - gram(wanted[name])).square().mean()
        loss.backward()
        expected.append(float(loss.detach()))
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    recipe = RECIPES["gatys2016"]
    assert (recipe.start, recipe.pyramid, recipe.iterations) == ("photo", 1, 300)
    ours: list[float] = []

    def show(level: Level, step: int, fraction: float, terms: dict[str, float], picture: Tensor) -> bool:
        ours.append(terms["total"])
        return True

    net = shipped_vgg(recipe.pooling, recipe.padding).double()
    objective = Objective(net, recipe, photo, [StyledRegion([(painting, 1.0)])])
    descent.descend([Level(84, 60, 20)], lambda _: objective, photo, recipe, show)
    assert len(ours) == 20
    assert expected[-1] < expected[0] / 10
    assert ours == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("optimizer", "rate", "error"), [("lbfgs", 1.0, 1e-3), ("adam", 0.03, 0.05), ("sgd", 0.003, 0.08)]
)
def test_optimizers_find_the_bottom(optimizer: str, rate: float, error: float) -> None:
    recipe = replace(DEFAULT, optimizer=optimizer, learning_rate=rate, tolerance=0.0)
    bowl = Bowl()
    picture, seen = descend(recipe, bowl, 120)
    assert float((picture - bowl.center).abs().mean()) < error
    assert seen[-1] < seen[0] / 50


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
def test_a_step_that_fails_is_taken_back(optimizer: str) -> None:
    recipe = replace(DEFAULT, optimizer=optimizer, tolerance=0.0)
    bowl = Bowl(fail_at=(5, 6, 20))
    picture, seen = descend(recipe, bowl, 80)
    assert 60 < len(seen) <= 77
    assert all(math.isfinite(loss) for loss in seen)
    assert torch.isfinite(picture).all()
    assert seen[-1] < seen[0] / 5


def test_sgd_halves_a_rate_that_is_too_large() -> None:
    _, seen = descend(replace(DEFAULT, optimizer="sgd", learning_rate=1.0, tolerance=0.0), Bowl())
    assert min(seen) < seen[0] / 5


def test_losses_that_are_never_finite_are_said() -> None:
    with refused(TrainingError, "not-finite"):
        descend(DEFAULT, Bowl(fail_at=(1,)))


def test_a_flat_loss_ends_the_scale() -> None:
    _, seen = descend(replace(DEFAULT, tolerance=0.01), Bowl(floor=1.0), 500)
    assert 20 < len(seen) < 100
