"""Critics: networks that judge each patch of a picture as real or made (Isola et al. 2017: PatchGAN)."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

LAYERS = {1: 0, 16: 1, 34: 2, 70: 3}
"""{side of a patch in pixels: number of convolutions between the first and the last}. Side 1 has 1 x 1 convolutions."""


class PatchGAN(nn.Module):
    """Convolutions 4 x 4 with instance normalization (Isola et al. 2017, section 6.1.2); 1 x 1 for single pixels.

    Args:
        patch: side, in pixels, of the patch behind one number: 70 as published, or another of `LAYERS`.
        width: channels of the first convolution: 64 as published.
        channels: of the input: 3, or 6 for a picture and its condition.
    """

    def __init__(self, patch: int = 70, width: int = 64, channels: int = 3) -> None:
        super().__init__()
        strided = LAYERS[patch]
        if patch == 1:
            sizes = [(channels, width, 1, 1), (width, 2 * width, 1, 1)]
        else:
            widths = [min(2**index, 8) * width for index in range(strided + 1)]
            sizes = [(channels, width, 4, 2)]
            sizes += [(i, o, 4, 2) for i, o in pairwise(widths)][: strided - 1]
            sizes += [(widths[strided - 1], widths[strided], 4, 1)]
        self.layers = nn.ModuleList(_judging(*size) for size in sizes)
        last = sizes[-1][1]
        self.verdict = _judging(last, 1, 1 if patch == 1 else 4, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Convert N x C x H x W, 0..1, to a number for each patch, N x 1 x h x w."""
        x = 2 * pictures - 1
        for index, layer in enumerate(self.layers):
            x = layer(x)
            x = F.leaky_relu(F.instance_norm(x) if index else x, 0.2)
        verdict: Tensor = self.verdict(x)
        return verdict


def _judging(cin: int, cout: int, kernel: int, stride: int) -> nn.Conv2d:
    layer = nn.Conv2d(cin, cout, kernel, stride, padding=1 if kernel > 1 else 0)
    nn.init.normal_(layer.weight, std=0.02)  # as published
    return layer


class PatchCritic(nn.Module):
    """Four convolutions with patches of 22 x 22 pixels and spectral normalization (Miyato et al. 2018).

    It is for enlargers, whose details are finer than the patches of a PatchGAN.

    Args:
        width: channels of the first convolution.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        sizes = ((3, width, 4, 2), (width, 2 * width, 4, 2), (2 * width, 2 * width, 3, 1))
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(i, o, k, s, padding=1)) for i, o, k, s in sizes)
        self.verdict = spectral_norm(nn.Conv2d(2 * width, 1, 3, padding=1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Convert N x 3 x H x W, 0..1, to a number for each patch, N x 1 x h x w. Higher numbers: more real."""
        x = 2 * pictures - 1
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        verdict: Tensor = self.verdict(x)
        return verdict
