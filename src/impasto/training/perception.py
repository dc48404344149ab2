"""How near pictures are to a painting and to their photographs, while that painting is learned.

The style loss compares Gram matrices at the second layer of every block of a max-pooling VGG-19. Each layer's distance
is divided by that of the untouched photographs. A second style loss looks at the pixels themselves (`Bands`).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.nn.losses import blemishes, gram, mean_content_loss
from impasto.nn.vgg import perceptual_vgg

STYLE = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT = "relu3_3"
LATTICE = 8  # places of the network's grid on a window's side


class Perception:
    """The losses of painted pictures.

    Args:
        painting: 1 x 3 x H x W, 0..1, at the size at which results are looked at.
        photos: N x 3 x H x W, 0..1; their distance from the painting is 1.
        grid: pixels after which the lattice of the network that paints repeats.
    """

    def __init__(self, painting: Tensor, photos: Tensor, grid: int) -> None:
        self.grid = grid
        self.loss_net = perceptual_vgg(painting.device, "max", "replicate")
        self.targets = self._grams(painting)
        self.apart = {
            layer: (found - self.targets[layer]).square().mean() for layer, found in self._grams(photos).items()
        }
        self.bands = Bands(painting, photos)

    def content(self, photos: Tensor) -> Tensor:
        """The features of photographs that the content loss compares, N x C x h x w."""
        with torch.no_grad():
            return self.loss_net(photos, [CONTENT])[CONTENT]

    def content_loss(self, painted: Tensor, content: Tensor) -> float:
        """The content loss alone; arguments as for a call."""
        return float(mean_content_loss(self.content(painted), content))

    def __call__(self, painted: Tensor, content: Tensor) -> dict[str, Tensor]:
        """Content, style and bands, and what no picture should have: variation, a lattice, values out of range.

        Args:
            painted: N x 3 x H x W.
            content: what `content` gives for their photographs.
        """
        found = {"style": painted.new_zeros(())}

        def see(layer: str, now: Tensor) -> Tensor:
            distance = (gram(now) - self.targets[layer]).square().mean() / self.apart[layer]
            found["style"] = found["style"] + distance / len(STYLE)
            if layer == CONTENT:
                found["content"] = mean_content_loss(now, content)
            return distance

        self.loss_net(painted, STYLE, see)
        found["bands"] = self.bands(painted)
        return found | blemishes(painted, LATTICE, self.grid)

    def _grams(self, pictures: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            return self.loss_net(pictures, STYLE, lambda _, features: gram(features))


class Bands:
    """How far the finest structure of pictures is from a painting's, whatever a loss network makes of it.

    Neighbourhoods of 3 x 3 pixels are divided into the nine bands of a cosine transform, for each color. The style is
    the bands' Gram matrix, at full and at half size. Every band is divided by its strength in the painting, so that the
    weak ones count. A network's first layers can come near the painting while the pixels do not; this term prevents it.
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
        """A scalar; 1 is the untouched photographs' distance."""
        found = zip(self._grams(pictures), self.targets, self.apart, strict=True)
        return torch.stack([(own - target).square().mean() / apart for own, target, apart in found]).mean()

    def _bands(self, pictures: Tensor) -> list[Tensor]:
        """N x 27 x H x W at full and at half size."""
        return [F.conv2d(level - 0.5, self.kernels, groups=3) for level in (pictures, F.avg_pool2d(pictures, 2))]

    def _grams(self, pictures: Tensor) -> list[Tensor]:
        found = zip(self._bands(pictures), self.strength, strict=True)
        return [gram(bands / strength) for bands, strength in found]
