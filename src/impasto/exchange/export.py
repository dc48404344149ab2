"""Export a trained network for pictures of any size: as ONNX, which runs without PyTorch, or with `torch.export`."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from impasto.engines.network import IMAGE_RANGES, METADATA, Facts
from impasto.engines.ranges import Values
from impasto.errors import StyleError, UsageError
from impasto.exchange.graph import Graph, Shape
from impasto.exchange.statistics import expose_statistics
from impasto.nn.transformer import MULTIPLE, TransformerNet, one_style, recognize
from impasto.version import __version__

_OLDEST_OPSET = 13  # the first opset with all operators used here


def to_onnx(net: TransformerNet, styles: Sequence[str], card: Mapping[str, Any], *, statistics: bool = True) -> bytes:
    """Export the network as an .onnx file.

    Inputs: "picture", 1 x 3 x H x W, with H and W multiples of four. With several styles also "styles", 1 x K, their
    weights. Values are in the network's own range, 0..1 or 0..255. The metadata contain the range, in ONNX's own keys
    and in Impasto's. The graph is written layer by layer, with open sizes and no operator newer than opset 13.

    Args:
        styles: the names of the network's styles, in order.
        card: how the network was made; stored in the metadata.
        statistics: True to add the inputs "given" and "trust", which replace the network's own statistics (see
            `statistics`). Impasto needs them to paint large photos in tiles. False for other programs: the network
            clips its output to the range, and the file describes the possible sizes in words.
    Raises:
        MissingExtra: the package onnx is not installed.
    """
    g = Graph()
    state = {name: value.detach().float().cpu().numpy() for name, value in net.state_dict().items()}

    def convolve(x: str, key: str, stride: int = 1, upsample: bool = False) -> str:
        names = f"{key}.conv2d.weight", f"{key}.conv2d.bias"
        border = state[names[0]].shape[-1] // 2
        x = g.mirrored(g.doubled(x) if upsample else x, *[border] * 4)
        operands = [g.constant(state[name], name=name) for name in names]
        return g.node("Conv", x, *operands, strides=[stride, stride])

    def normalize(x: str, key: str) -> str:
        names = f"{key}.weight", f"{key}.bias"
        channels = state[names[0]].shape[1]
        if len(styles) == 1:
            operands = [g.constant(state[name][0], name=name) for name in names]
            return g.node("InstanceNormalization", x, *operands, epsilon=1e-5)
        operands = [g.constant(np.ones(channels)), g.constant(np.zeros(channels))]
        x = g.node("InstanceNormalization", x, *operands, epsilon=1e-5)
        rows = (g.node("MatMul", "styles", g.constant(state[name], name=name)) for name in names)
        scale, shift = (g.shaped(row, 1, channels, 1, 1) for row in rows)
        return g.node("Add", g.node("Mul", x, scale), shift)

    x = g.node("Relu", normalize(convolve("picture", "conv1"), "in1"))
    x = g.node("Relu", normalize(convolve(x, "conv2", 2), "in2"))
    x = g.node("Relu", normalize(convolve(x, "conv3", 2), "in3"))
    for index in range(1, net.architecture.blocks + 1):
        y = g.node("Relu", normalize(convolve(x, f"res{index}.conv1"), f"res{index}.in1"))
        x = g.node("Add", x, normalize(convolve(y, f"res{index}.conv2"), f"res{index}.in2"))
    x = g.node("Relu", normalize(convolve(x, "deconv1", upsample=True), "in4"))
    x = g.node("Relu", normalize(convolve(x, "deconv2", upsample=True), "in5"))
    x = convolve(x, "deconv3")
    if not statistics:  # other programs do not clip the values
        g.node("Clip", x, g.constant(0.0), g.constant(net.architecture.span))
    g.nodes[-1].output[0] = "painted"

    size: Shape = (1, 3, "height", "width")
    inputs = {"picture": size} | ({"styles": (1, len(styles))} if len(styles) > 1 else {})
    model = g.model("style network", inputs, {"painted": size})
    model.producer_version = __version__
    import onnx  # installed: `Graph` has imported it

    if statistics:
        expose_statistics(model)
    else:
        model.opset_import[0].version = _OLDEST_OPSET
        model.doc_string = f"height and width are multiples of {MULTIPLE}"
        model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)
    facts = _facts(net, styles, card)
    described = next(key for key, values in IMAGE_RANGES.items() if values == facts.takes)
    image = {"Image.BitmapPixelFormat": "Rgb8", "Image.ColorSpaceGamma": "SRGB", "Image.NominalPixelRange": described}
    onnx.helper.set_model_props(model, {METADATA: facts.as_json(), **image})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def chosen(
    net: TransformerNet, styles: Sequence[str], network: str, style: str
) -> tuple[TransformerNet, Sequence[str]]:
    """Return one of a network's styles as a network of its own. Without a style, return the network unchanged.

    Raises:
        UsageError: the network has no such style.
    """
    if not style:
        return net, styles
    if style not in styles:
        raise UsageError(
            f"unknown style '{network}/{style}'", f"styles of {network}: {', '.join(styles[:4])}", code="unknown-style"
        )
    return one_style(net, list(styles).index(style)), [style]


def to_program(net: TransformerNet, styles: Sequence[str], card: Mapping[str, Any]) -> bytes:
    """Export the network with `torch.export` (.pt2), with open height and width.

    The program takes pictures in 0..1, 1 x 3 x H x W, and the styles' weights, 1 x K. H and W are multiples of four and
    at least 32. The card is in the extra file "card.json".
    """
    examples = (torch.rand(1, 3, 64, 96), torch.eye(len(styles))[:1])
    quarters = {side: torch.export.Dim(f"quarter_of_{side}", min=8, max=4096) for side in ("height", "width")}
    sizes = {axis: MULTIPLE * quarters[side] for axis, side in ((2, "height"), (3, "width"))}
    with torch.no_grad():
        program = torch.export.export(net.eval(), examples, dynamic_shapes=(sizes, None))
    out = io.BytesIO()
    text = json.dumps({"styles": list(styles), "card": dict(card)}, ensure_ascii=False)
    torch.export.save(program, out, extra_files={"card.json": text})
    return out.getvalue()


def to_weights(net: TransformerNet, styles: Sequence[str], card: Mapping[str, Any]) -> bytes:
    """Write the network's tensors as a .safetensors file that describes its content."""
    tensors: dict[str, Tensor] = {name: value.contiguous().cpu() for name, value in net.state_dict().items()}
    return save(tensors, {METADATA: _facts(net, styles, card).as_json()})


def _facts(net: TransformerNet, styles: Sequence[str], card: Mapping[str, Any]) -> Facts:
    values = Values.of(0.0, net.architecture.span)
    return Facts(values, values, tuple(styles), dict(card))


def from_weights(path: Any) -> tuple[TransformerNet, Facts]:
    """Read a file of `to_weights`. Return the network and its facts.

    Raises:
        StyleError: the file is missing, damaged, or from another program.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = Facts.from_json((file.metadata() or {})[METADATA])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
    except Exception as error:  # an error of safetensors, OSError, KeyError, ValueError
        raise StyleError(
            f"{path} does not contain the weights of a network",
            "give a .safetensors file that impasto train wrote",
            code="not-a-network",
        ) from error
    net = recognize(tensors, str(path), facts.takes.high[0])
    if net.architecture.styles != len(facts.styles):
        raise StyleError(
            f"{path} is damaged: the number of its styles differs from the number of their names", code="damaged-file"
        )
    return net, facts
