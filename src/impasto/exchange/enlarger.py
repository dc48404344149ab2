"""Write an enlarger as an .onnx file, which runs without PyTorch, and its weights as .safetensors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save

from impasto.enlarging.network import METADATA, Facts
from impasto.errors import StyleError
from impasto.exchange.graph import Graph, Shape
from impasto.nn.enlarge_net import EnlargeNet, EnlargerForm, projection
from impasto.version import __version__


def to_onnx(net: EnlargeNet, card: Mapping[str, Any], *, whole: bool = False) -> bytes:
    """Write an enlarger as an .onnx file.

    Input: "picture", 1 x 3 x h x w, 0..1. Its sides are multiples of the network's step, which the metadata contain.
    Output: "blocks", 1 x h/step x w/step x (rows, columns, colors of a block), from 0 to slightly above 1.

    The caller mirrors the picture at its borders by the network's margin, and crops the result accordingly. The caller
    also arranges the blocks, in half the time of an ONNX operator.

    Args:
        card: how the network was made; stored in the metadata.
        whole: for other programs: the output is "enlarged", 1 x 3 x sh x sw, and the graph treats the borders itself.
    Raises:
        MissingExtra: the package onnx is not installed.
    """
    g, form = Graph(), net.form
    state = {name: value.detach().float().cpu().numpy() for name, value in net.state_dict().items()}
    filters = {name: value.numpy() for name, value in projection(form).items()}
    small, large = _colors_last(form.step), _colors_last(form.shuffle)
    state["head.weight"] = state["head.weight"][:, small]
    tail, bias = state["tail.weight"], state["tail.bias"]
    # Reduction of the result is linear, so it is computed from the features directly.
    down_rows = np.einsum("omhw,mi->oihw", filters["down_rows"], tail[:, :, 0, 0])
    down_bias = np.einsum("omhw,m->o", filters["down_rows"], bias)

    def convolve(x: str, name: str, weight: Any, bias: Any = None) -> str:
        operands = [g.constant(weight, name=name)] + ([] if bias is None else [g.constant(bias, name=f"{name}.bias")])
        height, width = weight.shape[2:]
        return g.node("Conv", x, *operands, pads=[height // 2, width // 2] * 2)

    def layer(x: str, key: str) -> str:
        return convolve(x, key, state[f"{key}.weight"], state[f"{key}.bias"])

    x = "picture"
    if whole:
        x = g.mirrored(x, form.margin, form.margin, form.margin, form.margin, mode="edge")
    if form.step > 1:
        x = g.node("SpaceToDepth", x, blocksize=form.step)
    y = layer(x, "head")
    for index in range(0, 2 * form.blocks, 2):
        y = g.node("Add", layer(g.node("Relu", layer(y, f"body.{index}")), f"body.{index + 1}"), y)
    reduced = convolve(y, "down_rows", down_rows, down_bias)
    reduced = convolve(reduced, "down_columns", filters["down_columns"][small])
    missing = convolve(g.node("Sub", x, reduced), "up_rows", filters["up_rows"][:, small])
    missing = convolve(missing, "up_columns", filters["up_columns"][large], np.zeros_like(bias))
    # ONNX Runtime fuses convolution, sum and ReLU if the convolution has a bias.
    made = g.node("Relu", g.node("Add", missing, convolve(y, "tail", tail[large], bias[large])))
    sizes: dict[str, Shape]
    if whole:
        made = g.node("DepthToSpace", made, blocksize=form.shuffle, mode="DCR")
        ends = [form.margin * form.scale] * 2
        bounds = (g.constant(value, np.int64) for value in (ends, [-end for end in ends], [2, 3]))
        g.node("Clip", g.node("Slice", made, *bounds), g.constant(0.0), g.constant(1.0), name="enlarged")
        sizes = {"enlarged": (1, 3, "large_height", "large_width")}
    else:  # the transposition is free, because ONNX Runtime's convolutions can write both orders
        g.node("Transpose", made, perm=[0, 2, 3, 1], name="blocks")
        sizes = {"blocks": (1, "rows", "columns", 3 * form.shuffle**2)}

    model = g.model("enlarger", {"picture": (1, 3, "height", "width")}, sizes)
    model.producer_version = __version__
    facts = Facts(form.scale, form.step, form.margin, dict(card))
    import onnx  # installed: `Graph` has imported it

    onnx.helper.set_model_props(model, {METADATA: facts.as_json()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def to_weights(net: EnlargeNet, card: Mapping[str, Any]) -> bytes:
    """Write the network's tensors in half precision as a .safetensors file that describes its content."""
    tensors = {name: value.half().contiguous().cpu() for name, value in net.state_dict().items()}
    return save(tensors, {METADATA: json.dumps({"form": dataclasses.asdict(net.form), "card": dict(card)})})


def from_weights(path: Path) -> tuple[EnlargeNet, dict[str, Any]]:
    """Read a file of `to_weights`. Return the network and its card.

    Raises:
        StyleError: the file is missing, damaged, or from another program.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {})[METADATA])
            net = EnlargeNet(EnlargerForm(**facts["form"]))
            net.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})  # noqa: SIM118  not a mapping
    except Exception as error:  # an error of safetensors, OSError, KeyError, ValueError, TypeError
        raise StyleError(
            f"{path} does not contain the weights of an enlarger",
            "give the .safetensors file that impasto train enlarger wrote",
            code="not-a-network",
        ) from error
    return net, facts["card"]


def _colors_last(step: int) -> NDArray[np.int64]:
    """Return the order of a block's channels that turns PyTorch's color x row x column into row x column x color."""
    return np.arange(3 * step * step).reshape(3, -1).T.ravel()
