"""Build the painter's network as an ONNX graph without weights; `engines/painter_weights.py` adds them on loading.

The graph computes `impasto.nn.paint_net.PaintNet` with the same names of weights. Two parts are rewritten for speed:

- `rise1` and `rise2`: four 2 x 2 convolutions run before the upsampling, one for each place of a 2 x 2 block. A
  transposition joins the places. This takes 4 / 9 of the multiplications.
- `rise3` and all later layers stay at half the size, with the four places as channels. The normalization of `rise3`
  covers all four. `leave` returns twelve channels, and one transposition turns them into the picture.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from impasto.engines.painter_weights import PLACES, norm_widths, weight_shapes
from impasto.exchange.graph import LAYOUT, Graph, Shape
from impasto.nn.paint_net import BLOCKS, DEEP_BLOCKS, EPSILON, MARGIN, WIDTHS

FULL, HALF, QUARTER, EIGHTH = WIDTHS


class PaintGraph(Graph, ABC):
    """The network; subclasses write its layers for their layout.

    Args:
        lanes: channels in a block of the features' layout; 1 for the ordinary layout.
    """

    def __init__(self, lanes: int) -> None:
        super().__init__()
        self.lanes = lanes
        self.weight_shapes = weight_shapes()
        self.own: list[str] = []  # statistics of this photo
        parts = [size for width in norm_widths() for size in (width, width)]
        steps = self.pieces("modulations", [*parts, EIGHTH, QUARTER])
        self.steps, self.amplitudes = iter(steps[:-2]), iter(steps[-2:])
        self.given = iter(self.pieces("given", parts))
        whole = self.node("Shape", "photo", start=2)
        self.sizes = {n: self.node("Div", whole, self.constant([n], np.int64)) for n in (2, 4, 8)}

    def weight(self, name: str) -> str:
        return self.external(name, self.weight_shapes[name], "painter.safetensors")

    def pieces(self, name: str, sizes: Sequence[int]) -> list[str]:
        """Split an input into pieces of these sizes."""
        found = self.node("Split", name, self.constant(sizes, np.int64), outputs=len(sizes), axis=0)
        return [f"{found}_{index}" for index in range(len(sizes))]

    def joined_numbers(self, parts: Sequence[str], name: str) -> None:
        """Concatenate numbers as an output."""
        self.node("Concat", *parts, axis=0, name=name)

    def joined(self, *parts: str | int) -> str:
        """Concatenate numbers and shapes to a shape."""
        names = [self.constant([part], np.int64) if isinstance(part, int) else part for part in parts]
        return self.node("Concat", *names, axis=0)

    @abstractmethod
    def convolve(
        self, x: str, weight: str, bias: str, added: str = "", stride: int = 1, pads: Sequence[int] = (1, 1, 1, 1)
    ) -> str:
        """Add a convolution, with `added` added to its result."""

    @abstractmethod
    def applied(self, x: str, factor: str, shift: str, channels: int, relu: bool, added: str = "") -> str:
        """Multiply features by factors, shift them, and rectify them or add them to others."""

    @abstractmethod
    def moments(self, x: str, channels: int, size: int) -> tuple[str, str]:
        """Return the mean and the mean square of every channel."""

    @abstractmethod
    def together(self, places: Sequence[str], channels: int, size: int) -> str:
        """Join the four places of 2 x 2 blocks to features of twice the size."""

    @abstractmethod
    def to_picture(self, x: str) -> None:
        """Turn the twelve channels of `leave` into the output."""

    def know(self, x: str, channels: int, size: int) -> str:
        self.shapes[x] = [1, channels, f"rows/{size}", f"columns/{size}"]
        return x

    def layer(self, x: str, name: str, channels: int, size: int, added: str = "", **attributes: Any) -> str:
        found = self.convolve(x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), added, **attributes)
        return self.know(found, channels, size)

    def norm(self, x: str, channels: int, size: int, relu: bool = True, added: str = "", places: int = 1) -> str:
        """Add a conditional instance normalization over all places of a channel.

        Args:
            channels: number of x's channels.
            places: places of each channel; x has all channels of the first place, then those of the second.
        """
        own = list(self.moments(x, channels, size))
        if places > 1:
            parts = [self.shaped(part, places, channels // places) for part in own]
            own = [self.node("ReduceMean", part, axes=[0], keepdims=0) for part in parts]
        self.own += own
        changes = [self.node("Sub", next(self.given), part) for part in own]
        mean, square = (
            self.node("Add", part, self.node("Mul", "trust", change)) for part, change in zip(own, changes, strict=True)
        )
        variance = self.node("Max", self.node("Sub", square, self.node("Mul", mean, mean)), self.constant(0.0))
        deviation = self.node("Sqrt", self.node("Add", variance, self.constant(EPSILON)))
        factor = self.node("Div", self.node("Add", next(self.steps), self.constant(1.0)), deviation)
        shift = self.node("Sub", next(self.steps), self.node("Mul", mean, factor))
        if places > 1:
            factor, shift = (self.node("Concat", *[part] * places, axis=0) for part in (factor, shift))
        return self.know(self.applied(x, factor, shift, channels, relu, added), channels, size)

    def noisy(self, noise: str, channels: int, size: int, added: str) -> str:
        """Add noise to features, with the style's amplitude in every channel."""
        amplitude = self.shaped(next(self.amplitudes), channels, 1, 1, 1)
        nothing = self.constant(np.zeros(channels))
        return self.know(self.convolve(noise, amplitude, nothing, added, pads=[0] * 4), channels, size)

    def risen(self, x: str, name: str, channels: int, size: int) -> str:
        """Enlarge features from scale 1 / (2 * size) to 1 / size."""
        places = [
            self.layer(x, f"{name}.{place}", channels, 2 * size, pads=[1 - down, 1 - right, down, right])
            for place, (down, right) in enumerate(PLACES)
        ]
        return self.know(self.together(places, channels, size), channels, size)

    def blocks(self, x: str, name: str, count: int, channels: int, size: int) -> str:
        for index in range(0, 2 * count, 2):
            y = self.norm(self.layer(x, f"{name}.{index}", channels, size), channels, size)
            y = self.layer(y, f"{name}.{index + 1}", channels, size)
            x = self.norm(y, channels, size, relu=False, added=x)
        return x

    def build(self) -> None:
        x = self.norm(self.layer("photo", "enter1", HALF, 2, stride=2, pads=[2] * 4), HALF, 2)
        x = quarter = self.norm(self.layer(x, "enter2", QUARTER, 4, stride=2), QUARTER, 4)
        x = self.layer(x, "enter3", EIGHTH, 8, stride=2)
        x = self.norm(self.noisy("noise8", EIGHTH, 8, x), EIGHTH, 8)
        x = self.blocks(x, "deep", DEEP_BLOCKS, EIGHTH, 8)
        x = self.risen(x, "rise1", QUARTER, 4)
        x = self.know(self.node("Add", x, quarter), QUARTER, 4)
        x = self.norm(self.noisy("noise4", QUARTER, 4, x), QUARTER, 4)
        x = self.blocks(x, "body", BLOCKS, QUARTER, 4)
        x = self.norm(self.risen(x, "rise2", HALF, 2), HALF, 2)
        x = self.norm(self.layer(x, "rise3", 4 * FULL, 2), 4 * FULL, 2, places=4)
        self.to_picture(self.layer(x, "leave", 16, 2))
        self.joined_numbers(self.own, "statistics")

    def finished(self) -> Any:
        """Return the graph as an `onnx.ModelProto`."""
        numbers = 2 * sum(norm_widths())
        inputs: dict[str, Shape] = {
            "photo": [1, 3, "rows", "columns"],
            "modulations": [numbers + EIGHTH + QUARTER],
            "noise8": [1, 1, "rows/8", "columns/8"],
            "noise4": [1, 1, "rows/4", "columns/4"],
            "given": [numbers],
            "trust": [],
        }
        return self.model("paint", inputs, {"picture": ["height", "width", 3], "statistics": [numbers]})


