"""MicroAST, the network of the first painter, as a plain PyTorch module.

Wang, Z., Zhao, L., Zuo, Z., Li, A., Chen, H., Xing, W., Lu, D.: MicroAST: Towards Super-Fast
Ultra-Resolution Arbitrary Style Transfer, AAAI 2023. This is the form to read and to train; the
form that runs is the ONNX file that `tools/export_painter.py` writes from the same tensors.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHANNELS = 64
VECTOR_SIZE = 8 * CHANNELS  # mean, std of f1; mean, std of f2; w1, b1; w2, b2


class Conv(nn.Module):
    """A convolution over a picture padded by reflection with half the kernel."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.pad = kernel // 2
        self.conv_layer = nn.Conv2d(cin, cout, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_layer(F.pad(x, (self.pad,) * 4, mode="reflect") if self.pad else x)


class Residual(nn.Module):
    """Two convolutions added to their input; scaled and shifted per channel when w and b are given (eq. 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Conv(CHANNELS, CHANNELS, 3)
        self.conv2 = Conv(CHANNELS, CHANNELS, 3)

    def forward(self, x: Tensor, w: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        if w is None or b is None:
            return x + self.conv2(F.relu(self.conv1(x)))
        u = F.relu(w * self.conv1(x) + b * x)
        return x + (w * self.conv2(u) + b * u)


class Encoder(nn.Module):
    """A picture to its two features, f1 and f2, both 64 channels at a quarter of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1 = nn.Sequential(
            *(Conv(3, 16, 9), nn.ReLU()),
            *(Conv(16, 32, 3, stride=2, groups=16), nn.ReLU(), Conv(32, 32, 1), nn.ReLU()),
            *(Conv(32, 64, 3, stride=2, groups=32), nn.ReLU(), Conv(64, 64, 1), nn.ReLU()),
            Residual(),
        )
        self.enc2 = nn.Sequential(Residual())

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        f1 = self.enc1(picture)
        return f1, self.enc2(f1)


class Modulator(nn.Module):
    """Style features to the scales and shifts of the two modulated blocks."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("weight1", "bias1", "weight2", "bias2"):
            self.add_module(name, nn.Sequential(Conv(CHANNELS, CHANNELS, 3, groups=CHANNELS)))

    def forward(self, f1: Tensor, f2: Tensor) -> list[Tensor]:
        pairs = ("weight1", f1), ("bias1", f1), ("weight2", f2), ("bias2", f2)
        return [self.get_submodule(name)(features).mean((2, 3)) for name, features in pairs]


class Decoder(nn.Module):
    """Features of the photo to a picture, driven by a style vector."""

    def __init__(self) -> None:
        super().__init__()
        self.dec1 = Residual()
        self.dec2 = Residual()
        self.dec3 = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear"),
            *(Conv(64, 32, 3, groups=32), nn.ReLU(), Conv(32, 32, 1), nn.ReLU()),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            *(Conv(32, 16, 3, groups=16), nn.ReLU(), Conv(16, 16, 1), nn.ReLU()),
            Conv(16, 3, 9),
        )

    def forward(self, f2: Tensor, vector: Tensor) -> Tensor:
        mean1, std1, mean2, std2, w1, b1, w2, b2 = vector[:, :, None, None].chunk(8, dim=1)
        x = self.dec1(normalised(f2) * std2 + mean2, w2, b2)
        x = self.dec2(normalised(x) * std1 + mean1, w1, b1)
        return self.dec3(x)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel: two tensors N x C x 1 x 1.

    The deviation is the root of the unbiased variance plus 1e-5, as in Huang & Belongie 2017.
    """
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()


def normalised(x: Tensor) -> Tensor:
    mean, std = moments(x)
    return (x - mean) / std


class PainterNet(nn.Module):
    """encode(picture) -> style vector, paint(photo, vector) -> picture; RGB in 0..1, sides multiples of four."""

    def __init__(self) -> None:
        super().__init__()
        self.content_encoder = Encoder()
        self.style_encoder = Encoder()
        self.modulator = Modulator()
        self.decoder = Decoder()

    def encode(self, picture: Tensor) -> Tensor:
        """N x 3 x H x W to N x 512."""
        f1, f2 = self.style_encoder(picture)
        stats = [s.flatten(1) for s in (*moments(f1), *moments(f2))]
        return torch.cat([*stats, *self.modulator(f1, f2)], dim=1)

    def paint(self, photo: Tensor, vector: Tensor) -> Tensor:
        """N x 3 x H x W and N x 512 to N x 3 x H x W, not clipped."""
        return self.decoder(self.content_encoder(photo)[1], vector)
