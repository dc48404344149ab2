#!/usr/bin/env python3
"""Write the painter's two ONNX files from its tensors.

    python tools/export_painter.py                 # into src/impasto/assets/painter
    python tools/export_painter.py --plain -o DIR  # layer by layer as published, to measure against

The network is MicroAST (see `src/impasto/nn/painter_net.py` for it in PyTorch). ONNX Runtime computes
some of its layers far from the machine's speed, so equivalent ones are written instead:

- 9 x 9 at full size has 3 or 16 channels on one side, while the kernels work on blocks of 16. The same
  sums as a 10 x 10 convolution of stride 2 give the four pixels of a 2 x 2 block as channels.
- the encoder's 3 x 3 of stride 2 then reads those blocks directly, as a dense 2 x 2 convolution;
- grouped 1 -> 2 convolutions become two depthwise ones side by side, grouped 2 -> 1 convolutions
  a depthwise one and a 1 x 1 that adds the pairs: only depthwise has a fast kernel.

encode.onnx: picture 1 x 3 x H x W -> vector 512.
paint.onnx:  photo 1 x 3 x H x W, vectors K x 512, masks K x 1 x h x w, given K+1 x 128, trust
             -> picture 1 x 3 x H x W, statistics K+1 x 128. The masks say how much of each vector every position
             takes: K x 1 x 1 x 1 for the whole picture alike, or a quarter of its size. The photo's features are
             normalised by `trust` parts of the given means and deviations and 1 - trust of their own, which come out.
H and W are multiples of four and at least 16.
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

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "src" / "impasto" / "assets" / "painter"
WEIGHTS = ASSETS / "painter.safetensors"
CHANNELS = 64
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

    def published(self, x: str, key: str, stride: int = 1) -> str:
        """One of the network's convolutions as it stands: reflection padding with half the kernel."""
        weight, bias = self.layer(key)
        half = weight.shape[-1] // 2
        groups = {(32, 1): 16, (64, 1): 32, (32, 2): 32, (16, 2): 16}.get(weight.shape[:2], 1)
        if key.startswith("modulator"):
            groups = CHANNELS
        return self.convolve(self.pad(x, *[half] * 4) if half else x, weight, bias, stride, groups)

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


def pair_sum(pairs: int) -> Array:
    """1 x 1 weights that add channels 2i and 2i + 1."""
    return np.repeat(np.eye(pairs, dtype=np.float32), 2, axis=1)[:, :, None, None]


def moments(g: Graph, x: str) -> tuple[str, str, str]:
    """Mean, deviation (root of the unbiased variance plus 1e-5) and the centred features."""
    mean = g.node("ReduceMean", x, axes=[2, 3], keepdims=1)
    centred = g.node("Sub", x, mean)
    biased = g.node("ReduceMean", g.node("Mul", centred, centred), axes=[2, 3], keepdims=1)
    area = g.node("ReduceProd", g.node("Shape", x, start=2), keepdims=0)
    count = g.node("Cast", area, to=TensorProto.FLOAT)
    bessel = g.node("Div", count, g.node("Sub", count, g.constant(1.0)))
    variance = g.node("Mul", biased, bessel)
    return mean, g.node("Sqrt", g.node("Add", variance, g.constant(1e-5))), centred


class Statistics:
    """The means and deviations that the photo's features are normalised by: their own, or given ones, or between.

    Frames of a video and tiles of a large photo are normalised by those of the whole. Row 0 is of the encoder's
    features, one row for each style follows, of its first block's.
    """

    def __init__(self, g: Graph) -> None:
        self.g, self.own = g, list[str]()
        axes = g.constant([2, 3], np.int64)
        split = g.node("Split", "given", outputs=2, axis=1)
        self.given = [
            g.node("Unsqueeze", f"{split}_{i}", axes) for i in range(2)
        ]  # K + 1 x 64 x 1 x 1: mean, deviation

    def adain(self, x: str, mean: str, deviation: str, rows: tuple[int, int]) -> str:
        """To a style's mean and deviation, from what these rows of the statistics say."""
        g = self.g
        own_mean, own_deviation, _ = moments(g, x)
        self.own.append(g.node("Concat", own_mean, own_deviation, axis=1))
        bounds = [g.constant([row], np.int64) for row in rows]
        used = []
        for own, given in zip((own_mean, own_deviation), self.given, strict=True):
            there = g.node("Slice", given, *bounds, g.constant([0], np.int64))
            used.append(g.node("Add", own, g.node("Mul", g.node("Sub", there, own), "trust")))
        scale = g.node("Div", deviation, used[1])
        shift = g.node("Sub", mean, g.node("Mul", used[0], scale))
        return g.node("Add", g.node("Mul", x, scale), shift)

    def output(self) -> None:
        g = self.g
        flat = g.node("Flatten", g.node("Concat", *self.own, axis=0))
        g.nodes.append(helper.make_node("Identity", [flat], ["statistics"]))


def residual(g: Graph, x: str, key: str) -> str:
    inner = g.relu(g.published(x, f"{key}.conv1"))
    return g.node("Add", x, g.published(inner, f"{key}.conv2"))


