"""Recipes: the losses that the slow engine minimizes, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from impasto.errors import UsageError
from impasto.nn.layers import weigh
from impasto.settings import check, find, setting

StyleLossName = Literal["gram", "moments", "wasserstein"]
OptimizerName = Literal["lbfgs", "adam", "sgd"]
Schedule = Literal["constant", "cosine"]
PoolingName = Literal["max", "average"]
PaddingName = Literal["zeros", "reflect", "replicate"]

STEPS: dict[str, float] = {"lbfgs": 1.0, "adam": 0.03, "sgd": 0.01}
"""The default learning rate of each optimizer."""


@dataclass(frozen=True)
class Recipe:
    """Set the losses, their weights, the loss network and the optimizer of the slow engine.

    Layers can have weights: "relu4_1:0.5". The weights of one loss's layers are scaled to a sum of 1.

    Attributes:
        content_layers, style_layers, histogram_layers: relu1_1 to relu5_1, or other layers of the loss network.
        style_loss: the statistics of a layer to match: Gram matrix, mean and deviation, or mean and covariance.
        content_weight, style_weight, histogram_weight, variation_weight: 0..1e9, factors in the sum of the losses.
        relative: divide each loss by its target's energy, so that weights have the same meaning for all layers and
            styles.
        pooling, padding: of the loss network.
        optimizer: L-BFGS, Adam with averaged iterates, or gradient descent with momentum.
        learning_rate: None uses the optimizer's default.
        bounded: clamp pixels to 0..1 at every step. Adam and SGD always do.
        schedule: "cosine" lowers the learning rate towards the end of each scale.
        iterations: evaluations of the losses, over all scales.
        start: "painter" (the fast engine's picture), "painter:0.25" (that share of it, blended with the photo in the
            style's colors), "style" (the photo in the style's colors), "photo", "noise", "mix" or "mix:0.3" (the photo
            with that share of noise), or a picture file.
        largest: the largest longer side, in pixels, that is optimized. Larger photos are reduced to it, and the result
            is enlarged octave by octave (`impasto.painting.octaves`).
        pyramid: 1..4, the factor between scales, coarse to fine. At 1 only the last size is optimized.
        coarsest: the least shorter side of the coarsest scale, in pixels.
        tolerance: end a scale when the loss has fallen by less than this share in twenty evaluations.
        style_scales: sizes of the painting, relative to its usual size, that are matched at the same time.
    Raises:
        UsageError: a value has the wrong type or is out of its range.

    >>> impasto.Recipe(content_weight=0.5, iterations=100).layers()
    ['relu4_2', 'relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1']
    """

    content_layers: tuple[str, ...] = setting(("relu4_2",), "Layers of the content loss.")
    style_layers: tuple[str, ...] = setting(
        ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), "Layers of the style loss; LAYER:WEIGHT sets a weight."
    )
    style_loss: StyleLossName = setting("gram", "Statistics of the style to match.")
    content_weight: float = setting(1.0, "Weight of the content loss.", 0, 1e9)
    style_weight: float = setting(10.0, "Weight of the style loss.", 0, 1e9)
    histogram_layers: tuple[str, ...] = setting(("relu1_1", "relu4_1"), "Layers of the histogram loss.")
    histogram_weight: float = setting(0.0, "Weight of the histogram loss.", 0, 1e9)
    variation_weight: float = setting(0.1, "Weight of the total variation.", 0, 1e9)
    relative: bool = setting(True, "Divide each loss by its target's energy.")
    pooling: PoolingName = setting("average", "Pooling of the loss network.")
    padding: PaddingName = setting("replicate", "Padding of the loss network.")
    optimizer: OptimizerName = setting("lbfgs", "The optimizer.")
    learning_rate: float | None = setting(None, "Learning rate; default: the optimizer's own.", 1e-6, 1e6)
    bounded: bool = setting(True, "Clamp pixels to 0..1 at every step.")
    schedule: Schedule = setting("constant", "Schedule of the learning rate; cosine lowers it towards the end.")
    iterations: int = setting(400, "Evaluations of the losses, over all scales.", 1, 100_000)
    start: str = setting(
        "painter:0.25", "painter, painter:SHARE, photo, noise, style, mix:SHARE of noise, or a picture file."
    )
    largest: int = setting(
        1024,
        "Largest longer side in pixels to optimize; larger pictures are enlarged from it, octave by octave.",
        64,
        100_000,
    )
    pyramid: float = setting(math.sqrt(2), "Factor between scales; 1 optimizes the last size alone.", 1, 4)
    coarsest: int = setting(160, "Shorter side of the coarsest scale in pixels.", 16, 10_000)
    tolerance: float = setting(0.002, "End a scale that improves by less than this share in 20 evaluations.", 0, 1)
    style_scales: tuple[float, ...] = setting((1.0,), "Relative sizes of the painting to match at the same time.")

    def __post_init__(self) -> None:
        check(self)
        for scale in self.style_scales:
            if not 0.1 <= scale <= 4:
                raise UsageError(f"style scale {scale:g} is not in 0.1..4", code="out-of-range")
        for name in ("content_layers", "style_layers", "histogram_layers"):
            weigh(getattr(self, name))

    @property
    def step(self) -> float:
        return STEPS[self.optimizer] if self.learning_rate is None else self.learning_rate

    def layers(self) -> list[str]:
        """Return every layer that a loss of this recipe uses."""
        wanted = [*weigh(self.content_layers)] if self.content_weight else []
        wanted += weigh(self.style_layers) if self.style_weight else []
        wanted += weigh(self.histogram_layers) if self.histogram_weight else []
        return list(dict.fromkeys(wanted))


DEFAULT = Recipe()

RECIPES: dict[str, Recipe] = {
    "default": DEFAULT,
    # Gatys et al. 2016: eq. 4, 5 and 7 with losses averaged over positions, alpha / beta = 1e-3, one scale, L-BFGS.
    "gatys2016": replace(
        DEFAULT,
        content_weight=0.5,
        style_weight=1000 / 4,
        variation_weight=0.0,
        bounded=False,
        relative=False,
        padding="zeros",
        start="photo",
        pyramid=1.0,
        iterations=300,
        tolerance=0.0,
    ),
    "wasserstein": replace(DEFAULT, style_loss="wasserstein", style_weight=5.0),
    "fast": replace(
        DEFAULT,
        style_layers=("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
        content_layers=("relu4_1",),
        iterations=100,
        pyramid=2.0,
        tolerance=0.005,
    ),
    "faithful": replace(DEFAULT, content_weight=4.0, content_layers=("relu3_1", "relu4_2")),
}


def find_recipe(recipe: str | Recipe) -> Recipe:
    """Return a recipe by its name. Return a `Recipe` unchanged.

    Raises:
        UsageError: there is no such recipe.
    """
    return find(RECIPES, recipe, "recipe")
