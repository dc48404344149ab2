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

from impasto.engines.network import METADATA, Facts
from impasto.errors import StyleError
from impasto.exchange.graph import Graph, Value
from impasto.exchange.statistics import expose_statistics
from impasto.nn.transformer import MULTIPLE, TransformerNet, recognise


def to_onnx(net: TransformerNet, styles: Sequence[str], card: Mapping[str, Any]) -> bytes:
    """The network as an .onnx file.

    Inputs: "picture", 1 x 3 x H x W, H and W multiples of four; with several styles also "styles", 1 x K, their
    weights; "given" and "trust" let it be normalised by other statistics than its own (see `statistics`). Values as
    the network has them (0..1 or 0..255: the metadata's `low` and `high`). The graph is written layer by layer: it has
    no sizes in it.

    Args:
        styles: the names of the network's styles, in order.
        card: how it was made; goes into the metadata.
    Raises:
        MissingExtra: the package onnx is not there.
    """
    g = Graph()
    state = {name: value.detach().float().cpu().numpy() for name, value in net.state_dict().items()}

    def convolve(x: str, key: str, stride: int = 1, upsample: bool = False) -> str:
        weight = state[f"{key}.conv2d.weight"]
        border = weight.shape[-1] // 2
        if upsample:
            x = g.twice(x)
        pads = g.constant(f"border_{border}", [0, 0, border, border] * 2, np.int64)
        x = g.node("Pad", x, pads, mode="reflect")
        operands = [g.constant(f"{key}.weight", weight), g.constant(f"{key}.bias", state[f"{key}.conv2d.bias"])]
        return g.node("Conv", x, *operands, strides=[stride, stride])

    def normalise(x: str, key: str) -> str:
        weight, bias = state[f"{key}.weight"], state[f"{key}.bias"]
        if len(styles) == 1:
            operands = [g.constant(f"{key}.weight", weight[0]), g.constant(f"{key}.bias", bias[0])]
            return g.node("InstanceNormalization", x, *operands, epsilon=1e-5)
        channels = weight.shape[1]
        ones = [g.constant(f"ones_{channels}", np.ones(channels)), g.constant(f"zeros_{channels}", np.zeros(channels))]
        x = g.node("InstanceNormalization", x, *ones, epsilon=1e-5)
        shape = g.constant(f"column_{channels}", [1, channels, 1, 1], np.int64)
        scale = g.node("Reshape", g.node("MatMul", "styles", g.constant(f"{key}.weight", weight)), shape)
        shift = g.node("Reshape", g.node("MatMul", "styles", g.constant(f"{key}.bias", bias)), shape)
        return g.node("Add", g.node("Mul", x, scale), shift)

    x = g.node("Relu", normalise(convolve("picture", "conv1"), "in1"))
    x = g.node("Relu", normalise(convolve(x, "conv2", 2), "in2"))
    x = g.node("Relu", normalise(convolve(x, "conv3", 2), "in3"))
    for index in range(1, net.architecture.blocks + 1):
        y = g.node("Relu", normalise(convolve(x, f"res{index}.conv1"), f"res{index}.in1"))
        x = g.node("Add", x, normalise(convolve(y, f"res{index}.conv2"), f"res{index}.in2"))
    x = g.node("Relu", normalise(convolve(x, "deconv1", upsample=True), "in4"))
    x = g.node("Relu", normalise(convolve(x, "deconv2", upsample=True), "in5"))
    x = convolve(x, "deconv3")
    g.nodes[-1].output[0] = "painted"

    inputs: dict[str, Value] = {"picture": ("float32", (1, 3, "height", "width"))}
    if len(styles) > 1:
        inputs["styles"] = "float32", (1, len(styles))
    model = g.model("style network", inputs, {"painted": ("float32", (1, 3, "height", "width"))})
    expose_statistics(model)
    facts = Facts(0.0, net.architecture.span, tuple(styles), dict(card))
    import onnx  # there, or the graph would have said so

    onnx.helper.set_model_props(model, {METADATA: facts.as_json()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


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
    return save(tensors, {METADATA: Facts(0.0, net.architecture.span, tuple(styles), dict(card)).as_json()})


def from_weights(path: Any) -> tuple[TransformerNet, Facts]:
    """What `to_weights` has written.

    Raises:
        StyleError: the file is missing, damaged, or of another origin.
    """
    try:
        with safe_open(path, "pt") as file:
            found = json.loads((file.metadata() or {})[METADATA])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
    except Exception as error:  # safetensors' own, OSError, KeyError, ValueError
        raise StyleError(f"{path} cannot be read as a network's weights", code="not-a-network") from error
    facts = Facts(float(found["low"]), float(found["high"]), tuple(found["styles"]), found.get("card"))
    return recognise(tensors, str(path), facts.high), facts
