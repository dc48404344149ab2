"""A discriminator that judges, place by place, whether fine structure is real (Isola et al. 2017: a PatchGAN)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class PatchCritic(nn.Module):
    """Four convolutions that see patches of 22 x 22 pixels; with spectral normalization (Miyato et al. 2018).

    Args:
        width: channels of the first convolution.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        sizes = ((3, width, 4, 2), (width, 2 * width, 4, 2), (2 * width, 2 * width, 3, 1))
        self.layers = nn.ModuleList(spectral_norm(nn.Conv2d(i, o, k, s, padding=1)) for i, o, k, s in sizes)
        self.verdict = spectral_norm(nn.Conv2d(2 * width, 1, 3, padding=1))

    def forward(self, pictures: Tensor) -> Tensor:
        """N x 3 x H x W, 0..1, to a number for each patch, N x 1 x h x w: the higher, the more real it looks."""
        x = 2 * pictures - 1
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        verdict: Tensor = self.verdict(x)
        return verdict


def critic_loss(real: Tensor, made: Tensor) -> Tensor:
    """What a critic minimizes: least squares (Mao et al. 2017, eq. 9: real patches 1, made ones 0). A scalar."""
    return 0.5 * ((real - 1).square().mean() + made.square().mean())


def deception_loss(made: Tensor) -> Tensor:
    """What a network minimizes that makes pictures: that the critic takes them for real. A scalar."""
    return 0.5 * (made - 1).square().mean()
