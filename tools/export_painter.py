#!/usr/bin/env python3
"""Write the painter's two ONNX files from its tensors.

    python tools/export_painter.py     # into src/impasto/assets/painter

The network is that of `src/impasto/nn/painter_net.py`. ONNX Runtime computes some of the style encoder's layers far
from the machine's speed, so equivalent ones are written instead:

- 9 x 9 at full size has 3 channels on one side, while the kernels work on blocks of 16. The same sums as a 10 x 10
  convolution of stride 2 give the four pixels of a 2 x 2 block as channels.
- the 3 x 3 of stride 2 then reads those blocks directly, as a dense 2 x 2 convolution;
- grouped 1 -> 2 convolutions become two depthwise ones side by side: only depthwise has a fast kernel.

encode.onnx: picture 1 x 3 x H x W -> vector 512.
paint.onnx:  photo 1 x 3 x H x W, vector 1 x 512, given 1024, trust -> picture 1 x 3 x H x W, statistics 1024.
             What features are normalised by comes out as statistics; `trust` parts of it are taken from what is given
             (see `impasto.training.statistics`).
H and W are multiples of four and at least 32.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from impasto.nn.painter_net import BLOCKS, EPSILON, MARGIN, NORMS, WIDTH
from impasto.training.statistics import expose_statistics

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "src" / "impasto" / "assets" / "painter"
WEIGHTS = ASSETS / "painter.safetensors"
CHANNELS = 64  # of the style encoder's features
OPSET = 17

Array = NDArray[np.float32]


class Graph:
    """Nodes and constants, written one after the other; every method returns its output's name."""

    def __init__(self, tensors: dict[str, Array]) -> None:
        self.tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, value: object, dtype: type = np.float32) -> str:
        array: NDArray[Any] = np.ascontiguousarray(value, dtype=dtype)
        name = "c_" + hashlib.sha256(repr((array.shape, array.dtype)).encode() + array.tobytes()).hexdigest()[:16]
        self.constants.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, outputs: int = 0, **attributes: object) -> str:
        name = f"{kind}_{len(self.nodes)}"
        names = [f"{name}_{i}" for i in range(outputs)] or [name]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=name, **attributes))
        return name

    def pad(self, x: str, top: int, left: int, bottom: int, right: int, mode: str = "reflect") -> str:
        return self.node("Pad", x, self.constant([0, 0, top, left, 0, 0, bottom, right], np.int64), mode=mode)

    def convolve(self, x: str, weight: Array, bias: Array | None, stride: int = 1, groups: int = 1) -> str:
        operands = [self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        return self.node("Conv", x, *operands, strides=[stride, stride], group=groups)

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def layer(self, key: str) -> tuple[Array, Array]:
        return self.tensors[f"{key}.conv_layer.weight"], self.tensors[f"{key}.conv_layer.bias"]

    def published(self, x: str, key: str) -> str:
        """One of the network's convolutions as it stands: reflection padding with half the kernel."""
        weight, bias = self.layer(key)
        half = weight.shape[-1] // 2
        groups = CHANNELS if key.startswith("modulator") else 1
        return self.convolve(self.pad(x, *[half] * 4) if half else x, weight, bias, groups=groups)

    def model(
        self, name: str, inputs: dict[str, list[int | str]], outputs: dict[str, list[int | str]]
    ) -> onnx.ModelProto:
        def value(key: str, dims: list[int | str]) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(key, TensorProto.FLOAT, dims)

        graph = helper.make_graph(
            self.nodes,
            name,
            [value(k, v) for k, v in inputs.items()],
            [value(k, v) for k, v in outputs.items()],
            list(self.constants.values()),
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="impasto"
        )
        onnx.checker.check_model(model)
        return model


def four_phases(weight: Array, bias: Array) -> tuple[Array, Array]:
    """K x K at stride 1 as (K+1) x (K+1) at stride 2: output channel (y, x, c) is pixel (y, x) of the 2 x 2 block."""
    cout, cin, k, _ = weight.shape
    phases = np.zeros((2, 2, cout, cin, k + 1, k + 1), np.float32)
    for y in range(2):
        for x in range(2):
            phases[y, x, :, :, y : y + k, x : x + k] = weight
    return phases.reshape(4 * cout, cin, k + 1, k + 1), np.tile(bias, 4)


def halve_phases(weight: Array) -> Array:
    """Grouped 3 x 3 of stride 2 (one input, two outputs a group) as a dense 2 x 2 on phases padded top and left."""
    cout = weight.shape[0]
    dense = np.zeros((cout, 2, 2, cout // 2, 2, 2), np.float32)
    for y in range(3):
        for x in range(3):
            (block_y, phase_y), (block_x, phase_x) = divmod(y - 1, 2), divmod(x - 1, 2)
            for channel in range(cout):
                dense[channel, phase_y, phase_x, channel // 2, block_y + 1, block_x + 1] = weight[channel, 0, y, x]
    return dense.reshape(cout, 2 * cout, 2, 2)


def moments(g: Graph, x: str) -> tuple[str, str]:
    """Mean, and deviation: the root of the unbiased variance plus 1e-5."""
    mean = g.node("ReduceMean", x, axes=[2, 3], keepdims=1)
    centred = g.node("Sub", x, mean)
    biased = g.node("ReduceMean", g.node("Mul", centred, centred), axes=[2, 3], keepdims=1)
    area = g.node("ReduceProd", g.node("Shape", x, start=2), keepdims=0)
    count = g.node("Cast", area, to=TensorProto.FLOAT)
    bessel = g.node("Div", count, g.node("Sub", count, g.constant(1.0)))
    variance = g.node("Mul", biased, bessel)
    return mean, g.node("Sqrt", g.node("Add", variance, g.constant(1e-5)))


def residual(g: Graph, x: str, key: str) -> str:
    inner = g.relu(g.published(x, f"{key}.conv1"))
    return g.node("Add", x, g.published(inner, f"{key}.conv2"))


def encoder(g: Graph, picture: str, key: str) -> tuple[str, str]:
    """Picture to f1 and f2, 64 channels at a quarter of the size."""
    x = g.relu(g.convolve(g.pad(picture, 4, 4, 4, 4), *four_phases(*g.layer(f"{key}.enc1.0")), stride=2))
    weight, bias = g.layer(f"{key}.enc1.2")
    # Reflection at full size is, one block outside, the odd phase of the first block: edge padding of the phases.
    x = g.relu(g.convolve(g.pad(x, 1, 1, 0, 0, "edge"), halve_phases(weight), bias))
    x = g.relu(g.published(x, f"{key}.enc1.4"))
    weight, bias = g.layer(f"{key}.enc1.6")
    x = g.pad(x, 1, 1, 1, 1)
    halves = [g.convolve(x, weight[i::2], bias[i::2], stride=2, groups=len(weight) // 2) for i in range(2)]
    x = g.relu(g.node("Concat", *halves, axis=1))
    weight, bias = g.layer(f"{key}.enc1.8")
    x = g.relu(g.convolve(x, np.concatenate([weight[:, 0::2], weight[:, 1::2]], axis=1), bias))
    f1 = residual(g, x, f"{key}.enc1.10")
    return f1, residual(g, f1, f"{key}.enc2.0")


def encode_model(tensors: dict[str, Array]) -> onnx.ModelProto:
    g = Graph(tensors)
    f1, f2 = encoder(g, "picture", "style_encoder")
    parts = [*moments(g, f1), *moments(g, f2)]
    for name, features in (("weight1", f1), ("bias1", f1), ("weight2", f2), ("bias2", f2)):
        parts.append(g.node("ReduceMean", g.published(features, f"modulator.{name}.0"), axes=[2, 3], keepdims=1))
    g.nodes.append(
        helper.make_node(
            "Reshape", [g.node("Concat", *parts, axis=1), g.constant([8 * CHANNELS], np.int64)], ["vector"]
        )
    )
    return g.model("encode", {"picture": [1, 3, "height", "width"]}, {"vector": [8 * CHANNELS]})


def paint_model(tensors: dict[str, Array]) -> onnx.ModelProto:
    g = Graph(tensors)

    def layer(name: str) -> tuple[Array, Array]:
        return tensors[f"brush.{name}.weight"].astype(np.float32), tensors[f"brush.{name}.bias"].astype(np.float32)

    def dense(x: str, name: str) -> str:
        """A fully connected layer; its weights stay in half precision in the file."""
        weight = g.constant(tensors[f"brush.{name}.weight"].T, np.float16)
        y = g.node("MatMul", x, g.node("Cast", weight, to=TensorProto.FLOAT))
        bias = tensors.get(f"brush.{name}.bias")
        return y if bias is None else g.node("Add", y, g.constant(bias))

    told = g.node("Sub", "vector", g.constant(tensors["brush.usual"]))
    told = g.node("Div", told, g.constant(tensors["brush.spread"]))
    told = g.node("Clip", told, g.constant(-6.0), g.constant(6.0))
    modulations = g.node("Add", dense(g.relu(dense(told, "style1")), "style2"), dense(told, "direct"))
    parts = g.node("Split", modulations, outputs=2 * NORMS, axis=1)
    shape = g.constant([WIDTH], np.int64)
    steps = [g.node("Reshape", f"{parts}_{index}", shape) for index in range(2 * NORMS)]

    def normalise(x: str, number: int) -> str:
        scale = g.node("Add", steps[2 * number], g.constant(1.0))
        return g.node("InstanceNormalization", x, scale, steps[2 * number + 1], epsilon=EPSILON)

    def convolve(x: str, name: str, stride: int = 1, groups: int = 1, pads: int = 0) -> str:
        weight, bias = layer(name)
        return g.node(
            "Conv", x, g.constant(weight), g.constant(bias), strides=[stride] * 2, group=groups, pads=[pads] * 4
        )

    weight, bias = layer("enter1")  # of pictures in -1..1
    tensors = {
        **tensors,
        "brush.enter1.weight": np.asarray(2 * weight, np.float32),
        "brush.enter1.bias": np.asarray(bias - weight.sum((1, 2, 3)), np.float32),
    }
    weight, bias = layer("leave3")
    tensors = {
        **tensors,
        "brush.leave3.weight": np.asarray(weight / 2, np.float32),
        "brush.leave3.bias": bias / 2 + np.float32(0.5),
    }
    x = g.pad("photo", MARGIN, MARGIN, MARGIN, MARGIN)
    border = g.constant([0, 0, 2, 2, 0, 0, 2, 2], np.int64)
    x = g.node("Pad", x, border, g.constant(0.5))  # what is 0 in -1..1
    x = g.relu(convolve(x, "enter1", 2))
    x = g.relu(convolve(x, "enter2", 2, pads=1))
    x = normalise(x, 0)
    for index in range(BLOCKS):
        y = normalise(convolve(x, f"blocks.{index}.look", groups=WIDTH, pads=2), index + 1)
        y = g.relu(convolve(y, f"blocks.{index}.widen"))
        x = g.node("Add", x, convolve(y, f"blocks.{index}.narrow"))
    x = normalise(x, NORMS - 1)
    x = g.node("DepthToSpace", g.relu(convolve(x, "leave1")), blocksize=2, mode="CRD")
    x = convolve(g.relu(convolve(x, "leave2", pads=1)), "leave3", pads=1)
    x = g.node("DepthToSpace", x, blocksize=2, mode="CRD")
    x = g.pad(x, -MARGIN, -MARGIN, -MARGIN, -MARGIN, "constant")
    g.nodes.append(helper.make_node("Clip", [x, g.constant(0.0), g.constant(1.0)], ["picture"]))
    sizes: list[int | str] = [1, 3, "height", "width"]
    model = g.model("paint", {"photo": sizes, "vector": [1, 8 * CHANNELS]}, {"picture": sizes})
    if not expose_statistics(model, WIDTH):
        raise SystemExit("the painter's statistics cannot be exposed")
    onnx.checker.check_model(model)
    return model


def multiply_adds(model: onnx.ModelProto, side: int = 1024) -> float:
    """Multiply-adds of the convolutions for each pixel, zeros that a rewriting brought in counted."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    sizes = {"height": side, "width": side}
    for value in fixed.graph.input:
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_value = sizes[dimension.dim_param]
    inferred = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in inferred.graph.value_info}
    weights = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            total += int(np.prod(weights[node.input[1]])) * int(np.prod(shapes[node.output[0]][2:]))
    return total / side**2


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the painter's two ONNX files from its tensors.")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("-o", "--output", type=Path, default=ASSETS)
    arguments = parser.parse_args()
    tensors = load_file(arguments.weights)
    arguments.output.mkdir(parents=True, exist_ok=True)
    hashes, cost = {}, 0.0
    for name, build in (("encode.onnx", encode_model), ("paint.onnx", paint_model)):
        model = build(tensors)
        data = model.SerializeToString(deterministic=True)
        (arguments.output / name).write_bytes(data)
        hashes[name] = hashlib.sha256(data).hexdigest()
        print(f"{name}  {len(data) / 1e6:.2f} MB  {hashes[name]}")
        cost = multiply_adds(model) if name == "paint.onnx" else cost
    facts = {"sha256": hashes, "mac_per_pixel": round(cost)}
    (arguments.output / "facts.json").write_text(json.dumps(facts, indent=2) + "\n")
    print(f"{cost:,.0f} multiply-adds a pixel")


if __name__ == "__main__":
    main()
