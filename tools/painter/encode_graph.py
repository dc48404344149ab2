"""Build the encoder as an ONNX graph: VGG-19 to relu4_1 with zero padding, and the statistics of four of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from impasto.exchange.graph import Graph
from impasto.nn.paint_net import LAYERS, STATISTICS

_LEAST_VARIANCE = 1e-8  # as in `nn.losses.moments`
_POOLED, _SEEN = {2, 4, 8}, {0, 2, 4, 8}  # numbers of convolutions: those after a pooling; those with measured features


class EncodeGraph(Graph):
    """`nn.paint_net.statistics` of the normalized VGG-19."""

    def weight(self, name: str, shape: Sequence[int]) -> str:
        return self.external(name, shape, "vgg19")

    def _layer(self, name: str, outputs: int, inputs: int, side: int) -> list[str]:
        shapes = {f"{name}.weight": (outputs, inputs, side, side), f"{name}.bias": (outputs,)}
        return [self.weight(key, shape) for key, shape in shapes.items()]

    def _mean(self, x: str) -> str:
        """Average each row, then the rows: one sum over a million numbers is too inexact."""
        return self.node("ReduceMean", self.node("ReduceMean", x, axes=[3], keepdims=1), axes=[2], keepdims=1)

    def joined_statistics(self, name: str) -> str:
        """Name the statistics of the input "picture"."""
        zero, least = self.constant(0.0, name="zero"), self.constant(_LEAST_VARIANCE, name="least")
        flat = self.constant([-1], np.int64, name="flat")
        x = self.node("Conv", "picture", *self._layer("entry", 3, 3, 1))
        channels, parts = 3, []
        widths = list(LAYERS.values())
        for index in range(9):
            if index in _POOLED:
                x = self.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
            width = widths[sum(index >= first for first in _POOLED)]
            x = self.node("Relu", self.node("Conv", x, *self._layer(str(index), width, channels, 3), pads=[1] * 4))
            channels = width
            if index in _SEEN:
                average = self._mean(x)
                apart = self.node("Sub", x, average)
                variance = self._mean(self.node("Mul", apart, apart))
                deviation = self.node("Sqrt", self.node("Add", variance, least))
                roots = (self.node("Sqrt", value) for value in (self.node("Max", average, zero), deviation))
                parts += [self.node("Reshape", root, flat) for root in roots]
        return self.node("Concat", *parts, axis=0, name=name)

    def finished(self) -> Any:
        """Return encode.onnx."""
        self.joined_statistics("statistics")
        self.nodes[-1].ClearField("name")  # as in the file that ships: its hash identifies users' vectors
        return self.model("encode", {"picture": [1, 3, "height", "width"]}, {"statistics": [STATISTICS]})
