"""Read and write generators of CycleGAN, CUT and pix2pix: .onnx, .safetensors and checkpoints of other programs.

pytorch-CycleGAN-and-pix2pix names a generator's tensors by the positions of their layers:
`model.10.conv_block.1.weight`, or `model.model.1.model.3...` in a U-Net. In the order of these positions, the
convolutions and normalizations are those of `impasto.nn.generators`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from impasto.engines.network import METADATA, Facts
from impasto.errors import StyleError
from impasto.exchange.graph import Graph, Shape
from impasto.exchange.statistics import expose_statistics
from impasto.nn.generators import Generator, GeneratorForm, ResNet, UNet, build
from impasto.version import __version__

FORM = "generator"  # the key of a card for the form of a generator
_PLACE = re.compile(r"(^|\.)model\.\d+\.")
_FIRST = re.compile(r"(?:^|\.)model\.")


def to_onnx(net: Generator, style: str, card: Mapping[str, Any], *, statistics: bool = True) -> bytes:
    """Export the network as an .onnx file that maps "picture" to "painted", 1 x 3 x H x W, 0..1.

    Args:
        style: the name of its style.
        card: how the network was made; stored in the metadata.
        statistics: as in `impasto.exchange.export.to_onnx`.
    Raises:
        MissingExtra: the package onnx is not installed.
    """
    g = _GeneratorGraph({name: value.detach().float().cpu().numpy() for name, value in net.state_dict().items()})
    x = g.node("Sub", g.node("Mul", "picture", g.constant(2.0)), g.constant(1.0))
    x = g.resnet(x, net) if isinstance(net, ResNet) else g.unet(x, net)
    x = g.node("Tanh", x)
    g.node("Add", g.node("Mul", x, g.constant(0.5)), g.constant(0.5))
    g.nodes[-1].output[0] = "painted"
    size: Shape = (1, 3, "height", "width")
    model = g.model("generator", {"picture": size}, {"painted": size})
    model.producer_version = __version__
    model.doc_string = f"height and width are multiples of {net.form.multiple}"
    import onnx  # installed: `Graph` has imported it

    if statistics:
        expose_statistics(model)
    onnx.helper.set_model_props(model, {METADATA: _facts(net, style, card).as_json()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def to_weights(net: Generator, style: str, card: Mapping[str, Any]) -> bytes:
    """Write the network's tensors as a .safetensors file that describes its content."""
    tensors = {name: value.detach().contiguous().cpu() for name, value in net.state_dict().items()}
    return save(tensors, {METADATA: _facts(net, style, card).as_json()})


