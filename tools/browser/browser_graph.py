"""Build model.onnx and encoder_model.onnx: the light engine's networks for browsers.

| graph | inputs | outputs |
|---|---|---|
| model.onnx | photo 1 x 3 x H+36 x W+36, style 512, changes, given 1024, trust | picture, statistics 1024 |
| encoder_model.onnx | picture 1 x 3 x H x W | style 512 |

A style's changes are 150,748 numbers. The picture is 1 x H x W x 3. The graphs compute the same as paint.onnx and
encode.onnx, with three differences:

- They contain their weights, in half precision, and those of the fully connected layers in 8 bits. Sums are float32.
- A style's changes of the filters are an input, so that one session paints every style.
- The fully connected layers are part of the graph, as products of two thin matrices. This works because the styles of
  real paintings lie near a space of some hundred dimensions. A full matrix would take half a megabyte.

WebGPU allows ten buffers for each shader, so no node splits a tensor into more than two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from encoder import Encoder, encoder, moments
from portable import Portable
from words import NUMBERS, PHOTO

from impasto.engines.base import Array
from impasto.engines.light_weights import (
    BLOCKS,
    EPSILON,
    NORMS,
    VECTOR_SIZE,
    WIDTH,
    filter_count,
    filter_shapes,
)
from impasto.exchange.graph import Graph
from impasto.exchange.statistics import expose_statistics

_FROM_STYLE, _FROM_HIDDEN = 128, 128  # dimensions of the thin matrices
_CLIP = 6.0  # deviations, as in `Light._modulate`


class Thin(NamedTuple):
    """The fully connected layers, as products of thin matrices.

    For the normalized style n: out @ (hidden @ relu(inner @ (enter @ n) + inner_bias) + direct @ n) + out_bias.
    """

    enter: Array
    inner: Array
    inner_bias: Array
    hidden: Array
    direct: Array
    out: Array
    out_bias: Array


def thin(dense: Mapping[str, Array], styles: Array) -> Thin:
    """Approximate the fully connected layers by thin matrices, for styles like these.

    Args:
        dense: the layers of light.safetensors.
        styles: vectors of many paintings, N x 512.
    """
    seen = ((styles - dense["usual"]) / dense["spread"]).clip(-_CLIP, _CLIP)
    first, direct, second = dense["style1.weight"], dense["direct.weight"], dense["style2.weight"]
    results = (seen @ first.T + dense["style1.bias"]).clip(0) @ second.T + seen @ direct.T + dense["style2.bias"]
    usual_input, inputs = _main(seen, _FROM_STYLE)
    usual_result, outputs = _main(results, _FROM_HIDDEN)
    away = usual_input - inputs @ (inputs.T @ usual_input)
    rest = usual_result - outputs @ (outputs.T @ usual_result)
    found = (
        inputs.T,
        first @ inputs,
        dense["style1.bias"] + first @ away,
        outputs.T @ second,
        outputs.T @ direct,
        outputs,
        rest + outputs @ (outputs.T @ dense["style2.bias"]),
    )
    return Thin(*(part.astype(np.float32) for part in found))


def _main(rows: Array, count: int) -> tuple[Array, Array]:
    """Return the mean of vectors and, as columns, their main orthonormal directions."""
    usual = rows.mean(0)
    directions = np.linalg.svd(rows - usual, full_matrices=False)[2]
    return usual, directions[:count].T


def in_bytes(g: Graph, weight: Array) -> str:
    """Add a matrix or filters in 8 bits, with a scale for every output."""
    scales = np.abs(weight).reshape(len(weight), -1).max(1) / 127
    scales = np.where(scales > 0, scales, 1).astype(np.float32)
    levels = np.rint(weight / scales.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int8)
    zero = g.constant(np.zeros(len(weight)), np.int8)
    return g.node("DequantizeLinear", g.constant(levels, np.int8), g.constant(scales), zero, axis=0)


class Browser(Portable):
    """The network with its weights, changed by the input "changes"."""

    def __init__(self, weights: Mapping[str, Array], layers: Thin, dense: Mapping[str, Array]) -> None:
        super().__init__()
        self._weights, self._layers, self._dense = weights, layers, dense
        self._changed: dict[str, str] = {}
        ends = np.cumsum([math.prod(shape) for shape in filter_shapes().values()]).tolist()
        self._ends = dict(zip(filter_shapes(), ends, strict=True))

    def weight(self, name: str, shape: tuple[int, ...] | None = None) -> str:
        shape = shape or filter_shapes()[name]
        if name not in self._changed:
            end = self._ends[name]
            change = self.piece("changes", end - math.prod(shape), end)
            own = self.to_float(self.constant(self._weights[name], np.float16))
            self._changed[name] = self.node("Add", own, self.shaped(change, *shape))
        return self._changed[name]

    def modulations(self) -> str:
        """Compute a style's modulations, as `Light._modulate` does."""
        limits = self.constant(-_CLIP), self.constant(_CLIP)
        x = self.node("Sub", "style", self.constant(self._dense["usual"]))
        x = self.node("Clip", self.node("Div", x, self.constant(self._dense["spread"])), *limits)
        x = self.shaped(x, VECTOR_SIZE, 1)
        layers = self._layers
        inner = self.node("MatMul", in_bytes(self, layers.inner), self.node("MatMul", in_bytes(self, layers.enter), x))
        inner = self.relu(self.node("Add", inner, self.constant(layers.inner_bias[:, None])))
        hidden = self.node("MatMul", in_bytes(self, layers.hidden), inner)
        hidden = self.node("Add", hidden, self.node("MatMul", in_bytes(self, layers.direct), x))
        found = self.node("MatMul", in_bytes(self, layers.out), hidden)
        return self.shaped(self.node("Add", found, self.constant(layers.out_bias[:, None])), NUMBERS)

    def model_with_statistics(self) -> Any:
        """Return model.onnx."""
        modulations = self.modulations()

        def normalize(x: str, number: int) -> str:
            first = 2 * WIDTH * number
            scale = self.node("Add", self.piece(modulations, first, first + WIDTH), self.constant(1.0))
            shift = self.piece(modulations, first + WIDTH, first + 2 * WIDTH)
            return self.node("InstanceNormalization", x, scale, shift, epsilon=EPSILON)

        x = normalize(self.enter(), 0)
        for index in range(BLOCKS):
            x = self.block(x, index, normalize)
        x = normalize(x, NORMS - 1)
        self.leave(x, self.columns(x))
        inputs = {"photo": PHOTO, "style": [VECTOR_SIZE], "changes": [filter_count()]}
        model = self.model("model", inputs, {"picture": [1, "height", "width", 3]})
        if not expose_statistics(model, WIDTH):
            raise SystemExit("the statistics of the network cannot be exposed")
        return model


class BrowserEncoder(Encoder):
    """The encoder with its filters in half precision."""

    def convolve(self, x: str, weight: Array, bias: Array, stride: int = 1, groups: int = 1) -> str:
        operands = self.to_float(self.constant(weight, np.float16)), self.constant(bias)
        return self.node("Conv", x, *operands, strides=[stride, stride], group=groups)

    def model_of_pictures(self) -> Any:
        """Return encoder_model.onnx."""
        f1, f2 = encoder(self, "picture", "style_encoder")
        parts = [*moments(self, f1), *moments(self, f2)]
        for name, features in (("weight1", f1), ("bias1", f1), ("weight2", f2), ("bias2", f2)):
            published = self.published(features, f"modulator.{name}.0")
            parts.append(self.node("ReduceMean", published, axes=[2, 3], keepdims=1))
        self.node("Reshape", self.node("Concat", *parts, axis=1), self.constant([VECTOR_SIZE], np.int64), name="style")
        return self.model("encoder_model", {"picture": [1, 3, "height", "width"]}, {"style": [VECTOR_SIZE]})