class Plain(PaintGraph):
    """The network in ordinary operators, for any machine."""

    def __init__(self) -> None:
        super().__init__(1)

    def convolve(
        self, x: str, weight: str, bias: str, added: str = "", stride: int = 1, pads: Sequence[int] = (1, 1, 1, 1)
    ) -> str:
        found = self.node("Conv", x, weight, bias, strides=[stride, stride], pads=list(pads))
        return self.node("Add", found, added) if added else found

    def applied(self, x: str, factor: str, shift: str, channels: int, relu: bool, added: str = "") -> str:
        zero, one = self.constant(np.zeros(channels)), self.constant(np.ones(channels))
        x = self.node("BatchNormalization", x, factor, shift, zero, one, epsilon=0.0)
        if relu:
            return self.node("Relu", x)
        return self.node("Add", added, x)

    def moments(self, x: str, channels: int, size: int) -> tuple[str, str]:  # noqa: ARG002
        """Average each row, then the rows: one sum over a million numbers is too inexact."""
        mean = self.node("ReduceMean", self.node("ReduceMean", x, axes=[3], keepdims=0), axes=[0, 2], keepdims=0)
        columns = self.to_float(self.node("Gather", self.sizes[size], self.constant([1], np.int64)))
        rows = self.node("Div", self.node("ReduceSumSquare", x, axes=[3], keepdims=0), columns)
        return mean, self.node("ReduceMean", rows, axes=[0, 2], keepdims=0)

    def together(self, places: Sequence[str], channels: int, size: int) -> str:
        x = self.node("Concat", *places, axis=0)  # place, channel, row, column
        x = self.node("Reshape", x, self.joined(2, 2, channels, self.sizes[2 * size]))
        x = self.node("Transpose", x, perm=[2, 3, 0, 4, 1])
        return self.node("Reshape", x, self.joined(1, channels, self.sizes[size]))

    def to_picture(self, x: str) -> None:
        x = self.node("Transpose", x, perm=[0, 2, 3, 1])
        x = self.node("Reshape", x, self.joined(self.sizes[2], 2, 8))
        _finish(self, x, [0, 2, 1, 3], (0, 1, 3))


