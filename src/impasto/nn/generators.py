"""The generators of CycleGAN, CUT and pix2pix: residual networks and U-Nets (Zhu et al. 2017, Isola et al. 2017).

Both have instance normalization, and a hyperbolic tangent at the output. They enlarge by nearest upsampling and a
convolution, which leaves no checkerboard pattern (Odena et al. 2016). With weights of other programs, they enlarge by
transposed convolutions, as published. Layers have short names of their own; `impasto.exchange.generators` converts
those of other programs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kind = Literal["resnet", "unet"]


@dataclass(frozen=True)
class GeneratorForm:
    """Everything needed to build a generator.

    Attributes:
        kind: "resnet" or "unet".
        depth: residual blocks, 6 or 9 as published; halvings of a U-Net, 8 or 7 as published.
        width: channels of the first convolution, 64 as published.
        affine: True if normalizations have scales and shifts, as networks with batch normalization do.
        transposed: True if it enlarges by transposed convolutions.
    """

    kind: Kind = "resnet"
    depth: int = 9
    width: int = 64
    affine: bool = False
    transposed: bool = False

    @property
    def multiple(self) -> int:
        """Sides of pictures are multiples of this, in pixels."""
        return 4 if self.kind == "resnet" else 2**self.depth


class _Norm(nn.Module):
    """Instance normalization with float32 statistics, and with a scale and a shift for each channel if `affine`."""

    def __init__(self, channels: int, affine: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize N x C x H x W."""
        return F.instance_norm(x, weight=self.weight, bias=self.bias)


class Rise(nn.Module):
    """Double the size: nearest upsampling and a 3 x 3 convolution, or a transposed convolution.

    Args:
        kernel: of the transposed convolution: 3 in residual networks, 4 in U-Nets.
    """

    def __init__(self, cin: int, cout: int, kernel: int, transposed: bool) -> None:
        super().__init__()
        self.transposed = transposed
        if transposed:
            self.conv: nn.Module = nn.ConvTranspose2d(
                cin, cout, kernel, stride=2, padding=1, output_padding=1 if kernel == 3 else 0
            )
        else:
            self.conv = nn.Conv2d(cin, cout, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.conv(x if self.transposed else F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return found


class _Block(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self, channels: int, affine: bool) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3) for _ in range(2))
        self.norm1, self.norm2 = (_Norm(channels, affine) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(self.conv1(F.pad(x, (1,) * 4, mode="reflect"))).relu()
        added: Tensor = self.norm2(self.conv2(F.pad(y, (1,) * 4, mode="reflect")))
        return x + added


class ResNet(nn.Module):
    """7 x 7, two strided 3 x 3, residual blocks, two enlargements, 7 x 7 (Johnson et al. 2016, Zhu et al. 2017)."""

    def __init__(self, form: GeneratorForm) -> None:
        super().__init__()
        self.form = form
        width, affine = form.width, form.affine
        self.enter = nn.Conv2d(3, width, 7)
        self.norm0 = _Norm(width, affine)
        self.down1 = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.norm1 = _Norm(2 * width, affine)
        self.down2 = nn.Conv2d(2 * width, 4 * width, 3, 2, 1)
        self.norm2 = _Norm(4 * width, affine)
        self.blocks = nn.ModuleList(_Block(4 * width, affine) for _ in range(form.depth))
        self.up1 = Rise(4 * width, 2 * width, 3, form.transposed)
        self.norm3 = _Norm(2 * width, affine)
        self.up2 = Rise(2 * width, width, 3, form.transposed)
        self.norm4 = _Norm(width, affine)
        self.leave = nn.Conv2d(width, 3, 7)
        _begin(self)

    def forward(self, pictures: Tensor) -> Tensor:
        """Convert N x 3 x H x W to N x 3 x H x W, 0..1. Sides are multiples of four."""
        x = F.pad(2 * pictures - 1, (3,) * 4, mode="reflect")
        x = self.norm0(self.enter(x)).relu()
        x = self.norm1(self.down1(x)).relu()
        x = self.norm2(self.down2(x)).relu()
        for block in self.blocks:
            x = block(x)
        x = self.norm3(self.up1(x)).relu()
        x = self.norm4(self.up2(x)).relu()
        x = self.leave(F.pad(x, (3,) * 4, mode="reflect"))
        return x.float().tanh() * 0.5 + 0.5


class UNet(nn.Module):
    """Halve to a single place and double again; each doubling also reads the features of its size (Isola et al. 2017).

    In training, half of the features are dropped in the three deepest doublings that have 8 x `width` channels on both
    sides. This is the only noise of pix2pix (Isola et al. 2017, 6.1.1). Painting drops none.
    """

    def __init__(self, form: GeneratorForm) -> None:
        super().__init__()
        self.form = form
        depth, affine = form.depth, form.affine
        widths = [min(2**index, 8) * form.width for index in range(depth)]
        self.down = nn.ModuleList(nn.Conv2d(i, o, 4, 2, 1) for i, o in zip([3, *widths[:-1]], widths, strict=True))
        self.down_norms = nn.ModuleList(_Norm(width, affine) for width in widths[1:-1])
        outs = [3, *widths[:-1]]
        ins = [2 * width for width in widths[:-1]] + [widths[-1]]
        self.up = nn.ModuleList(Rise(i, o, 4, form.transposed) for i, o in zip(ins, outs, strict=True))
        self.up_norms = nn.ModuleList(_Norm(width, affine) for width in outs[1:])
        self.dropped = range(max(4, depth - 4), depth - 1)  # doublings with noise
        _begin(self)

    def forward(self, pictures: Tensor) -> Tensor:
        """Convert N x 3 x H x W to N x 3 x H x W, 0..1. Sides are multiples of 2^depth."""
        x, deepest = 2 * pictures - 1, len(self.down) - 1
        seen: list[Tensor] = []
        for index, layer in enumerate(self.down):
            x = layer(F.leaky_relu(x, 0.2) if index else x)
            if 0 < index < deepest:
                x = self.down_norms[index - 1](x)
            seen.append(x)
        for index in range(deepest, -1, -1):
            if index < deepest:
                x = torch.cat([seen[index], x], 1)
            x = self.up[index](x.relu())
            if index:
                x = self.up_norms[index - 1](x)
            if index in self.dropped:
                x = F.dropout(x, 0.5, self.training)
        return x.float().tanh() * 0.5 + 0.5


Generator: TypeAlias = ResNet | UNet


def build(form: GeneratorForm) -> Generator:
    """Build a generator with new weights."""
    return ResNet(form) if form.kind == "resnet" else UNet(form)


def _begin(net: nn.Module) -> None:
    """Initialize weights as published: a deviation of 0.02, no biases."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.02)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
