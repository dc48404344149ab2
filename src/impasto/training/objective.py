"""The objective of a style network: the perceptual losses of a batch (Johnson et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.nn.layers import weigh
from impasto.nn.losses import gram, mean_content_loss, total_variation
from impasto.nn.vgg import VGG
from impasto.training.job import Terms
from impasto.training.recipe import TrainingRecipe

_TINY = 1e-12
_SHIFT = 2  # pixels
_NOISE = 2 / 255


class TrainingObjective:
    """The content, style and variation losses of painted pictures. Each style's target is its painting.

    A target consists of the painting's Gram matrices. A style's loss at a layer is divided by the painting's own energy
    there, so that one weight suits all styles.

    Args:
        net: the loss network, on the device and in the type for convolutions.
        recipe: layers and weights.
        paintings: 1 x 3 x H x W each, 0..1, any sizes.
    Raises:
        UsageError: the network has no layer of that name.
    """

    def __init__(self, net: VGG, recipe: TrainingRecipe, paintings: Sequence[Tensor]) -> None:
        self.net, self.recipe = net, recipe
        self.content = weigh(recipe.content_layers) if recipe.content_weight else {}
        self.style = weigh(recipe.style_layers) if recipe.style_weight else {}
        self.layers = list(dict.fromkeys([*self.content, *self.style]))
        self.targets: dict[str, Tensor] = {}
        self.scales: dict[str, Tensor] = {}
        if self.style:
            with torch.no_grad():
                found = [net(painting, list(self.style), lambda _, features: gram(features)) for painting in paintings]
            for layer in self.style:
                target = torch.cat([grams[layer] for grams in found])  # K C C
                power = target.square().mean((1, 2)).clamp_min(_TINY)
                self.targets[layer] = target
                self.scales[layer] = 1 / power if recipe.relative else torch.ones_like(power)

    def __call__(self, painted: Tensor, photos: Tensor, styles: Tensor) -> Terms:
        """Return the weighted losses, a scalar each.

        Args:
            painted, photos: N x 3 x H x W.
            styles: N indices of paintings.
        """
        terms: Terms = {}
        zero = painted.new_zeros(())
        if self.content:
            with torch.no_grad():
                wanted = self.net(photos, list(self.content))
            terms["content"] = zero
        if self.style:
            terms["style"] = zero

        def see(layer: str, features: Tensor) -> Tensor:
            if layer in self.content:
                loss = mean_content_loss(features, wanted[layer], relative=self.recipe.relative)
                terms["content"] = terms["content"] + self.recipe.content_weight * self.content[layer] * loss
            if layer in self.style:
                distance = (gram(features) - self.targets[layer][styles]).square().mean((1, 2))  # N
                loss = (distance * self.scales[layer][styles]).mean()
                terms["style"] = terms["style"] + self.recipe.style_weight * self.style[layer] * loss
            return zero

        if self.layers:
            self.net(painted, self.layers, see)
        if self.recipe.variation_weight:
            terms["variation"] = self.recipe.variation_weight * total_variation(painted)
        return terms


def disturbed(photos: Tensor, generator: torch.Generator) -> tuple[Tensor, tuple[int, int]]:
    """Shift photographs by up to two pixels and add a little noise. Return them and the shift, down and right.

    Frames of a video differ in such ways. If the painted picture changes more than the photo, the video flickers. This
    is the stability loss of Gupta et al. 2017 without their recurrence.

    Args:
        photos: N x 3 x H x W.
    """
    down, right = (int(step) for step in torch.randint(-_SHIFT, _SHIFT + 1, (2,), generator=generator))
    noise = torch.randn(photos.shape, generator=generator).to(photos.device)
    padded = F.pad(photos, (_SHIFT,) * 4, mode="replicate")
    height, width = photos.shape[-2:]
    moved = padded[..., _SHIFT - down : _SHIFT - down + height, _SHIFT - right : _SHIFT - right + width]
    return (moved + _NOISE * noise).clamp(0, 1), (down, right)


def stability(painted: Tensor, other: Tensor, shift: tuple[int, int]) -> Tensor:
    """Return the mean squared difference of two painted pictures where they overlap, a scalar.

    The second is painted from the photo moved by `shift`.
    """
    down, right = shift
    height, width = painted.shape[-2:]
    border = 8  # pixels near the border depend on parts that only one of the pictures shows
    rows, columns = slice(border, height - border), slice(border, width - border)
    there = other[..., border + down : height - border + down, border + right : width - border + right]
    return (painted[..., rows, columns] - there).square().mean()


def unsteadiness(
    paint: Callable[[Tensor], Tensor], photos: Tensor, painted: Tensor, rng: np.random.Generator, shift: int = 4
) -> Tensor:
    """Return how much the result changes if photographs are shifted cyclically and get a little noise, a scalar.

    Args:
        photos, painted: N x 3 x H x W: the photographs, and the result of `paint` for them.
        shift: largest shift in pixels.
    """
    down, right = (int(step) for step in rng.integers(-shift, shift + 1, size=2))
    other = torch.roll(photos, (down, right), (2, 3))
    other = paint(other + _NOISE * torch.randn_like(other))
    back = torch.roll(other, (-down, -right), (2, 3))
    return (back - painted)[..., 8:-8, 8:-8].square().mean()
