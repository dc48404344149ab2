"""A trained network as ONNX, which runs without PyTorch, or as a program of `torch.export`; any size of picture."""

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
from impasto.nn.transformer import MULTIPLE, TransformerNet, one_style, recognise
from impasto.version import __version__

_OLDEST_OPSET = 13  # that has all operators in the form that is written


def to_onnx(net: TransformerNet, styles: Sequence[str], card: Mapping[str, Any], *, statistics: bool = True) -> bytes:
    """The network as an .onnx file.

    Inputs: "picture", 1 x 3 x H x W, H and W multiples of four; with several styles also "styles", 1 x K, their
    weights. Values as the network has them, 0..1 or 0..255: the metadata say it, in ONNX's own keys and in ours. The
    graph is written layer by layer: it has no sizes in it, and no operator that is newer than opset 13.

    Args:
        styles: the names of the network's styles, in order.
        card: how it was made; goes into the metadata.
        statistics: more inputs, "given" and "trust", let it be normalized by other statistics than its own (see
            `statistics`): large photos are painted in tiles here. Other programs do not know of them; a file for those
            is without, gives no values beyond its range, and says in words which sizes it takes.
    Raises:
        MissingExtra: the package onnx is not there.
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
    if not statistics:  # other programs write the values as they come
        g.node("Clip", x, g.constant(0.0), g.constant(net.architecture.span))
    g.nodes[-1].output[0] = "painted"

    size: Shape = (1, 3, "height", "width")
    inputs = {"picture": size} | ({"styles": (1, len(styles))} if len(styles) > 1 else {})
    model = g.model("style network", inputs, {"painted": size})
    model.producer_version = __version__
    import onnx  # there, or the graph would have said so

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
    """One of a network's styles as a network of its own; without a style, all as they are.

    Raises:
        UsageError: it has no such style.
    """
    if not style:
        return net, styles
    if style not in styles:
        raise UsageError(f"{network}/{style} is no style", ", ".join(styles[:4]), code="unknown-style")
    return one_style(net, list(styles).index(style)), [style]


def to_program(net: TransformerNet, styles: Sequence[str], card: Mapping[str, Any]) -> bytes:
    """The network as `torch.export` saves it (.pt2), height and width left open.

    It is called with pictures in 0..1, 1 x 3 x H x W, H and W multiples of four from 32 on, and the styles' weights,
    1 x K. The card is its extra file "card.json".
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
    """The network's tensors as a .safetensors file that says what they are."""
    tensors: dict[str, Tensor] = {name: value.contiguous().cpu() for name, value in net.state_dict().items()}
    return save(tensors, {METADATA: _facts(net, styles, card).as_json()})


def _facts(net: TransformerNet, styles: Sequence[str], card: Mapping[str, Any]) -> Facts:
    values = Values.of(0.0, net.architecture.span)
    return Facts(values, values, tuple(styles), dict(card))


def from_weights(path: Any) -> tuple[TransformerNet, Facts]:
    """What `to_weights` has written.

    Raises:
        StyleError: the file is missing, damaged, or of another origin.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = Facts.from_json((file.metadata() or {})[METADATA])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
    except Exception as error:  # safetensors' own, OSError, KeyError, ValueError
        raise StyleError(f"{path} cannot be read as a network's weights", code="not-a-network") from error
    net = recognise(tensors, str(path), facts.takes.high[0])
    if net.architecture.styles != len(facts.styles):
        raise StyleError(f"{path} is damaged: it names other styles than it holds", code="damaged-file")
    return net, facts
