"""Recipes for the training of an enlarger, and the named ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from impasto.nn.layers import weigh
from impasto.settings import find, setting
from impasto.training.descent import Descent
from impasto.training.recipe import NetworkName

Scale = Literal[2, 3, 4]


@dataclass(frozen=True)
class EnlargerRecipe(Descent):
    """The network, the making of small pictures, the losses of the two stages, and the descent.

    Attributes:
        width, blocks: size of the network: see `impasto.nn.enlarge_net.EnlargerForm`.
        size: side of the large crops in pixels.
        blurred: share of the small pictures that are blurred before the bicubic reduction.
        blur: standard deviation of that blur in large pixels. Johnson et al. 2016 blur all pictures by 1.
        wild: share of the small pictures that resemble everyday files, by chains of resampling, noise and JPEG.
        pixel_iterations: steps of the first stage, which minimizes the pixel loss alone. `iterations` includes them.
        loss_network, feature_layers, relative: as for styles: see `impasto.training.recipe.TrainingRecipe`.
        pixel_weight: weight of the mean absolute difference of pixels.
        feature_weight: weight of the mean squared difference of features.
        lattice_weight: weight of patterns that repeat on the network's own grid. Feature losses alone cause them:
            see `impasto.nn.losses.lattice`.
        adversarial_weight: weight of the adversarial loss: see `impasto.nn.critic`.
    """

    iterations: int = setting(40_000, "Steps of the optimizer.", 1, 10_000_000)
    size: int = setting(192, "Side of the large crops in pixels.", 96, 2048)
    batch_size: int = setting(8, "Pictures in a step, over all processes.", 1, 1024)
    learning_rate: float = setting(2e-3, "The learning rate.", 1e-8, 10)
    width: int = setting(32, "Channels of the network's convolutions.", 8, 64)
    blocks: int = setting(2, "Residual blocks.", 1, 16)
    blurred: float = setting(0.1, "Share of small pictures that are blurred before the reduction.", 0, 1)
    blur: float = setting(1.0, "Standard deviation of that blur, in pixels of the large picture.", 0.1, 10)
    wild: float = setting(0.3, "Share of small pictures made by chains of resampling, noise and JPEG.", 0, 1)
    pixel_iterations: int = setting(20_000, "Steps of the first stage, which compares pixels only.", 0, 10_000_000)
    loss_network: NetworkName = setting("vgg19", "The network whose features are compared.")
    feature_layers: tuple[str, ...] = setting(("relu2_2", "relu3_2"), "Layers of the feature loss.")
    pixel_weight: float = setting(1.0, "Weight of the pixel loss.", 0, 1e9)
    lattice_weight: float = setting(1000.0, "Weight of patterns that repeat on the network's own grid.", 0, 1e9)
    feature_weight: float = setting(0.06, "Weight of the feature loss in the second stage.", 0, 1e9)
    adversarial_weight: float = setting(0.0, "Weight of the adversarial loss in the second stage.", 0, 1e9)
    relative: bool = setting(True, "Divide the feature loss by its target's energy.")

    def __post_init__(self) -> None:
        super().__post_init__()
        weigh(self.feature_layers)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step. It rises and falls in each stage. The second stage uses a quarter."""
        first = min(self.pixel_iterations, self.iterations)
        if step < first:
            return self._rate(step, first)
        return self._rate(step - first, self.iterations - first) / 4


DEFAULT = EnlargerRecipe()

RECIPES: dict[str, EnlargerRecipe] = {
    "default": DEFAULT,
    # The first stage alone: pixels as close as possible.
    "pixels": replace(DEFAULT, iterations=20_000),
    # Johnson et al. 2016: relu2_2 of VGG-16 alone, 288 x 288, batches of 4, 200,000 steps at a constant 1e-3; pictures
    # blurred by 1 and reduced.
    "johnson2016": replace(
        DEFAULT,
        iterations=200_000,
        size=288,
        batch_size=4,
        learning_rate=4e-3,  # the second stage uses a quarter of it
        warmup=0,
        decay="none",
        clip=1e9,
        ema=0.0,
        blurred=1.0,
        wild=0.0,
        pixel_iterations=0,
        loss_network="vgg16",
        feature_layers=("relu2_2",),
        pixel_weight=0.0,
        feature_weight=1.0,
        lattice_weight=0.0,
        relative=False,
    ),
}


def find_recipe(recipe: str | EnlargerRecipe) -> EnlargerRecipe:
    """Return a recipe by its name.

    Raises:
        UsageError: no recipe has this name.
    """
    return find(RECIPES, recipe, "recipe")
