"""Build encode.onnx: `nn.light_net.LightEngineNet.encode`, picture 1 x 3 x H x W -> vector 512.

ONNX Runtime computes some of the layers slowly. The graph has equivalent layers instead:

- The 9 x 9 convolution at full size has only 3 channels on one side, but the kernels work on blocks of 16. A 10 x 10
  convolution of stride 2 computes the same sums, with the four pixels of a 2 x 2 block as channels.
- The 3 x 3 convolution of stride 2 then reads these blocks directly, as a dense 2 x 2 convolution.
- Grouped 1 -> 2 convolutions become two depthwise ones, because only depthwise convolutions have a fast kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impasto.engines.base import Array
from impasto.engines.light_weights import ENCODED, VECTOR_SIZE
from impasto.exchange.graph import Graph


class Encoder(Graph):
    """Layers with the weights of the published network.

    Args:
        tensors: the tensors of light.safetensors.
    """

    def __init__(self, tensors: dict[str, Array]) -> None:
        super().__init__()
        self.tensors = tensors

    def convolve(self, x: str, weight: Array, bias: Array, stride: int = 1, groups: int = 1) -> str:
        operands = self.constant(weight), self.constant(bias)
        return self.node("Conv", x, *operands, strides=[stride, stride], group=groups)

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def layer(self, key: str) -> tuple[Array, Array]:
        return self.tensors[f"{key}.conv_layer.weight"], self.tensors[f"{key}.conv_layer.bias"]

    def published(self, x: str, key: str) -> str:
        """Add one of the network's convolutions unchanged, with reflection padding by half the kernel."""
        weight, bias = self.layer(key)
        half = weight.shape[-1] // 2
        groups = ENCODED if key.startswith("modulator") else 1
        return self.convolve(self.mirrored(x, *[half] * 4) if half else x, weight, bias, groups=groups)


def four_phases(weight: Array, bias: Array) -> tuple[Array, Array]:
    """Turn K x K at stride 1 into (K+1) x (K+1) at stride 2; channel (y, x, c) is pixel (y, x) of the 2 x 2 block."""
    cout, cin, k, _ = weight.shape
    phases = np.zeros((2, 2, cout, cin, k + 1, k + 1), np.float32)
    for y in range(2):
        for x in range(2):
            phases[y, x, :, :, y : y + k, x : x + k] = weight
    return phases.reshape(4 * cout, cin, k + 1, k + 1), np.tile(bias, 4)


def halve_phases(weight: Array) -> Array:
    """Turn a grouped 3 x 3 of stride 2 (one input, two outputs a group) into a dense 2 x 2, padded top and left."""
    cout = weight.shape[0]
    dense = np.zeros((cout, 2, 2, cout // 2, 2, 2), np.float32)
    for y in range(3):
        for x in range(3):
            (block_y, phase_y), (block_x, phase_x) = divmod(y - 1, 2), divmod(x - 1, 2)
            for channel in range(cout):
                dense[channel, phase_y, phase_x, channel // 2, block_y + 1, block_x + 1] = weight[channel, 0, y, x]
    return dense.reshape(cout, 2 * cout, 2, 2)


def moments(g: Encoder, x: str) -> tuple[str, str]:
    """Return the mean, and the deviation: the root of the unbiased variance plus 1e-5."""
    mean = g.node("ReduceMean", x, axes=[2, 3], keepdims=1)
    centered = g.node("Sub", x, mean)
    biased = g.node("ReduceMean", g.node("Mul", centered, centered), axes=[2, 3], keepdims=1)
    area = g.node("ReduceProd", g.node("Shape", x, start=2), keepdims=0)
    count = g.to_float(area)
    bessel = g.node("Div", count, g.node("Sub", count, g.constant([1.0])))
    variance = g.node("Mul", biased, bessel)
    return mean, g.node("Sqrt", g.node("Add", variance, g.constant([1e-5])))


def residual(g: Encoder, x: str, key: str) -> str:
    inner = g.relu(g.published(x, f"{key}.conv1"))
    return g.node("Add", x, g.published(inner, f"{key}.conv2"))


def encoder(g: Encoder, picture: str, key: str) -> tuple[str, str]:
    """Turn a picture into f1 and f2, 64 channels each at a quarter of the size."""
    x = g.relu(g.convolve(g.mirrored(picture, 4, 4, 4, 4), *four_phases(*g.layer(f"{key}.enc1.0")), stride=2))
    weight, bias = g.layer(f"{key}.enc1.2")
    # Reflection at full size makes row -1 equal to row 1, which is the odd phase of block 0. So phases are edge-padded.
    x = g.relu(g.convolve(g.mirrored(x, 1, 1, 0, 0, "edge"), halve_phases(weight), bias))
    x = g.relu(g.published(x, f"{key}.enc1.4"))
    weight, bias = g.layer(f"{key}.enc1.6")
    x = g.mirrored(x, 1, 1, 1, 1)
    halves = [g.convolve(x, weight[i::2], bias[i::2], stride=2, groups=len(weight) // 2) for i in range(2)]
    x = g.relu(g.node("Concat", *halves, axis=1))
    weight, bias = g.layer(f"{key}.enc1.8")
    x = g.relu(g.convolve(x, np.concatenate([weight[:, 0::2], weight[:, 1::2]], axis=1), bias))
    f1 = residual(g, x, f"{key}.enc1.10")
    return f1, residual(g, f1, f"{key}.enc2.0")


def encode_model(tensors: dict[str, Array]) -> Any:
    """Return encode.onnx."""
    g = Encoder(tensors)
    f1, f2 = encoder(g, "picture", "style_encoder")
    parts = [*moments(g, f1), *moments(g, f2)]
    for name, features in (("weight1", f1), ("bias1", f1), ("weight2", f2), ("bias2", f2)):
        parts.append(g.node("ReduceMean", g.published(features, f"modulator.{name}.0"), axes=[2, 3], keepdims=1))
    g.node("Reshape", g.node("Concat", *parts, axis=1), g.constant([VECTOR_SIZE], np.int64), name="vector")
    g.nodes[-1].ClearField("name")  # as in the file that ships: its hash identifies users' vectors
    return g.model("encode", {"picture": [1, 3, "height", "width"]}, {"vector": [VECTOR_SIZE]})