def from_weights(path: Path) -> tuple[Generator, str, dict[str, Any]] | None:
    """Read a file of `to_weights`. Return the network, its style's name and its card.

    Return None for another kind of network.

    Raises:
        StyleError: the file is missing or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = Facts.from_json((file.metadata() or {})[METADATA])
            card = facts.card or {}
            if FORM not in card:
                return None
            net = build(GeneratorForm(**card[FORM]))
            net.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118  not a mapping
    except Exception as error:  # an error of safetensors, OSError, KeyError, ValueError, RuntimeError
        raise StyleError(
            f"{path} does not contain the weights of a network",
            "give a .safetensors file that impasto train wrote",
            code="not-a-network",
        ) from error
    return net.eval(), facts.styles[0], {name: value for name, value in card.items() if name != FORM}


def is_generator(tensors: Mapping[str, Tensor]) -> bool:
    """Return True if the tensors have names of pytorch-CycleGAN-and-pix2pix."""
    return any(_PLACE.search(name) for name in tensors)


def recognize(tensors: Mapping[str, Tensor], label: str) -> Generator:
    """Build the generator for a state dict of pytorch-CycleGAN-and-pix2pix, with its weights.

    The order and the shapes of the tensors determine kind, depth and width. Batch normalization becomes instance
    normalization with the same scales and shifts, as that program does when it tests with its default options. In
    contrast to that program, dropout is off.

    Args:
        label: the name of the file in messages.
    Raises:
        StyleError: the tensors belong to another network. The message names the difference.
    """
    if any(name.endswith(".filt") for name in tensors):
        raise _other(label, "it blurs before downsampling and after upsampling, as CUT's own networks do")
    networks = {_FIRST.split(name, 1)[0] for name in tensors if _PLACE.search(name)}
    if len(networks) > 1:
        named = ", ".join(sorted(networks)[:3])
        raise StyleError(
            f"{label} contains several networks: {named}", "save only one of them to the file", code="other-network"
        )
    modules: dict[tuple[int, ...], dict[str, Tensor]] = {}
    for name, value in tensors.items():
        place = tuple(int(part) for part in name.split(".") if part.isdigit())
        modules.setdefault(place, {})[name.rpartition(".")[2]] = value
    ordered = [modules[place] for place in sorted(modules)]
    convolutions = [module for module in ordered if "weight" in module and module["weight"].ndim == 4]
    norms = [module for module in ordered if "weight" in module and module["weight"].ndim == 1]
    form = _form(convolutions, affine=bool(norms), label=label)
    net = build(form)
    layers = _in_order(form)
    wanted = [layer for layer in layers if not _is_norm(layer)]
    normed = [layer for layer in layers if _is_norm(layer)] if norms else []
    if (len(wanted), len(normed)) != (len(convolutions), len(norms)):
        raise _other(label, f"{len(convolutions)} convolutions and {len(norms)} normalizations")
    state = net.state_dict()
    for layer, module in [*zip(wanted, convolutions, strict=True), *zip(normed, norms, strict=True)]:
        for part in ("weight", "bias"):
            name = f"{layer}.{part}"
            if part not in module:  # convolutions before batch normalization have no bias
                state[name] = torch.zeros_like(state[name])
                continue
            value = module[part]
            if value.shape != state[name].shape:
                theirs, ours = (" x ".join(map(str, t.shape)) for t in (value, state[name]))
                raise _other(label, f"{name} is {theirs}, not {ours}")
            if not bool(torch.isfinite(value).all()):
                raise StyleError(
                    f"{label} is damaged: {name} contains values that are not numbers", code="damaged-file"
                )
            state[name] = value.float()
    net.load_state_dict(state)
    return net.eval()


def _form(convolutions: list[dict[str, Tensor]], *, affine: bool, label: str) -> GeneratorForm:
    shapes = [tuple(module["weight"].shape) for module in convolutions]
    if len(shapes) < 6:
        raise _other(label, f"{len(shapes)} convolutions")
    width, channels, kernel = shapes[0][:3]
    if channels != 3 or 3 not in shapes[-1][:2]:
        raise _other(label, f"pictures of {channels} channels in, {min(shapes[-1][:2])} out, not three")
    if kernel == 7:
        transposed = shapes[-3][:2] == (4 * width, 2 * width)
        return GeneratorForm("resnet", (len(shapes) - 6) // 2, width, affine, transposed)
    if kernel == 4 and len(shapes) % 2 == 0:
        if len(shapes) > 16:
            raise _other(label, f"a U-Net of {len(shapes) // 2} downsamplings, of which eight are supported")
        return GeneratorForm("unet", len(shapes) // 2, width, affine, shapes[-1][2] == 4)
    raise _other(label, f"a first convolution of {kernel} x {kernel}")


def _in_order(form: GeneratorForm) -> list[str]:
    """Return the layers in the order of computation."""
    if form.kind == "resnet":
        blocks = [f"blocks.{i}.{layer}" for i in range(form.depth) for layer in ("conv1", "norm1", "conv2", "norm2")]
        head = ["enter", "norm0", "down1", "norm1", "down2", "norm2"]
        return [*head, *blocks, "up1.conv", "norm3", "up2.conv", "norm4", "leave"]
    last = form.depth - 1
    found = []
    for index in range(form.depth):
        found += [f"down.{index}"] + ([f"down_norms.{index - 1}"] if 0 < index < last else [])
    for index in range(last, -1, -1):
        found += [f"up.{index}.conv"] + ([f"up_norms.{index - 1}"] if index else [])
    return found


def _is_norm(layer: str) -> bool:
    return "norm" in layer


def _other(label: str, what: str) -> StyleError:
    return StyleError(
        f"{label} does not contain a generator of CycleGAN or pix2pix: {what}",
        "supported: resnet_6blocks, resnet_9blocks, unet_128, unet_256",
        code="other-network",
    )


def _facts(net: Generator, style: str, card: Mapping[str, Any]) -> Facts:
    return Facts(styles=(style,), card=dict(card) | {FORM: dataclasses.asdict(net.form)}, multiple=net.form.multiple)


class _GeneratorGraph(Graph):
    """The graph of both kinds of networks, written layer by layer.

    Args:
        state: the tensors by their names.
    """

    def __init__(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        super().__init__()
        self.state = state

    def convolve(self, x: str, layer: str, stride: int = 1, pads: int = 0) -> str:
        operands = [self.constant(self.state[f"{layer}.{part}"], name=f"{layer}.{part}") for part in ("weight", "bias")]
        return self.node("Conv", x, *operands, strides=[stride, stride], pads=[pads] * 4)

    def norm(self, x: str, layer: str, channels: int) -> str:
        if f"{layer}.weight" in self.state:
            operands = [
                self.constant(self.state[f"{layer}.{part}"], name=f"{layer}.{part}") for part in ("weight", "bias")
            ]
        else:
            operands = [self.constant(np.ones(channels)), self.constant(np.zeros(channels))]
        return self.node("InstanceNormalization", x, *operands, epsilon=1e-5)

    def rise(self, x: str, layer: str, transposed: bool) -> str:
        if not transposed:
            return self.convolve(self.doubled(x), f"{layer}.conv", pads=1)
        weight = self.state[f"{layer}.conv.weight"]
        more = [1, 1] if weight.shape[-1] == 3 else [0, 0]
        operands = [
            self.constant(self.state[f"{layer}.conv.{part}"], name=f"{layer}.conv.{part}")
            for part in ("weight", "bias")
        ]
        return self.node("ConvTranspose", x, *operands, strides=[2, 2], pads=[1] * 4, output_padding=more)

    def resnet(self, x: str, net: ResNet) -> str:
        width, transposed = net.form.width, net.form.transposed
        x = self.node("Relu", self.norm(self.convolve(self.mirrored(x, 3, 3, 3, 3), "enter"), "norm0", width))
        for index in (1, 2):
            x = self.convolve(x, f"down{index}", 2, 1)
            x = self.node("Relu", self.norm(x, f"norm{index}", 2**index * width))
        for index in range(net.form.depth):
            y = self.convolve(self.mirrored(x, 1, 1, 1, 1), f"blocks.{index}.conv1")
            y = self.node("Relu", self.norm(y, f"blocks.{index}.norm1", 4 * width))
            y = self.convolve(self.mirrored(y, 1, 1, 1, 1), f"blocks.{index}.conv2")
            x = self.node("Add", x, self.norm(y, f"blocks.{index}.norm2", 4 * width))
        for index in (1, 2):
            x = self.rise(x, f"up{index}", transposed)
            x = self.node("Relu", self.norm(x, f"norm{index + 2}", 4 * width // 2**index))
        return self.convolve(self.mirrored(x, 3, 3, 3, 3), "leave")

    def unet(self, x: str, net: UNet) -> str:
        depth = net.form.depth
        widths = [min(2**index, 8) * net.form.width for index in range(depth)]
        seen = []
        for index in range(depth):
            x = self.convolve(self.node("LeakyRelu", x, alpha=0.2) if index else x, f"down.{index}", 2, 1)
            if 0 < index < depth - 1:
                x = self.norm(x, f"down_norms.{index - 1}", widths[index])
            seen.append(x)
        for index in range(depth - 1, -1, -1):
            if index < depth - 1:
                x = self.node("Concat", seen[index], x, axis=1)
            x = self.rise(self.node("Relu", x), f"up.{index}", net.form.transposed)
            if index:
                x = self.norm(x, f"up_norms.{index - 1}", widths[index - 1])
        return x
