"""The loss network: VGG-16 or VGG-19 (Simonyan & Zisserman 2015), up to the deepest requested layer.

Three kinds of weights can be loaded: the VGG-19 that ships (Gatys' normalized one, with 8 bits a weight), and files of
VGG-16 and VGG-19 in torchvision's format.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from impasto.errors import StyleError, UsageError
from impasto.nn import winograd
from impasto.nn.device import find_precision
from impasto.nn.tensors import read_tensors
from impasto.system.files import ASSETS

Pooling = Literal["max", "average"]
Padding = Literal["zeros", "reflect", "replicate", "circular"]

See: TypeAlias = Callable[[str, Tensor], Tensor]

BLOCKS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)
SHIPPED = ASSETS / "vgg19" / "vgg19-normalized-int8.safetensors"
HUB_FILES = {16: "vgg16-397923af.pth", 19: "vgg19-dcbb9e9d.pth"}
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def layer_names(depth: int) -> list[str]:
    """Return the names relu1_1, relu1_2, relu2_1 ... of VGG-16 or VGG-19, in order."""
    return [f"relu{block}_{i}" for block, count in enumerate(BLOCKS[depth], 1) for i in range(1, count + 1)]


class VGG(nn.Module):
    """3 x 3 convolutions with ReLU in five blocks, with pooling between them.

    The convolutions may have another type (`net.convolutions.to(torch.bfloat16)`). Features then have the same type.

    Args:
        depth: 16 or 19.
        layers: the number of convolutions with weights. Deeper layers do not exist.
        pooling: "max" as trained, "average" as in Gatys et al. 2016.
        padding: "zeros" as trained; "reflect" and "replicate" avoid a frame in optimized pictures; "circular" is for
            pictures whose opposite borders match.
        ceil: pool an odd last row by itself instead of dropping it, as in the published normalized network.
    """

    def __init__(
        self,
        depth: Literal[16, 19] = 19,
        *,
        layers: int | None = None,
        pooling: Pooling = "max",
        padding: Padding = "zeros",
        ceil: bool = False,
    ) -> None:
        super().__init__()
        self.depth, self.pooling, self.padding, self.ceil = depth, pooling, padding, ceil
        self.recompute = (
            False  # compute a block's features again for its gradient: a third of the memory, 4/3 of the time
        )
        self.names = layer_names(depth)[:layers]
        self.entry = nn.Conv2d(3, 3, 1)  # converts RGB 0..1 to the input of the weights
        widths = [WIDTHS[int(name[4]) - 1] for name in self.names]
        inputs = [3, *widths[:-1]]
        self.convolutions = nn.ModuleList(nn.Conv2d(cin, cout, 3) for cin, cout in zip(inputs, widths, strict=True))
        self._transformed: dict[tuple[int, bool], tuple[object, Tensor]] = {}  # weights for `winograd`
        self.requires_grad_(False)
        self.eval()

    @property
    def label(self) -> str:
        return f"VGG-{self.depth}"

    def smallest_side(self, layers: Iterable[str]) -> int:
        """Return the shortest side, in pixels, for which the deepest of the layers has features."""
        return 2 ** int(self.names[max(self._index(layer) for layer in layers)][4])

    def mac_per_pixel(self, layers: Iterable[str]) -> float:
        """Return the multiply-adds for each pixel of a picture, up to the deepest of the layers."""
        deepest = max(self._index(layer) for layer in layers)
        weights = (parameter for parameter in self.convolutions.parameters() if parameter.ndim == 4)
        return sum(
            weight.numel() / 4 ** (int(name[4]) - 1)
            for name, weight in zip(self.names[: deepest + 1], weights, strict=False)
        )

    def feature_size(self, layer: str, height: int, width: int) -> tuple[int, int]:
        """Return height and width of a layer's features for a picture of that size."""
        for _ in range(int(self.names[self._index(layer)][4]) - 1):
            height, width = ((side + self.ceil) // 2 for side in (height, width))
        return height, width

    def forward(self, pictures: Tensor, layers: Sequence[str], see: See | None = None) -> dict[str, Tensor]:
        """Return the features after the ReLU of each layer, from one pass that ends at the deepest layer.

        Args:
            pictures: N x 3 x H x W, RGB, 0..1.
            layers: such as "relu4_1".
            see: called with each layer and its features as soon as they exist. Its result replaces the features. They
                use most of the memory, and with `recompute` they are dropped after the call.
        Returns:
            {layer: N x C x h x w}, where h and w are H and W divided by 1, 2, 4, 8 or 16; or the results of `see`.
        Raises:
            UsageError: the network does not have a layer (the message lists its layers), or pictures are smaller than
                `smallest_side` of the layers.
        """
        deepest = max(self._index(layer) for layer in layers)
        smallest = self.smallest_side(layers)
        if min(pictures.shape[-2:]) < smallest:
            height, width = pictures.shape[-2:]
            raise UsageError(
                f"{width} x {height} pixels are too few for {self.names[deepest]}",
                f"use at least {smallest} pixels a side",
                code="too-small",
            )
        features: dict[str, Tensor] = {}
        x = self.entry(pictures).to(next(self.convolutions.parameters()).dtype)
        for block in range(1, int(self.names[deepest][4]) + 1):
            indices = [i for i, name in enumerate(self.names[: deepest + 1]) if int(name[4]) == block]
            if self.recompute and x.requires_grad:
                x, found = checkpoint(self._block, x, indices, layers, see, use_reentrant=False)
            else:
                x, found = self._block(x, indices, layers, see)
            features |= found
        return features

    def _block(
        self, x: Tensor, indices: Sequence[int], layers: Sequence[str], see: See | None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        features = {}
        if indices[0]:
            pool = F.max_pool2d if self.pooling == "max" else F.avg_pool2d
            x = pool(x, 2, ceil_mode=self.ceil)
        for index in indices:
            convolution = self.get_submodule(f"convolutions.{index}")
            assert isinstance(convolution, nn.Conv2d)
            if self.padding != "zeros":  # the convolution itself adds zeros, without a copy
                x = _padded(x, self.padding)
            filters = functools.partial(self._filters, index) if winograd.pays(x, convolution.weight) else None
            x = _ConvolutionReLU.apply(  # type: ignore[no-untyped-call]
                x, convolution.weight, convolution.bias, int(self.padding == "zeros"), filters
            )
            if self.names[index] in layers:
                features[self.names[index]] = x if see is None else see(self.names[index], x)
        return x, features

    def _filters(self, index: int, back: bool) -> Tensor:
        """Return a layer's weights for `winograd`. Cache them until they change, unless memory must be saved."""
        weight = self.get_parameter(f"convolutions.{index}.weight")
        if self.recompute:
            return winograd.transformed(weight.detach(), back)
        state = weight.data_ptr(), weight._version
        if self._transformed.get((index, back), (None,))[0] != state:
            self._transformed[index, back] = state, winograd.transformed(weight.detach(), back)
        return self._transformed[index, back][1]

    def _index(self, layer: str) -> int:
        if layer not in self.names:
            raise UsageError(
                f"{self.label} has no layer {layer}", f"one of {', '.join(self.names)}", code="unknown-choice"
            )
        return self.names.index(layer)


def _padded(x: Tensor, mode: str) -> Tensor:
    """Pad by one position on each side."""
    if mode == "circular":
        wrapped: Tensor = _Wrap.apply(x)  # type: ignore[no-untyped-call]
        return wrapped
    return F.pad(x, (1, 1, 1, 1), mode="replicate" if mode == "reflect" and min(x.shape[-2:]) == 1 else mode)


class _Wrap(torch.autograd.Function):
    """Circular padding by one. Its gradient, computed in place, is several times as fast as that of slices."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        x = torch.cat([x[..., -1:], x, x[..., :1]], dim=3)
        return torch.cat([x[..., -1:, :], x, x[..., :1, :]], dim=2)

    @staticmethod
    def backward(_: Any, *grads: Tensor) -> Tensor:
        grad = grads[0].clone()
        grad[..., -2, :] += grad[..., 0, :]
        grad[..., 1, :] += grad[..., -1, :]
        grad[..., -2] += grad[..., 0]
        grad[..., 1] += grad[..., -1]
        return grad[..., 1:-1, 1:-1]


class _ConvolutionReLU(torch.autograd.Function):
    """Convolution and ReLU with a gradient only for their input. Only the result is stored, not the padded input.

    With `filters`, the transformed weights for both directions, both use Winograd's algorithm.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: int, filters: Callable[[bool], Tensor] | None
    ) -> Tensor:
        if filters:
            y = winograd.convolve(x, filters(False), bias, padding, relu=True)
        else:
            y = F.conv2d(x, weight, bias, padding=padding).relu_()
        ctx.save_for_backward(y, weight)
        ctx.shape, ctx.padding, ctx.filters = x.shape, padding, filters
        ctx.layout = (
            torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        )
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        y, weight = ctx.saved_tensors
        # In place: a convolution, pooling or statistic follows each ReLU here, and its gradient is used only once.
        grad = torch.ops.aten.threshold_backward.grad_input(grads[0], y, 0, grad_input=grads[0])
        if ctx.filters:
            return winograd.convolve(grad, ctx.filters(True), padding=2 - ctx.padding), None, None, None, None
        like = torch.empty(ctx.shape, dtype=y.dtype, device=y.device, memory_format=ctx.layout)  # only for its shape
        border = [ctx.padding] * 2
        mask = [True, False, False]
        back = torch.ops.aten.convolution_backward(
            grad, like, weight, None, [1, 1], border, [1, 1], False, [0, 0], 1, mask
        )
        return back[0], None, None, None, None


def shipped_vgg(pooling: Pooling = "max", padding: Padding = "reflect") -> VGG:
    """Load the normalized VGG-19 that ships, up to relu5_1.

    Weights are stored as 8-bit integers with a scale for every output channel. The card beside them gives the error.
    """
    tensors = load_file(SHIPPED)
    count = sum(key.endswith(".scale") for key in tensors)
    net = VGG(19, layers=count, pooling=pooling, padding=padding, ceil=True)
    state = {"entry.weight": tensors["entry.weight"], "entry.bias": tensors["entry.bias"]}
    for index in range(count):
        scale = tensors[f"{index}.scale"].float()
        state[f"convolutions.{index}.weight"] = tensors[f"{index}.weight"].float() * scale[:, None, None, None]
        state[f"convolutions.{index}.bias"] = tensors[f"{index}.bias"].float()
    net.load_state_dict(state)
    return net


def perceptual_vgg(device: torch.device, pooling: Pooling, padding: Padding) -> VGG:
    """Load `shipped_vgg` on a device, in the layout and the type that are fastest there."""
    net = shipped_vgg(pooling, padding).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    net.convolutions.to(find_precision("auto", device))
    return net


def load_vgg(path: Path, pooling: Pooling = "max", padding: Padding = "zeros") -> VGG:
    """Load VGG-16 or VGG-19 in torchvision's format: a .safetensors file, or a .pth file with only tensors.

    Raises:
        PictureError: the file is missing or damaged.
        StyleError: the file contains another network.
    """
    tensors = read_tensors(path)
    indices = sorted(
        int(key.split(".")[1]) for key in tensors if key.startswith("features.") and key.endswith("weight")
    )
    depth = {13: 16, 16: 19}.get(len(indices))
    if depth is None:
        raise StyleError(
            f"{path} contains no VGG-16 or VGG-19",
            "use torchvision's format: features.0.weight and so on",
            code="other-network",
        )
    net = VGG(16 if depth == 16 else 19, pooling=pooling, padding=padding)
    mean, deviation = (torch.tensor(values) for values in _IMAGENET)
    state = {"entry.weight": torch.diag(1 / deviation)[:, :, None, None], "entry.bias": -mean / deviation}
    for position, index in enumerate(indices):
        for part in ("weight", "bias"):
            state[f"convolutions.{position}.{part}"] = tensors[f"features.{index}.{part}"].float()
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise StyleError(
            f"{path} contains another network than VGG-{depth}",
            str(error).splitlines()[-1].strip(),
            code="other-network",
        ) from error
    return net


def cached_vgg(depth: int) -> Path | None:
    """Return torchvision's weights in the torch hub's cache, or None if they are not there."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / HUB_FILES[depth]
    return path if path.is_file() else None
