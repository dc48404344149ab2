"""The transformation network of Johnson et al. 2016 with instance normalization, in PyTorch eager, untrained.

    python benchmarks/johnson.py PHOTO OUT

This is the usual baseline of reports on style transfer: 9 x 9, two strides, five residual blocks of 128 channels, two
upsamplings, 9 x 9, with reflection padding. It takes 154 k multiply-adds a pixel.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn


class Layer(nn.Module):
    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1, scale: int = 1, norm: bool = True) -> None:
        super().__init__()
        self.half, self.scale = kernel // 2, scale
        self.conv = nn.Conv2d(cin, cout, kernel, stride)
        self.norm = nn.InstanceNorm2d(cout, affine=True) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if self.scale > 1:
            x = F.interpolate(x, scale_factor=self.scale, mode="nearest")
        out: Tensor = self.norm(self.conv(F.pad(x, (self.half,) * 4, mode="reflect")))
        return out


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = Layer(128, 128, 3), Layer(128, 128, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.two(F.relu(self.one(x)))
        return out


class Johnson(nn.Module):
    """Maps N x 3 x H x W to the same shape; sides must be multiples of four."""

    def __init__(self) -> None:
        super().__init__()
        down = [Layer(3, 32, 9), nn.ReLU(), Layer(32, 64, 3, 2), nn.ReLU(), Layer(64, 128, 3, 2), nn.ReLU()]
        up = [Layer(128, 64, 3, scale=2), nn.ReLU(), Layer(64, 32, 3, scale=2), nn.ReLU(), Layer(32, 3, 9, norm=False)]
        self.layers = nn.Sequential(*down, *(Block() for _ in range(5)), *up)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo")
    parser.add_argument("out")
    arguments = parser.parse_args()
    image = Image.open(arguments.photo).convert("RGB")
    image = image.crop((0, 0, image.width // 4 * 4, image.height // 4 * 4))
    torch.manual_seed(0)
    with torch.inference_mode():
        planes = torch.from_numpy(np.asarray(image, np.float32)).permute(2, 0, 1)[None].contiguous()
        painted = Johnson().eval()(planes)[0].clamp(0, 255).byte().permute(1, 2, 0)
    Image.fromarray(painted.numpy()).save(arguments.out)


if __name__ == "__main__":
    main()
