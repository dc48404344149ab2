"""MicroAST in PyTorch: source of the light engine's style encoder, and teacher of its network.

Wang, Z., Zhao, L., Zuo, Z., Li, A., Chen, H., Xing, W., Lu, D.: MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary
Style Transfer, AAAI 2023.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from impasto.nn.light_net import Conv, Encoder, Modulator, moments

CHANNELS = 64


class ModulatedResidual(nn.Module):
    """Two convolutions added to their input, scaled and shifted per channel (eq. 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Conv(CHANNELS, CHANNELS, 3)
        self.conv2 = Conv(CHANNELS, CHANNELS, 3)

    def forward(self, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        u = F.relu(w * self.conv1(x) + b * x)
        return x + (w * self.conv2(u) + b * u)


class Decoder(nn.Module):
    """Maps the photo's features to a picture, driven by a style vector."""

    def __init__(self) -> None:
        super().__init__()
        self.dec1 = ModulatedResidual()
        self.dec2 = ModulatedResidual()
        self.dec3 = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear"),
            *(Conv(64, 32, 3, groups=32), nn.ReLU(), Conv(32, 32, 1), nn.ReLU()),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            *(Conv(32, 16, 3, groups=16), nn.ReLU(), Conv(16, 16, 1), nn.ReLU()),
            Conv(16, 3, 9),
        )

    def forward(self, f2: Tensor, vector: Tensor) -> Tensor:
        mean1, std1, mean2, std2, w1, b1, w2, b2 = vector[:, :, None, None].chunk(8, dim=1)
        x = self.dec1(normalized(f2) * std2 + mean2, w2, b2)
        x = self.dec2(normalized(x) * std1 + mean1, w1, b1)
        out: Tensor = self.dec3(x)
        return out


def normalized(x: Tensor) -> Tensor:
    mean, std = moments(x)
    return (x - mean) / std


class MicroAST(nn.Module):
    """paint(photo, vector) -> picture; RGB in 0..1, sides multiples of four, not clipped."""

    def __init__(self) -> None:
        super().__init__()
        self.content_encoder = Encoder()
        self.style_encoder = Encoder()
        self.modulator = Modulator()
        self.decoder = Decoder()

    def paint(self, photo: Tensor, vector: Tensor) -> Tensor:
        """Paint photos, N x 3 x H x W, in styles, N x 512."""
        painted: Tensor = self.decoder(self.content_encoder(photo)[1], vector)
        return painted