class Blocked(PaintGraph):
    """The network in ONNX Runtime's blocked layout, with 8 or 16 channels of a pixel side by side.

    ONNX Runtime converts ordinary convolutions to this layout by itself. But it leaves the layout for every
    normalization and every shuffling of pixels. Here a normalization is a depthwise 1 x 1 convolution. Its weights are
    computed in the run.

    Args:
        lanes: channels in a block: 8, or 16 on processors with registers of 16 numbers.
    """

    def convolve(
        self, x: str, weight: str, bias: str, added: str = "", stride: int = 1, pads: Sequence[int] = (1, 1, 1, 1)
    ) -> str:
        operands = [x, weight, bias, added] if added else [x, weight, bias]
        return self.node("Conv", *operands, domain=LAYOUT, auto_pad="NOTSET", strides=[stride, stride], pads=list(pads))

    def applied(self, x: str, factor: str, shift: str, channels: int, relu: bool, added: str = "") -> str:
        operands = [x, self.shaped(factor, channels, 1, 1, 1), shift, *([added] if added else [])]
        more: dict[str, Any] = {"activation": "Relu"} if relu else {}
        return self.node("Conv", *operands, domain=LAYOUT, auto_pad="NOTSET", group=channels, **more)

    def moments(self, x: str, channels: int, size: int) -> tuple[str, str]:
        """Sum squares by a depthwise convolution of the features with themselves."""
        mean = self.shaped(self.node("GlobalAveragePool", x, domain=LAYOUT), channels)
        themselves = self.node("Reshape", x, self.joined(channels, 1, self.sizes[size]))
        total = self.node("Conv", x, themselves, domain=LAYOUT, auto_pad="NOTSET", group=channels)
        area = self.to_float(self.node("ReduceProd", self.sizes[size], keepdims=0))
        return mean, self.node("Div", self.shaped(total, channels), area)

    def together(self, places: Sequence[str], channels: int, size: int) -> str:
        x = self.node("Concat", *places, axis=0)
        x = self.node("Reshape", x, self.joined(2, 2, channels // self.lanes, self.sizes[2 * size], self.lanes))
        x = self.node("Transpose", x, perm=[2, 3, 0, 4, 1, 5])
        return self.node("Reshape", x, self.joined(1, channels, self.sizes[size]))

    def to_picture(self, x: str) -> None:
        if self.lanes == 16:
            _finish(self, self.node("Reshape", x, self.joined(self.sizes[2], 2, 8)), [0, 2, 1, 3], (0, 1, 3))
        else:
            _finish(self, self.node("Reshape", x, self.joined(2, self.sizes[2], 8)), [1, 0, 2, 3], (1, 2, 3))


def _finish(g: PaintGraph, x: str, order: list[int], axes: tuple[int, int, int]) -> None:
    """Cut the margin off, and turn rows of blocks into rows of pixels."""
    cut = MARGIN // 2
    starts, ends = [cut, cut, 0], [-cut, -cut, 6]
    x = g.node("Slice", x, *(g.constant(value, np.int64) for value in (starts, ends, list(axes))))
    x = g.node("Clip", g.node("Transpose", x, perm=order), g.constant(0.0), g.constant(1.0))
    whole = g.node("Sub", g.node("Shape", "photo", start=2), g.constant([2 * MARGIN], np.int64))
    g.node("Reshape", x, g.joined(whole, 3), name="picture")


def paint_model(lanes: int) -> Any:
    """Return the graph for layouts with blocks of `lanes` channels; 1 for any machine."""
    graph = Blocked(lanes) if lanes > 1 else Plain()
    graph.build()
    return graph.finished()
