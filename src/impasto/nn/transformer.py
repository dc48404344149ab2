"""The feed-forward transformation network of one or several styles (Johnson et al. 2016).

Layers and their names are those of PyTorch's `fast_neural_style` example, so that its checkpoints load: reflection
padding, 9 x 9, two 3 x 3 of stride 2, residual blocks, two nearest upsamplings with 3 x 3, 9 x 9; instance
normalization (Ulyanov et al. 2016) after all but the last. With several styles, every normalization has a scale and a
shift for each style (conditional instance normalization, Dumoulin et al. 2017). Styles may be mixed by weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.engines.ranges import Values
from impasto.errors import StyleError
from impasto.nn import winograd

MULTIPLE = 4  # sides of pictures: the network works at a quarter of the size
_EPSILON = 1e-5
FIRST = "conv1.conv2d.weight"


@dataclass(frozen=True)
class Architecture:
    """Everything needed to build the network.

    Attributes:
        width: channels of the first convolution: 32 as published, 16 in the light form.
        blocks: residual blocks.
        styles: number of styles; 1 is plain instance normalization.
        span: of its values: 255 for networks of PyTorch's example, which take and return 0..255; 1 for those trained
            here.
    """

    width: int = 32
    blocks: int = 5
    styles: int = 1
    span: float = 1.0


class TransformerNet(nn.Module):
    """Paint pictures.

    If a side is not a multiple of four, the result is up to three pixels larger, as in PyTorch's example.
    """

    def __init__(self, architecture: Architecture = Architecture()) -> None:
        super().__init__()
        self.architecture = architecture
        width, styles = architecture.width, architecture.styles
        self.conv1 = _Convolution(3, width, 9)
        self.in1 = _Norm(width, styles)
        self.conv2 = _Convolution(width, 2 * width, 3, stride=2)
        self.in2 = _Norm(2 * width, styles)
        self.conv3 = _Convolution(2 * width, 4 * width, 3, stride=2)
        self.in3 = _Norm(4 * width, styles)
        for index in range(1, architecture.blocks + 1):
            self.add_module(f"res{index}", _Block(4 * width, styles))
        self.deconv1 = _Convolution(4 * width, 2 * width, 3, upsample=2)
        self.in4 = _Norm(2 * width, styles)
        self.deconv2 = _Convolution(2 * width, width, 3, upsample=2)
        self.in5 = _Norm(width, styles)
        self.deconv3 = _Convolution(width, 3, 9)
        if architecture.span == 1:
            assert self.deconv3.conv2d.bias is not None
            nn.init.constant_(self.deconv3.conv2d.bias, 0.5)  # start with gray

    def forward(self, pictures: Tensor, styles: Tensor | None = None) -> Tensor:
        """Paint pictures.

        Args:
            pictures: N x 3 x H x W, RGB, 0..1.
            styles: N x K, the weights of the network's K styles, each row summing to 1; None: the first style.
        Returns:
            N x 3 x H x W; values may exceed 0..1.
        """
        if styles is None:
            styles = pictures.new_zeros(pictures.shape[0], self.architecture.styles)
            styles[:, 0] = 1
        x = pictures * self.architecture.span
        x = self.in1(self.conv1(x), styles).relu()
        x = self.in2(self.conv2(x), styles).relu()  # N 2w H/2 W/2
        x = self.in3(self.conv3(x), styles).relu()  # N 4w H/4 W/4
        for index in range(1, self.architecture.blocks + 1):
            x = self.get_submodule(f"res{index}")(x, styles)
        x = self.in4(self.deconv1(x), styles).relu()
        x = self.in5(self.deconv2(x), styles).relu()
        x = self.deconv3(x).float()
        painted: Tensor = x / self.architecture.span
        return painted


class _Convolution(nn.Module):
    """Convolution with reflection padding, after nearest upsampling if requested."""

    def __init__(self, cin: int, cout: int, kernel: int, stride: int = 1, upsample: int = 1) -> None:
        super().__init__()
        self.upsample, self.border = upsample, kernel // 2
        self.conv2d = _Conv2d(cin, cout, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        if self.upsample > 1:
            x = F.interpolate(x, scale_factor=self.upsample, mode="nearest")
        out: Tensor = self.conv2d(F.pad(x, (self.border,) * 4, mode="reflect"))
        return out


class _Conv2d(nn.Conv2d):
    """A convolution without padding, in tiles where this makes training faster."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (the name is nn.Conv2d's)
        if self.training and self.stride == (1, 1) and winograd.pays(input, self.weight):
            painted: Tensor = winograd.Convolution.apply(input, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return painted
        return super().forward(input)


class _Norm(nn.Module):
    """Instance normalization with a scale and a shift for each style, and float32 statistics."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(styles, channels))
        self.bias = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        wide = x.float()
        mean = wide.mean((2, 3), keepdim=True)
        variance = (wide.square().mean((2, 3), keepdim=True) - mean.square()).clamp_min(0)
        scale = (styles.float() @ self.weight)[:, :, None, None] * (variance + _EPSILON).rsqrt()  # N C 1 1
        shift = (styles.float() @ self.bias)[:, :, None, None] - mean * scale
        return torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))


class _Block(nn.Module):
    """Two convolutions, added to their input, without ReLU after the sum."""

    def __init__(self, channels: int, styles: int) -> None:
        super().__init__()
        self.conv1 = _Convolution(channels, channels, 3)
        self.in1 = _Norm(channels, styles)
        self.conv2 = _Convolution(channels, channels, 3)
        self.in2 = _Norm(channels, styles)

    def forward(self, x: Tensor, styles: Tensor) -> Tensor:
        out: Tensor = x + self.in2(self.conv2(self.in1(self.conv1(x), styles).relu()), styles)
        return out


def recognize(tensors: Mapping[str, Tensor], label: str, span: float = 255.0) -> TransformerNet:
    """Build the network of a state dict, with its weights.

    The tensors' shapes determine width, blocks and styles. Prefixes of wrappers and trainers are removed. Other
    contents are ignored, also running statistics, which instance normalization does not use.

    Args:
        label: the file's name in messages.
        span: of the network's values.
    Raises:
        StyleError: the tensors belong to another architecture. The message names the difference.
    """
    state = {name.replace("_orig_mod.", ""): value for name, value in tensors.items()}
    before = min(
        (name.removesuffix(FIRST) for name in state if re.fullmatch(rf"(.+\.)?{re.escape(FIRST)}", name)),
        key=lambda prefix: (f"{prefix}in1.weight" not in state, "ema" not in prefix.lower(), len(prefix)),
        default="",
    )
    state = {name.removeprefix(before): value for name, value in state.items() if name.startswith(before)}
    state = {
        name: value
        for name, value in state.items()
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    }
    first = state.get(FIRST)
    norm = state.get("in1.weight")
    if first is None or norm is None or first.ndim != 4:
        known = ", ".join(list(state)[:3]) or "nothing"
        raise StyleError(
            f"{label} contains another network: conv1.conv2d.weight is missing",
            f"it begins with {known}",
            code="other-network",
        )
    blocks = sum(name.startswith("res") and name.endswith("conv1.conv2d.weight") for name in state)
    styles = norm.shape[0] if norm.ndim == 2 else 1
    net = TransformerNet(Architecture(first.shape[0], blocks, styles, span))
    wanted = net.state_dict()
    for name, value in state.items():  # convert the normalization of a single style to a row of several styles
        if name in wanted and value.ndim == 1 and wanted[name].shape == (1, *value.shape):
            state[name] = value[None]
    for name, value in wanted.items():
        if name not in state:
            raise StyleError(f"{label} contains another network: {name} is missing", code="other-network")
        if state[name].shape != value.shape:
            theirs, ours = (" x ".join(map(str, t.shape)) for t in (state[name], value))
            raise StyleError(f"{label} contains another network: {name} is {theirs}, not {ours}", code="other-network")
        if not bool(torch.isfinite(state[name]).all()):
            raise StyleError(f"{label} is damaged: {name} has values that are not numbers", code="damaged-file")
    for name in state:
        if name not in wanted:
            raise StyleError(f"{label} contains another network: {name} is unknown", code="other-network")
    net.load_state_dict({name: value.float() for name, value in state.items()})
    return net.eval()


@torch.no_grad()
def rebased(net: TransformerNet, takes: Values, gives: Values) -> TransformerNet:
    """Convert the network to RGB pictures in 0..1.

    The ranges become part of its first and last convolution. Nothing else changes, because borders are mirrored.

    Args:
        takes, gives: the value ranges with which it was trained, whatever its span.
    """
    order = {values: [2, 1, 0] if values.bgr else [0, 1, 2] for values in (takes, gives)}
    low, spread = (torch.tensor(values) for values in (takes.low, np.subtract(takes.high, takes.low).tolist()))
    state = {name: value.clone() for name, value in net.state_dict().items()}
    first = state[FIRST][:, order[takes]]
    state["conv1.conv2d.bias"] += (first * low[:, None, None]).sum((1, 2, 3))
    state[FIRST] = first * spread[:, None, None]
    low, spread = (torch.tensor(values) for values in (gives.low, np.subtract(gives.high, gives.low).tolist()))
    state["deconv3.conv2d.weight"] = state["deconv3.conv2d.weight"][order[gives]] / spread[:, None, None, None]
    state["deconv3.conv2d.bias"] = (state["deconv3.conv2d.bias"][order[gives]] - low) / spread
    changed = TransformerNet(replace(net.architecture, span=1.0))
    changed.load_state_dict(state)
    return changed.eval()


def one_style(net: TransformerNet, index: int) -> TransformerNet:
    """Return the network with only one of its styles."""
    state = {
        name: value[index : index + 1] if ".in" in f".{name}" and value.ndim == 2 else value
        for name, value in net.state_dict().items()
    }
    alone = TransformerNet(replace(net.architecture, styles=1))
    alone.load_state_dict(state)
    return alone.eval()


def mac_per_pixel(architecture: Architecture) -> float:
    """Return the multiply-adds for each pixel of a picture."""
    width = architecture.width
    ends = 2 * 81 * 3 * width
    down = 9 * (2 * width**2 / 4 + 8 * width**2 / 16)
    body = architecture.blocks * 2 * 9 * (4 * width) ** 2 / 16
    up = 9 * (8 * width**2 / 4 + 2 * width**2)
    return math.fsum((ends, down, body, up))
