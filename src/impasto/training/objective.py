"""What a style network is trained to minimize: the perceptual losses of a batch (Johnson et al. 2016)."""

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
    """Content, style and variation of painted pictures, each style against its own painting's Gram matrices.

    A style's loss at a layer is divided by that painting's own energy there, so that one weight does for all styles.

    Args:
        net: the loss network, on the device and in the type that convolutions are computed in.
        recipe: layers and weights.
        paintings: 1 x 3 x H x W each, 0..1, any sizes.
    Raises:
        UsageError: a layer that the network has not.
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
        """The weighted terms, a scalar each.

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
    """Photographs shifted by up to two pixels, with a little noise; and the shift, down and right.

    A video's frames differ in such ways, and a picture that then changes more than the photo did flickers (the
    stability loss of Gupta et al. 2017 without their recurrence).

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
    """Mean squared difference of two painted pictures, the second of the photo moved by `shift`, where both show it.

    A scalar.
    """
    down, right = shift
    height, width = painted.shape[-2:]
    border = 8  # what comes in at the border has no counterpart, and neither has what saw it
    rows, columns = slice(border, height - border), slice(border, width - border)
    there = other[..., border + down : height - border + down, border + right : width - border + right]
    return (painted[..., rows, columns] - there).square().mean()


def unsteadiness(
    paint: Callable[[Tensor], Tensor], photos: Tensor, painted: Tensor, rng: np.random.Generator, shift: int = 4
) -> Tensor:
    """How much else is painted for photographs that are shifted, around their borders, and a little noisy. A scalar.

    Args:
        photos, painted: N x 3 x H x W, and what `paint` makes of them.
        shift: pixels, at most.
    """
    down, right = (int(step) for step in rng.integers(-shift, shift + 1, size=2))
    other = torch.roll(photos, (down, right), (2, 3))
    other = paint(other + _NOISE * torch.randn_like(other))
    back = torch.roll(other, (-down, -right), (2, 3))
    return (back - painted)[..., 8:-8, 8:-8].square().mean()
