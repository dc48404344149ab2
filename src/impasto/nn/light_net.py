"""The light engine in PyTorch, in a form for reading and training. The graphs of `tools/light/` run it.

MicroAST's style encoder (Wang et al., AAAI 2023) computes a style vector from a painting. The painting network is
Impasto's own, with about 12,000 multiply-adds a pixel. It works at a quarter of the photo's size with 64 channels.
Every block first filters a neighborhood channel by channel, and then mixes the channels. Between the two, features get
a mean
and a deviation that depend on the style: conditional instance normalization (Dumoulin et al. 2017), with parameters
predicted from the style (Ghiasi et al. 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.engines.light_weights import (
    BLOCKS,
    DETAIL,
    ENCODED,
    EPSILON,
    HIDDEN,
    MARGIN,
    NORMS,
    VECTOR_SIZE,
    WIDTH,
    filter_shapes,
    folded,
)

Normalize: TypeAlias = Callable[[Tensor], Tensor]
Moments: TypeAlias = "list[tuple[Tensor, Tensor]]"


class Conv(nn.Module):
    """A convolution with reflection padding of half the kernel."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.pad = kernel // 2
        self.conv_layer = nn.Conv2d(cin, cout, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_layer(F.pad(x, (self.pad,) * 4, mode="reflect") if self.pad else x)


class Residual(nn.Module):
    """Two convolutions, added to their input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = Conv(ENCODED, ENCODED, 3)
        self.conv2 = Conv(ENCODED, ENCODED, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class Encoder(nn.Module):
    """Convert a picture to two features, f1 and f2, both with 64 channels at a quarter of the size."""

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
    """Convert style features to the scales and shifts of the two modulated blocks."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("weight1", "bias1", "weight2", "bias2"):
            self.add_module(name, nn.Sequential(Conv(ENCODED, ENCODED, 3, groups=ENCODED)))

    def forward(self, f1: Tensor, f2: Tensor) -> list[Tensor]:
        pairs = ("weight1", f1), ("bias1", f1), ("weight2", f2), ("bias2", f2)
        return [self.get_submodule(name)(features).mean((2, 3)) for name, features in pairs]


class Block(nn.Module):
    """Add to the features what their 5 x 5 neighborhood and the style contribute."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH)
        self.widen = nn.Conv2d(WIDTH, HIDDEN, 1)
        self.narrow = nn.Conv2d(HIDDEN, WIDTH, 1)

    def forward(self, x: Tensor, normalize: Normalize) -> Tensor:
        y = normalize(self.look(x))
        added: Tensor = self.narrow(F.relu(self.widen(y)))
        return x + added


class LightNet(nn.Module):
    """Paint a photo with a style vector.

    Args:
        detail: channels at half the size.
    """

    def __init__(self, detail: int = DETAIL) -> None:
        super().__init__()
        self.usual: Tensor
        self.spread: Tensor
        self.register_buffer("usual", torch.zeros(VECTOR_SIZE))  # mean of the vectors of many paintings
        self.register_buffer("spread", torch.ones(VECTOR_SIZE))
        self.style1 = nn.Linear(VECTOR_SIZE, 512)
        self.style2 = nn.Linear(512, NORMS * 2 * WIDTH)
        self.direct = nn.Linear(VECTOR_SIZE, NORMS * 2 * WIDTH, bias=False)
        self.enter1 = nn.Conv2d(3, detail, 6, 2)
        self.enter2 = nn.Conv2d(detail, WIDTH, 4, 2, 1)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.leave1 = nn.Conv2d(WIDTH, 4 * detail, 1)
        self.leave2 = nn.Conv2d(detail, detail, 3, padding=1)
        self.leave3 = nn.Conv2d(detail, 12, 3, padding=1)
        for layer in (self.style2, self.direct):
            nn.init.normal_(layer.weight, std=0.01)
        with torch.no_grad():
            for block in self.blocks:
                assert isinstance(block, Block)
                block.narrow.weight.mul_(0.5)
            for shuffled in (self.leave1, self.leave3):  # equal starts for a block's four pixels avoid a checkerboard
                shuffled.weight.copy_(shuffled.weight[::4].repeat_interleave(4, 0))
                assert shuffled.bias is not None
                shuffled.bias.copy_(shuffled.bias[::4].repeat_interleave(4, 0))

    def modulations(self, vector: Tensor) -> Tensor:
        """Convert N x 512 to N x 8 x 128: for every normalization 64 scales, then 64 shifts."""
        told = ((vector - self.usual) / self.spread).clamp(-6, 6)
        out = self.style2(F.relu(self.style1(told))) + self.direct(told)
        out = out.unflatten(1, (NORMS, 2 * WIDTH))
        return torch.cat([1 + out[..., :WIDTH], out[..., WIDTH:]], dim=-1)

    def forward(self, photo: Tensor, vector: Tensor, measured: Moments | None = None) -> Tensor:
        """Paint: N x 3 x H x W and N x 512 to N x 3 x H x W, not clipped.

        Args:
            measured: an empty list receives the statistics that normalize features; a full list replaces them.
        """
        steps = iter(self.modulations(vector)[..., None, None].unbind(1))
        given = iter(measured or ())

        def normalize(x: Tensor) -> Tensor:
            found = next(given, None) or moments_of(x)
            if measured is not None and len(measured) < NORMS:
                measured.append(found)
            scale, shift = next(steps).chunk(2, 1)
            return conditioned(x, scale, shift, *found)

        x = F.pad(photo * 2 - 1, (MARGIN + 2,) * 4, mode="reflect")  # enter1 reaches two pixels farther
        x = F.relu(self.enter2(F.relu(self.enter1(x))))
        x = normalize(x)
        for block in self.blocks:
            x = block(x, normalize)
        x = normalize(x)
        x = F.relu(F.pixel_shuffle(self.leave1(x), 2))
        x = self.leave3(F.relu(self.leave2(x)))
        kept = F.pixel_shuffle(x, 2)[..., MARGIN:-MARGIN, MARGIN:-MARGIN]
        return kept.float() * 0.5 + 0.5


def filters(state: Mapping[str, Tensor]) -> Tensor:
    """Return the brush's painting weights, or changes of them, as one array in the order of `filter_shapes`.

    They are for pictures in 0..1 (`light_weights.folded`).

    Args:
        state: the brush's state dict, or the difference of a fine-tuned one and the original.
    """
    return torch.cat([value.flatten() for value in folded(state).values()])


def changes_of(filters: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Invert `filters`: return the change of each parameter of the brush.

    Args:
        filters: a style's changes, the result of `filters` for a difference.
        state: the brush's state dict, for shapes.
    """
    names = list(filter_shapes())
    sizes = [state[name].numel() for name in names]
    parts = torch.split(filters, sizes)
    found = {name: part.reshape(state[name].shape) for name, part in zip(names, parts, strict=True)}
    found["enter1.weight"] = found["enter1.weight"] / 2
    found["enter1.bias"] = found["enter1.bias"] + found["enter1.weight"].sum((1, 2, 3))
    for name in ("leave3.weight", "leave3.bias"):
        found[name] = 2 * found[name]
    return found


def is_filter(name: str) -> bool:
    """Return True for the brush's painting parameters, False for those that read style vectors."""
    return name in filter_shapes()


class LightEngineNet(nn.Module):
    """encode(picture) returns a style vector, paint(photo, vector) a picture; RGB in 0..1, sides multiples of four."""

    def __init__(self) -> None:
        super().__init__()
        self.style_encoder = Encoder()
        self.modulator = Modulator()
        self.brush = LightNet()

    def encode(self, picture: Tensor) -> Tensor:
        """Convert N x 3 x H x W to N x 512."""
        f1, f2 = self.style_encoder(picture)
        stats = [s.flatten(1) for s in (*moments(f1), *moments(f2))]
        return torch.cat([*stats, *self.modulator(f1, f2)], dim=1)

    def paint(self, photo: Tensor, vector: Tensor) -> Tensor:
        """Paint: N x 3 x H x W and N x 512 to N x 3 x H x W, not clipped."""
        painted: Tensor = self.brush(photo, vector)
        return painted


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of every channel: two tensors N x C x 1 x 1.

    The deviation is the root of the unbiased variance plus 1e-5, as in Huang & Belongie 2017.
    """
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()


def moments_of(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return variance and mean of every channel over the picture, in float32: N x C x 1 x 1 each."""
    return torch.var_mean(x.float(), (2, 3), keepdim=True, correction=0)


def conditioned(x: Tensor, scale: Tensor, shift: Tensor, variance: Tensor, mean: Tensor) -> Tensor:
    """Normalize features per channel, then scale and shift them."""
    factor = scale * torch.rsqrt(variance + EPSILON)
    return (x.float() * factor + (shift - mean * factor)).to(x.dtype)
