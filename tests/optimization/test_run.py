"""The optimiser as a library: what it minimises, its controls, its starts, its way down."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import file_bytes, scene
from torch import Tensor

import impasto
from impasto.errors import PictureError, StyleError, UsageError
from impasto.nn.vgg import shipped_vgg
from impasto.optimization import descent, pyramid
from impasto.optimization.objective import Ground, Objective
from impasto.optimization.optimizers import LBFGS, SGD, Adam, Optimizer
from impasto.optimization.pyramid import Level
from impasto.optimization.recipe import DEFAULT, RECIPES, Recipe, weigh
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.system.files import ASSETS
from impasto.system.memory import free_memory

QUICK = replace(DEFAULT, iterations=8, start="photo", pyramid=1.0)


def tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32))


def total(photo: Picture, style: Picture, result: Picture) -> float:
    """The style term that a picture has, in float32."""
    recipe = replace(DEFAULT, content_weight=0.0, variation_weight=0.0)
    objective = Objective(shipped_vgg("average"), recipe, tensor(photo.pixels), [Ground([(tensor(style.pixels), 1.0)])])
    with torch.no_grad():
        return float(objective.terms(tensor(result.pixels))["total"])


@pytest.fixture
def pair(photo: Path, painting: Path) -> tuple[Picture, Picture]:
    return Picture.open(photo), Picture.open(painting)


# The method


def test_gatys2016_is_gatys_2016() -> None:
    """Losses of 20 evaluations against the paper's method written plainly, with PyTorch's own L-BFGS.

    In float64: in float32 the two drift apart by rounding alone, tenfold with every few steps.
    """
    pixels = Picture.open(ASSETS / "samples" / "colosseum.jpg").resized(112, 80).pixels
    photo = tensor(pixels).double()
    painting = tensor(0.15 + 0.7 * pixels[::-1, ::-1, [0, 2, 1]]).double()
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
    objective = Objective(net, recipe, photo, [Ground([(painting, 1.0)])])
    descent.descend([Level(112, 80, 20)], lambda _: objective, photo, recipe, show)
    assert len(ours) == 20
    assert expected[-1] < expected[0] / 10
    assert ours == pytest.approx(expected, rel=1e-4)


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


def test_losses_do_not_depend_on_the_size() -> None:
    """Four copies of photo, painting and result, which fit together: every term is as it was, but for the borders."""
    pictures = []
    for seed, reach in ((1, 3), (2, 9), (3, 5)):
        noise = np.random.default_rng(seed).normal(size=(128, 160, 3))
        noise = sum(np.roll(noise, (i, j), (0, 1)) for i in range(reach) for j in range(4)) / (2 * reach)
        pictures.append((0.5 + 0.2 * noise).clip(0, 1).astype(np.float32))
    found = []
    for copies in (1, 2):
        photo, style, result = (tensor(np.tile(picture, (copies, copies, 1))) for picture in pictures)
        # The deeper a layer, the more of so small a picture is border.
        recipe = replace(DEFAULT, content_layers=("relu3_1",), style_layers=("relu1_1", "relu2_1", "relu3_1"))
        objective = Objective(shipped_vgg("average"), recipe, photo, [Ground([(style, 1.0)])])
        with torch.no_grad():
            found.append({name: float(value) for name, value in objective.terms(result).items()})
    for term, value in found[0].items():
        assert found[1][term] == pytest.approx(value, rel=0.1), found


# Controls


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


def test_colour_and_tone_are_finished_as_the_painter_s(pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    kept = impasto.optimize(photo, painting, recipe=QUICK, keep_color="luminance").picture.pixels
    chroma = photo.pixels - photo.pixels @ np.array([0.299, 0.587, 0.114], np.float32)[:, None]
    ours = kept - kept @ np.array([0.299, 0.587, 0.114], np.float32)[:, None]
    assert np.corrcoef(chroma.ravel(), ours.ravel())[0, 1] > 0.9
    toned = impasto.optimize(photo, painting, recipe=QUICK, tone="match").picture.pixels
    assert abs(float(toned.mean()) - float(photo.pixels.mean())) < 0.02


def test_a_blend_s_target_is_the_weighted_mean_of_its_styles(pair: tuple[Picture, Picture]) -> None:
    net, photo = shipped_vgg("average"), tensor(pair[0].pixels)
    one, other = tensor(pair[1].pixels), tensor(scene(100, 90, seed=3).astype(np.float32) / 255)
    targets = [
        [
            loss.target
            for losses in Objective(net, DEFAULT, photo, [Ground(paintings)]).losses.values()
            for name, loss, _ in losses
            if name == "style"
        ]
        for paintings in ([(one, 1.0)], [(other, 1.0)], [(one, 0.25), (other, 0.75)])
    ]
    for first, second, both in zip(*targets, strict=True):
        torch.testing.assert_close(both, 0.25 * first + 0.75 * second)


def test_regions(pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    left = np.zeros((64, 96), np.uint8)
    left[:, :48] = 255
    result = impasto.optimize(photo, painting, regions=[(left, "none")], recipe=QUICK).picture
    assert np.array_equal(result.pixels[:, :40], photo.pixels[:, :40])
    assert np.abs(result.pixels[:, 56:] - photo.pixels[:, 56:]).mean() > 0.01
    grey = np.full((80, 80, 3), 0.9, np.float32)
    grey[::4] = 0.7
    split = impasto.optimize(photo, painting, regions=[(left, grey)], recipe=replace(QUICK, iterations=20)).picture
    spread = [float(half.std(axis=2).mean()) for half in (split.pixels[:, :40], split.pixels[:, 56:])]
    assert spread[0] < 0.7 * spread[1]  # the grey style's part has lost its colours


def test_brush_size_and_several_scales_are_other_styles(pair: tuple[Picture, Picture]) -> None:
    plain = impasto.optimize(*pair, recipe=QUICK).picture.pixels
    large = impasto.optimize(*pair, recipe=QUICK, brush_size=2).picture.pixels
    several = impasto.optimize(*pair, recipe=replace(QUICK, style_scales=(1.0, 0.5))).picture.pixels
    assert np.abs(plain - large).mean() > 0.01
    assert np.abs(plain - several).mean() > 0.001


# Starts


@pytest.mark.parametrize("start", ["painter", "painter:0.25", "photo", "noise", "style", "mix", "mix:0.2"])
def test_starts(start: str, pair: tuple[Picture, Picture]) -> None:
    seen: list[Picture] = []

    def stop(progress: Progress) -> bool:
        seen.append(progress.preview())
        return False

    result = impasto.optimize(*pair, recipe=replace(QUICK, start=start), on_progress=stop)
    assert result.stopped
    assert len(seen) == len(result.losses) == 1
    assert (start == "photo") == bool(np.allclose(seen[0].pixels, pair[0].pixels, atol=1e-3))
    assert np.array_equal(result.picture.pixels, seen[0].pixels)


def test_starting_from_a_picture(pair: tuple[Picture, Picture], tmp_path: Path) -> None:
    path = tmp_path / "before.png"
    first = impasto.optimize(*pair, recipe=QUICK)
    first.picture.save(path)
    second = impasto.optimize(*pair, recipe=replace(QUICK, start=str(path)))
    assert second.losses[0]["total"] < first.losses[1]["total"]
    assert "before" not in str(second.picture.made_with)


@pytest.mark.parametrize(
    ("start", "words"),
    [("nowhere", "no start"), ("mix:2", "no share"), ("mix:much", "no share"), ("painter:-1", "no share")],
)
def test_bad_starts(start: str, words: str, pair: tuple[Picture, Picture]) -> None:
    with pytest.raises(UsageError, match=words):
        impasto.optimize(*pair, recipe=replace(QUICK, start=start))


# Textures


def test_a_texture_has_the_style_and_tiles(painting: Path) -> None:
    recipe = replace(DEFAULT, iterations=25, variation_weight=0.0)
    result = impasto.texture(painting, 96, 64, tileable=True, recipe=recipe).picture
    assert (result.width, result.height) == (96, 64)
    steps = np.abs(np.diff(result.pixels, axis=1)).mean(axis=(0, 2))
    seam = np.abs(result.pixels[:, 0] - result.pixels[:, -1]).mean()
    assert seam < 2 * steps.mean()
    style = Picture.open(painting)
    assert np.abs(result.pixels.mean((0, 1)) - style.pixels.mean((0, 1))).max() < 0.1
    with pytest.raises(UsageError, match=r"multiples of 16  \(--size 96x64\)"):
        impasto.texture(painting, 100, 64, tileable=True, recipe=recipe)
    with pytest.raises(UsageError, match="cannot start from photo"):
        impasto.texture(painting, 96, 64, recipe=QUICK)
    with pytest.raises(UsageError, match="needs a style loss"):
        impasto.texture(painting, 96, 64, recipe=replace(DEFAULT, style_weight=0.0))


# What is refused


def test_refusals(pair: tuple[Picture, Picture]) -> None:
    photo, painting = pair
    with pytest.raises(UsageError, match="relu9_9 is no layer of VGG-19  \\(one of relu1_1"):
        impasto.optimize(photo, painting, recipe=replace(QUICK, style_layers=("relu9_9",)))
    with pytest.raises(UsageError, match="12 x 8 pixels are too few for relu5_1  \\(32 a side, or shallower layers\\)"):
        impasto.optimize(photo, painting, size=12)
    with pytest.raises(UsageError, match="is 60 x 70 pixels  \\(64 a side are needed\\)"):
        impasto.optimize(photo, painting.resized(60, 70), recipe=QUICK)
    with pytest.raises(UsageError, match="no recipe  \\(the recipes are default, gatys2016"):
        impasto.optimize(photo, painting, recipe="nothing")
    with pytest.raises(UsageError, match="sharpness is no control"):
        impasto.optimize(photo, painting, sharpness=3)
    with pytest.raises(UsageError, match="tpu is no device"):
        impasto.optimize(photo, painting, device="tpu")
    with pytest.raises(UsageError, match="float8 is no precision"):
        impasto.optimize(photo, painting, precision="float8")
    with pytest.raises(UsageError, match="all losses have the weight 0"):
        impasto.optimize(photo, painting, recipe=replace(QUICK, style_weight=0.0, content_weight=0.0))
    with pytest.raises(PictureError, match="there is no file"):
        impasto.optimize(photo, painting, recipe=QUICK, network="missing.pth")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": "newton"}, "optimizer 'newton' is unknown"),
        ({"style_weight": -1.0}, "style weight -1 is not in"),
        ({"style_weight": math.nan}, "style weight nan"),
        ({"iterations": "many"}, "iterations 'many' is no whole number"),
        ({"style_layers": ()}, "no style layers"),
        ({"style_layers": ("relu1_1:x",)}, "is no number"),
        ({"style_layers": ("relu1_1:0",)}, "sum to 0"),
        ({"style_layers": ("relu1_1:-1",)}, "not 0 or more"),
        ({"style_scales": (9.0,)}, "style scale 9"),
    ],
)
def test_bad_recipes(changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Recipe(**changes)  # type: ignore[arg-type]


def test_weights_of_layers() -> None:
    assert weigh(("relu1_1", "relu2_1:3")) == {"relu1_1": 0.25, "relu2_1": 0.75}


# The way down


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
    with pytest.raises(StyleError, match="not finite from the start"):
        descend(DEFAULT, Bowl(fail_at=(1,)))


def test_a_flat_loss_ends_the_scale() -> None:
    _, seen = descend(replace(DEFAULT, tolerance=0.01), Bowl(floor=1.0), 500)
    assert 20 < len(seen) < 100


@pytest.mark.parametrize("make", [lambda: LBFGS(), lambda: Adam(0.03), lambda: SGD(0.01)])
def test_state_goes_along_to_the_next_scale(make: object) -> None:
    optimizer: Optimizer = make()  # type: ignore[operator]
    x = torch.rand(1, 3, 8, 8)
    for _ in range(3):
        x = optimizer.propose(x, x - 0.5)
    optimizer.rescale(lambda picture: descent.resized(picture, (16, 16)), 2.0)
    larger = optimizer.propose(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16) / 4)
    assert larger.shape == (1, 3, 16, 16)
    if isinstance(optimizer, LBFGS):
        assert {tuple(moved.shape) for moved, _, _ in optimizer.pairs} == {(1, 3, 16, 16)}


def test_scales_and_their_evaluations() -> None:
    recipe = replace(DEFAULT, pyramid=2.0, coarsest=100, iterations=70)
    found = pyramid.levels(800, 400, recipe)
    assert [(level.width, level.height) for level in found] == [(200, 100), (400, 200), (800, 400)]
    assert [level.iterations for level in found] == [40, 20, 10]
    assert pyramid.levels(800, 400, replace(recipe, pyramid=1.0)) == [Level(800, 400, 70)]
    assert [level.iterations for level in pyramid.levels(800, 400, replace(recipe, iterations=2))] == [1, 1]
    tiles = pyramid.levels(208, 208, recipe, multiple=16)
    assert [(level.width, level.height) for level in tiles] == [(112, 112), (208, 208)] or tiles[0].width % 16 == 0


def test_memory_is_foreseen() -> None:
    layers = DEFAULT.layers()
    small, features_twice = pyramid.choose_memory(512, 512, layers, 19, 4, 16_000_000_000)
    assert not features_twice
    large, features_twice = pyramid.choose_memory(2048, 1536, layers, 19, 4, 16_000_000_000)
    assert features_twice
    assert small < large < 6_500_000_000
    with pytest.raises(
        PictureError, match=r"needs about \d+\.\d GB of memory, 4\.0 GB are free  \(--size \d+ fits\)"
    ) as e:
        pyramid.choose_memory(8000, 6000, layers, 19, 4, 4_000_000_000)
    side = int(e.value.hint.split()[1])
    need, _ = pyramid.choose_memory(side, side * 3 // 4, layers, 19, 4, 4_000_000_000)
    assert need < 4_000_000_000
    assert free_memory() is None or free_memory() > 0  # type: ignore[operator]


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
