"""The losses of learning one painting: distances from the painting and from the photographs.

The style loss compares Gram matrices at four layers of a max-pooling VGG-19. Each layer's distance is divided by that
of the unpainted photographs. A second style loss compares the pixels themselves (`Bands`).

The content loss compares shapes, at relu3_3. For a bold style it compares edges and tones, at relu2_2, as PyTorch's
fast style transfer does. Motifs of the painting may then fill plain areas. A bold style's colors are compared, too, and
its edges must not prefer the network's grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.nn.losses import (
    blemishes,
    blocks,
    color_loss,
    energy,
    gram,
    mean_content_loss,
    random_colors,
    random_directions,
)
from impasto.nn.vgg import perceptual_vgg

STYLE = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
GENTLE, BOLD = "relu3_3", "relu2_2"  # layers of the content loss
LATTICE = 8  # side of a window, in cells of the network's grid


class Perception:
    """The losses of painted pictures.

    Args:
        painting: 1 x 3 x H x W, 0..1, at the size of `learn.Plan`.
        photos: N x 3 x H x W, 0..1. Their distance from the painting is the unit of the style loss. Their energy is the
            unit of the content loss at relu2_2.
        grid: period in pixels of the painting network's own lattice.
        fine: 0..1: the share of relu2_2 in the content loss. Above 0, colors and blocks count, too.
    """

    def __init__(self, painting: Tensor, photos: Tensor, grid: int, fine: float = 0.0) -> None:
        self.grid, self.painting = grid, painting
        self.shares = {layer: share for layer, share in ((GENTLE, 1 - fine), (BOLD, fine)) if share}
        self.loss_net = perceptual_vgg(painting.device, "max", "replicate")
        with torch.no_grad():
            self.targets = self.loss_net(painting, STYLE, lambda _, features: gram(features))
        self.energy: dict[str, Tensor] = {}

        def see(layer: str, features: Tensor) -> Tensor:
            self.energy[layer] = energy(features)
            return (gram(features) - self.targets[layer]).square().mean()

        with torch.no_grad():
            self.apart = self.loss_net(photos, STYLE, see)
        self.bands = Bands(painting, photos)

    def content(self, photos: Tensor) -> dict[str, Tensor]:
        """Return the features of photographs for the content loss by layer, N x C x h x w each."""
        with torch.no_grad():
            return self.loss_net(photos, list(self.shares))

    def content_loss(self, painted: Tensor, content: Mapping[str, Tensor]) -> float:
        """Return the content loss alone. The arguments are those of a call."""
        return float(sum(self._lost(layer, now, content) for layer, now in self.content(painted).items()))

    def _lost(self, layer: str, now: Tensor, content: Mapping[str, Tensor]) -> Tensor:
        """Return a layer's part of the content loss.

        At `GENTLE` the unit is each photo's own energy. At `BOLD` it is the energy of all photographs: in units of its
        own, a motif in a plain photo would cost much, and the details of a busy one little.
        """
        if layer == GENTLE:
            return self.shares[layer] * mean_content_loss(now, content[layer])
        return self.shares[layer] * mean_content_loss(now, content[layer], relative=False) / self.energy[layer]

    def __call__(self, painted: Tensor, content: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the losses content, style, bands, variation, lattice and range, for bold styles also color and blocks.

        Color is the distance between the colors of random pixels of the pictures and of the painting.

        Args:
            painted: N x 3 x H x W.
            content: the result of `content` for their photographs.
        """
        found = {name: painted.new_zeros(()) for name in ("style", "content")}

        def see(layer: str, now: Tensor) -> Tensor:
            distance = (gram(now) - self.targets[layer]).square().mean() / self.apart[layer]
            found["style"] = found["style"] + distance / len(STYLE)
            if layer in self.shares:
                found["content"] = found["content"] + self._lost(layer, now, content)
            return distance

        self.loss_net(painted, STYLE, see)
        found["bands"] = self.bands(painted)
        if BOLD in self.shares:
            colors = random_colors(painted), random_colors(self.painting)
            found["color"] = color_loss(*colors, random_directions(painted.device)).mean()
            found["blocks"] = blocks(painted, self.grid)
        return found | blemishes(painted, LATTICE, self.grid)


class Bands:
    """The distance of a picture's finest structure from that of a painting, measured without a loss network.

    A cosine transform divides each neighborhood of 3 x 3 pixels into nine bands for each color. The style is the Gram
    matrix of the bands, at full and at half size. Every band is divided by its strength in the painting, so that weak
    ones count. A network's first layers can resemble the painting while the pixels do not. This term prevents that.
    """

    def __init__(self, painting: Tensor, photos: Tensor) -> None:
        waves = torch.stack([torch.cos(math.pi * (torch.arange(3) + 0.5) * k / 3) for k in range(3)])
        waves = waves / waves.square().sum(1, keepdim=True).sqrt()
        kernels = torch.einsum("iy,jx->ijyx", waves, waves).reshape(9, 1, 3, 3)
        self.kernels = kernels.repeat(3, 1, 1, 1).to(painting.device)
        self.strength: list[Tensor] = []
        with torch.no_grad():
            for bands in self._bands(painting):
                self.strength.append(bands.square().mean((0, 2, 3), keepdim=True).sqrt().clamp_min(1e-3))
            self.targets = self._grams(painting)
            self.apart = [
                (found - target).square().mean()
                for found, target in zip(self._grams(photos), self.targets, strict=True)
            ]

    def __call__(self, pictures: Tensor) -> Tensor:
        """Return the distance, a scalar. 1 is the distance of the unpainted photographs."""
        found = zip(self._grams(pictures), self.targets, self.apart, strict=True)
        return torch.stack([(own - target).square().mean() / apart for own, target, apart in found]).mean()

    def _bands(self, pictures: Tensor) -> list[Tensor]:
        """Return the bands, N x 27 x H x W, at full and at half size."""
        return [F.conv2d(level - 0.5, self.kernels, groups=3) for level in (pictures, F.avg_pool2d(pictures, 2))]

    def _grams(self, pictures: Tensor) -> list[Tensor]:
        found = zip(self._bands(pictures), self.strength, strict=True)
        return [gram(bands / strength) for bands, strength in found]
