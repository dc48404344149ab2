"""Recipes for the training of a style network, and the named ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from impasto.nn.layers import weigh
from impasto.settings import find, setting
from impasto.training.descent import Descent

NetworkName = Literal["vgg19", "vgg16"]

_EXAMPLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
_EXAMPLE_CHANNELS = (64, 128, 256, 512)
# The example also divides a Gram matrix by the number of its channels.
_EXAMPLE_SCALES = [1 / channels**2 for channels in _EXAMPLE_CHANNELS]


@dataclass(frozen=True)
class TrainingRecipe(Descent):
    """The network, the losses and the descent.

    Attributes:
        width, blocks: size of the network: see `impasto.nn.transformer.Architecture`.
        style_size: longer side in pixels to which paintings are resized.
        loss_network: the built-in VGG-19, or VGG-16 in torchvision's format.
        content_layers, style_layers: names, each with an optional :WEIGHT. The weights of one loss are scaled to sum to
            1.
        content_weight, style_weight, variation_weight, stability_weight: weights of the losses in the total. Stability
            is the mean squared change of the painted picture when the photo is shifted or gets a little noise.
        relative: divide each loss by its target's energy, so that the weights mean the same for all styles and layers.
    Raises:
        UsageError: a value has the wrong type or is out of its range.
    """

    width: int = setting(32, "Channels of the network's first convolution; 16 is the light form.", 4, 128)
    blocks: int = setting(5, "Residual blocks.", 1, 16)
    style_size: int = setting(384, "Longer side in pixels to which paintings are resized.", 64, 4096)
    loss_network: NetworkName = setting("vgg19", "The network whose features are compared.")
    content_layers: tuple[str, ...] = setting(("relu3_1", "relu4_1"), "Layers of the content loss.")
    style_layers: tuple[str, ...] = setting(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), "Layers of the style loss.")
    content_weight: float = setting(1.0, "Weight of the content loss.", 0, 1e9)
    style_weight: float = setting(5.0, "Weight of the style loss.", 0, 1e12)
    variation_weight: float = setting(0.05, "Weight of the total variation.", 0, 1e9)
    stability_weight: float = setting(0.0, "Weight of the stability under small shifts and noise.", 0, 1e9)
    relative: bool = setting(True, "Divide each loss by its target's energy.")

    def __post_init__(self) -> None:
        super().__post_init__()
        weigh(self.content_layers)
        weigh(self.style_layers)


DEFAULT = TrainingRecipe()

RECIPES: dict[str, TrainingRecipe] = {
    "default": DEFAULT,
    # Half the channels: 42 k multiply-adds a pixel instead of 154 k.
    "light": replace(DEFAULT, width=16),
    # Johnson et al. 2016 with the numbers of PyTorch's fast_neural_style example: VGG-16, a constant rate, the last
    # weights, practically no clipping. The mean squared error counts 1e5 times for content, 1e10 times for styles.
    "johnson2016": replace(
        DEFAULT,
        loss_network="vgg16",
        content_layers=("relu2_2",),
        style_layers=tuple(f"{layer}:{scale!r}" for layer, scale in zip(_EXAMPLE_LAYERS, _EXAMPLE_SCALES, strict=True)),
        content_weight=1e5,
        style_weight=1e10 * sum(_EXAMPLE_SCALES),
        variation_weight=0.0,
        relative=False,
        iterations=40_000,
        style_size=512,
        warmup=0,
        decay="none",
        clip=1e9,
        ema=0.0,
    ),
}


def find_recipe(recipe: str | TrainingRecipe) -> TrainingRecipe:
    """Return a recipe by its name.

    Raises:
        UsageError: no recipe has this name.
    """
    return find(RECIPES, recipe, "recipe")