def modulated_residual(g: Graph, x: str, key: str, w: str, b: str) -> str:
    def modulate(features: str, plain: str) -> str:
        return g.node("Add", g.node("Mul", features, w), g.node("Mul", plain, b))

    inner = g.relu(modulate(g.published(x, f"{key}.conv1"), x))
    return g.node("Add", x, modulate(g.published(inner, f"{key}.conv2"), inner))


def encoder(g: Graph, picture: str, key: str, plain: bool) -> tuple[str, str]:
    """Picture to f1 and f2, 64 channels at a quarter of the size."""
    if plain:
        x = g.relu(g.published(picture, f"{key}.enc1.0"))
        for index, stride in ((2, 2), (4, 1), (6, 2), (8, 1)):
            x = g.relu(g.published(x, f"{key}.enc1.{index}", stride))
    else:
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


def enlarge(g: Graph, x: str, grouped: str, mixing: str, plain: bool) -> str:
    """Bilinear x 2, a grouped 3 x 3 (two inputs a group) and a 1 x 1."""
    x = g.node("Resize", x, "", g.constant([1, 1, 2, 2]), mode="linear", coordinate_transformation_mode="half_pixel")
    if plain:
        x = g.relu(g.published(x, grouped))
    else:
        weight, bias = g.layer(grouped)
        depthwise = g.convolve(g.pad(x, 1, 1, 1, 1), weight.reshape(-1, 1, 3, 3), None, groups=2 * len(weight))
        x = g.relu(g.convolve(depthwise, pair_sum(len(weight)), bias))
    return g.relu(g.published(x, mixing))


def encode_model(tensors: dict[str, Array], plain: bool = False) -> onnx.ModelProto:
    g = Graph(tensors)
    f1, f2 = encoder(g, "picture", "style_encoder", plain)
    parts = [*moments(g, f1)[:2], *moments(g, f2)[:2]]
    for name, features in (("weight1", f1), ("bias1", f1), ("weight2", f2), ("bias2", f2)):
        parts.append(g.node("ReduceMean", g.published(features, f"modulator.{name}.0"), axes=[2, 3], keepdims=1))
    g.nodes.append(
        helper.make_node(
            "Reshape", [g.node("Concat", *parts, axis=1), g.constant([8 * CHANNELS], np.int64)], ["vector"]
        )
    )
    return g.model("encode", {"picture": [1, 3, "height", "width"]}, {"vector": [8 * CHANNELS]})


def paint_model(tensors: dict[str, Array], plain: bool = False) -> onnx.ModelProto:
    g = Graph(tensors)
    _, f2 = encoder(g, "photo", "content_encoder", plain)

    split = g.node("Split", "vectors", outputs=8, axis=1)
    axes = g.constant([2, 3], np.int64)
    parts = [g.node("Unsqueeze", f"{split}_{i}", axes) for i in range(8)]  # K x 64 x 1 x 1 each
    mean1, deviation1, mean2, deviation2, w1, b1, w2, b2 = parts

    def mixed(values: str) -> str:
        """K of them to one, each position taking what its masks say."""
        return g.node("ReduceSum", g.node("Mul", values, "masks"), g.constant([0], np.int64), keepdims=1)

    # As far as the statistics go, each style sees the whole photo: measured over a mixture they would fit none of them.
    statistics = Statistics(g)
    x = modulated_residual(g, statistics.adain(f2, mean2, deviation2, (0, 1)), "decoder.dec1", w2, b2)
    x = mixed(statistics.adain(x, mean1, deviation1, (1, 1000)))
    statistics.output()
    x = modulated_residual(g, x, "decoder.dec2", mixed(w1), mixed(b1))
    x = enlarge(g, x, "decoder.dec3.1", "decoder.dec3.3", plain)
    x = enlarge(g, x, "decoder.dec3.6", "decoder.dec3.8", plain)
    if plain:
        x = g.published(x, "decoder.dec3.10")
    else:
        x = g.convolve(g.pad(x, 4, 4, 4, 4), *four_phases(*g.layer("decoder.dec3.10")), stride=2)
        x = g.node("DepthToSpace", x, blocksize=2)
    g.nodes.append(helper.make_node("Clip", [x, g.constant(0.0), g.constant(1.0)], ["picture"]))
    inputs: dict[str, list[int | str]] = {
        "photo": [1, 3, "height", "width"],
        "vectors": ["styles", 8 * CHANNELS],
        "masks": ["styles", 1, "mask_height", "mask_width"],
        "given": ["rows", 2 * CHANNELS],
        "trust": [],
    }
    outputs: dict[str, list[int | str]] = {"picture": [1, 3, "height", "width"], "statistics": ["rows", 2 * CHANNELS]}
    return g.model("paint", inputs, outputs)


def multiply_adds(model: onnx.ModelProto, side: int = 1024) -> float:
    """Multiply-adds of the convolutions for each pixel, zeros that a rewriting brought in counted."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    sizes = {"height": side, "width": side, "styles": 1, "mask_height": 1, "mask_width": 1, "rows": 2}
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
    parser.add_argument("--plain", action="store_true", help="every layer as published, nothing rewritten")
    arguments = parser.parse_args()
    tensors = load_file(arguments.weights)
    arguments.output.mkdir(parents=True, exist_ok=True)
    hashes, cost = {}, 0.0
    for name, build in (("encode.onnx", encode_model), ("paint.onnx", paint_model)):
        model = build(tensors, arguments.plain)
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
