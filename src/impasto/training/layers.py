"""A trained network in parts that each take a piece of the features, for photos too large for all of it at once.

They are what `impasto.passes` runs. A part is a chain of convolutions, with what lies between them; it gives the
features after its last one, their statistics, or the picture. Where a piece ends inside the photo its neighbours'
features are given with it; where it ends with the photo every convolution mirrors it, as the whole network does.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from impasto.nn.transformer import TransformerNet
from impasto.training.graph import Graph, Value

_STEPS = {"conv2": 2, "conv3": 2}  # strides; others have 1
_UPSAMPLED = ("deconv1", "deconv2")


def to_layers(net: TransformerNet) -> bytes:
    """The parts as an .npz file: bytes for each, the normalisations' scales and shifts, and a plan in JSON.

    Raises:
        MissingExtra: the package onnx is not there.
    """
    state = {name: value.detach().float().cpu().numpy() for name, value in net.state_dict().items()}
    blocks = range(1, net.architecture.blocks + 1)
    norms = ["in1", "in2", "in3", *(f"res{index}.in{half}" for index in blocks for half in (1, 2)), "in4", "in5"]
    parts: dict[str, Any] = {}
    plan: dict[str, Any] = {}

    def add(name: str, convolutions: Sequence[str], result: str, *, normed: bool = False) -> None:
        """`normed`: features are normalised before the first convolution, too."""
        photo = convolutions[0] == "conv1"
        parts[name] = np.frombuffer(_chain(state, convolutions, result, photo, normed), np.uint8)
        plan[name] = [
            {
                "border": state[f"{key}.conv2d.weight"].shape[-1] // 2,
                "stride": _STEPS.get(key, 1),
                "upsampled": 2 if key in _UPSAMPLED else 1,
            }
            for key in convolutions
        ]

    add("enter1", ["conv1"], "moments")
    add("enter2", ["conv1", "conv2"], "moments")
    add("enter3", ["conv1", "conv2", "conv3"], "features")
    for index in blocks:
        add(f"first{index}", [f"res{index}.conv1"], "features")
        add(f"second{index}", [f"res{index}.conv2"], "features", normed=True)
    add("leave1", ["deconv1"], "moments")
    add("leave2", ["deconv1", "deconv2"], "moments")
    add("leave3", ["deconv1", "deconv2", "deconv3"], "picture")
    for index, key in enumerate(norms):
        parts[f"scale{index}"], parts[f"shift{index}"] = (
            state[f"{key}.weight"],
            state[f"{key}.bias"],
        )  # styles x channels
    facts = {"chains": plan, "blocks": net.architecture.blocks, "channels": 4 * net.architecture.width}
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, plan=np.frombuffer(json.dumps(facts).encode(), np.uint8), **parts)
    return out.getvalue()


def _chain(state: dict[str, Any], convolutions: Sequence[str], result: str, photo: bool, normed: bool) -> bytes:
    """A part's .onnx file.

    Inputs: "given", a piece of the photo or of the features (in half precision); for the n-th convolution "crop{n}",
    the first and the last place of its input in rows and columns (y0, x0, y1, x1), and "pads{n}", a Pad's; for what is
    normalised before it "factor{n}" and "offset{n}".
    """
    from onnx import checker

    g = Graph()
    channels = state[f"{convolutions[0]}.conv2d.weight"].shape[1]
    inputs: dict[str, Value] = {"given": ("float32" if photo else "float16", [1, channels, "rows", "columns"])}
    x = "given" if photo else g.cast("given", "float32")
    for index, key in enumerate(convolutions):
        weight, bias = state[f"{key}.conv2d.weight"], state[f"{key}.conv2d.bias"]
        if index or normed:
            for name in ("factor", "offset"):
                inputs[f"{name}{index}"] = "float32", [1, weight.shape[1], 1, 1]
            x = g.node("Relu", g.node("Add", g.node("Mul", x, f"factor{index}"), f"offset{index}"))
        if key in _UPSAMPLED:
            x = g.twice(x)
        inputs[f"crop{index}"], inputs[f"pads{index}"] = ("int64", [4]), ("int64", [8])
        first, last = (
            g.node("Slice", f"crop{index}", *(g.constant(f"at{value}", [value], np.int64) for value in ends))
            for ends in ((0, 2), (2, 4))
        )
        x = g.node("Slice", x, first, last, g.constant("sides", [2, 3], np.int64))
        x = g.node("Pad", x, f"pads{index}", mode="reflect")
        operands = [g.constant(f"{key}.weight", weight), g.constant(f"{key}.bias", bias)]
        x = g.node("Conv", x, *operands, strides=[_STEPS.get(key, 1)] * 2)
    outputs: dict[str, Value] = {}
    if result == "picture":
        g.nodes[-1].output[0] = "picture"
        outputs["picture"] = "float32", [1, 3, "height", "width"]
    else:
        out = len(state[f"{convolutions[-1]}.conv2d.bias"])
        across = g.cast(g.node("Shape", x, start=3), "float32")
        rows = g.node("ReduceMean", x, axes=[3], keepdims=0)
        g.node("ReduceMean", rows, axes=[0, 2], keepdims=0, name="means")
        rows = g.node("Div", g.node("ReduceSumSquare", x, axes=[3], keepdims=0), across)
        g.node("ReduceMean", rows, axes=[0, 2], keepdims=0, name="squares")
        outputs |= {"means": ("float32", [out]), "squares": ("float32", [out])}
        if result == "features":
            g.cast(x, "float16", name="features")
            outputs = {"features": ("float16", [1, out, "height", "width"]), **outputs}
    model = g.model("part of a style network", inputs, outputs)
    checker.check_model(model)
    return bytes(model.SerializeToString())
