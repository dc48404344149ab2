"""Build paint8.onnx and paint16.onnx: `nn.light_net.LightNet.forward` in ONNX Runtime's blocked layout.

Inputs and outputs are those of paint.onnx (`portable.py`), except that the picture is 1 x H/2 x 2 x W/2 x 6.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from words import HALF, NUMBERS, PHOTO, SPARE, Painting

from impasto.engines.light_weights import BLOCKS, DETAIL, EPSILON, HIDDEN, WIDTH
from impasto.exchange.graph import LAYOUT, Shape

ROWS = 8  # one row in eight is enough for a rough mean of the features


class Blocked(Painting):
    """The network in ONNX Runtime's blocked layout, with 8 or 16 channels of a pixel side by side.

    ONNX Runtime converts ordinary convolutions to this layout by itself. But it leaves the layout for every
    normalization, and converts back afterwards. Here each normalization is part of the weights of the following 1 x 1
    convolution, which are computed in the run. One transposition of whole blocks shuffles pixels.

    Weights are stored in the network's order. The session converts them to the layout once, when it is created. Zeros
    fill channels up to whole blocks.

    Args:
        lanes: channels in a block: 8, or 16 on processors with registers of 16 numbers.
    """

    def __init__(self, lanes: int) -> None:
        super().__init__()
        self.lanes = lanes
        self.detail = self.whole(DETAIL)

    def whole(self, channels: int) -> int:
        return -(-channels // self.lanes) * self.lanes

    def filled(self, x: str, *more: int) -> str:
        """Append zeros at the end of its axes."""
        return self.node("Pad", x, self.constant([0] * len(more) + list(more), np.int64)) if any(more) else x

    def laid_out(self, weight: str, shape: tuple[int, int, int], *, blocks_in: bool = True) -> str:
        """Convert weights to the layout.

        Args:
            weight: outputs x inputs x kernel x kernel.
            shape: its numbers: outputs, inputs, kernel.
            blocks_in: whether the inputs are in blocks; False for a depthwise convolution and for three colors.
        """
        (outputs, inputs, k), lanes = shape, self.lanes
        if blocks_in:
            x = self.shaped(weight, outputs // lanes, lanes, inputs // lanes, lanes, k, k)
            x = self.node("Transpose", x, perm=[0, 2, 4, 5, 3, 1])
        else:
            x = self.shaped(weight, outputs // lanes, lanes, inputs, k, k)
            x = self.node("Transpose", x, perm=[0, 2, 3, 4, 1])
        return self.shaped(x, outputs, inputs, k, k)

    def layout_convolve(self, x: str, weight: str, bias: str = "", added: str = "", **attributes: Any) -> str:
        """Add a convolution in the layout. It may overwrite `added`, to which its result is added."""
        operands = [x, weight, bias, added] if added else [x, weight, bias] if bias else [x, weight]
        found = self.node("Conv", *operands, domain=LAYOUT, auto_pad="NOTSET", **attributes)
        if added:
            self.know(added, found)
        return found

    def depthwise(self, x: str, weight: str, bias: str, k: int) -> str:
        return self.layout_convolve(
            x, self.laid_out(weight, (WIDTH, 1, k), blocks_in=False), bias, group=WIDTH, pads=[k // 2] * 4
        )

    def enter(self) -> str:
        more = self.detail - DETAIL
        weight = self.filled(self.weight("enter1.weight"), more, 0, 0, 0)
        weight = self.laid_out(weight, (self.detail, 3, 6), blocks_in=False)
        bias = self.filled(self.weight("enter1.bias"), more)
        x = self.layout_convolve("photo", weight, bias, strides=[2, 2], activation="Relu")
        weight = self.laid_out(self.filled(self.weight("enter2.weight"), 0, more, 0, 0), (WIDTH, self.detail, 4))
        bias = self.weight("enter2.bias")
        return self.layout_convolve(x, weight, bias, strides=[2, 2], pads=[1] * 4, activation="Relu")

    def view(self, size: str) -> str:
        """Return the features' shape for ordinary operators: blocks x rows x columns x channels of a block."""
        ends = self.constant([WIDTH // self.lanes], np.int64), self.constant([self.lanes], np.int64)
        return self.node("Concat", ends[0], size, ends[1], axis=0)

    def mean(self, x: str, every: int = 1) -> str:
        """Return every channel's mean: first each row's, then the rows' (`expose_statistics` explains why).

        Args:
            x: features in the shape of `view`.
            every: 8 reads every eighth row, 1 all rows.
        """
        if every > 1:
            limits = (self.constant([value], np.int64) for value in (0, np.iinfo(np.int64).max, 1, every))
            x = self.node("Slice", x, *limits)
        rows = self.node("ReduceMean", x, axes=[2], keepdims=0)
        return self.shaped(self.node("ReduceMean", rows, axes=[1], keepdims=0), WIDTH)

    def moments(self, x: str, size: str) -> tuple[str, str]:
        """Return the mean and the mean square of every channel."""
        seen = self.node("Reshape", x, self.view(size))
        return self.mean(seen), self.mean(self.node("Mul", seen, seen))

    def looked(self, x: str, number: int, size: str) -> tuple[str, str, str, str]:
        """Add a block's depthwise convolution, with an approximate mean subtracted.

        Squares are summed by a depthwise convolution of the features with themselves, which reads the memory once and
        writes nothing. It adds all places up in one sum, which is exact enough only near a mean of 0.

        Returns:
            The features, the subtracted number, the mean, and the mean square.
        """
        name = f"blocks.{number}.look"
        weight, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        taps = self.shaped(self.node("ReduceSum", weight, self.constant([1, 2, 3], np.int64), keepdims=0), WIDTH)
        about = self.node("Mul", taps, self.mean(self.node("Reshape", x, self.view(size)), every=ROWS))
        y = self.depthwise(x, weight, self.node("Neg", about), 5)
        off = self.node("Add", about, bias)
        rest = self.shaped(self.node("GlobalAveragePool", y, domain=LAYOUT), WIDTH)
        themselves = self.node("Reshape", y, self.node("Concat", self.constant([WIDTH, 1], np.int64), size, axis=0))
        squares = self.shaped(self.layout_convolve(y, themselves, group=WIDTH), WIDTH)
        area = self.to_float(self.node("ReduceProd", size, keepdims=0))
        mean = self.node("Add", off, rest)
        variance = self.node("Sub", self.node("Div", squares, area), self.node("Mul", rest, rest))
        return y, off, mean, self.node("Add", variance, self.node("Mul", mean, mean))

    def scaled(self, weight: str, bias: str, outputs: int, factor: str, shift: str) -> tuple[str, str]:
        """Return weights and biases of a 1 x 1 convolution that first scales and shifts its inputs."""
        wide, lanes = (outputs, WIDTH, 1, 1), self.lanes
        x = self.shaped(
            self.laid_out(self.shaped(weight, *wide), (outputs, WIDTH, 1)),
            outputs // lanes,
            WIDTH // lanes,
            lanes,
            lanes,
        )
        x = self.shaped(self.node("Mul", x, self.shaped(factor, 1, WIDTH // lanes, lanes, 1)), *wide)
        return x, self.node("Add", self.node("MatMul", self.shaped(weight, outputs, WIDTH), shift), bias)

    def mixed(self, x: str, y: str, number: int, factor: str, shift: str) -> str:
        """Add a block's hidden channels, computed from `y`, to the features `x`.

        With 8 lanes, each half of the hidden channels is computed by itself, as in `block`. With 16 lanes, all at once
        is faster.
        """
        count = HALF if self.lanes == 8 else HIDDEN
        wide, (narrow, added) = self.weights(f"blocks.{number}.widen"), self.weights(f"blocks.{number}.narrow")
        for first in range(0, HIDDEN, count):
            weights, weight = wide, narrow
            if count < HIDDEN:
                weights = self.piece(wide[0], first, first + count), self.piece(wide[1], first, first + count)
                weight = self.piece(narrow, first, first + count, axis=1)
            hidden = self.layout_convolve(y, *self.scaled(*weights, count, factor, shift), activation="Relu")
            x = self.layout_convolve(hidden, self.laid_out(weight, (WIDTH, count, 1)), added, x)
            added = ""  # the bias is added once
        return x

    def leave_scaled(self, x: str, size: str, factor: str, shift: str) -> None:
        """Turn features, before their last normalization, into the picture.

        Args:
            size: rows and columns of the features.
        """
        more, lanes = self.detail - DETAIL, self.lanes
        x = self.node("Reshape", x, self.view(size))
        x = self.node("Slice", x, *(self.constant(v, np.int64) for v in ([SPARE] * 2, [-SPARE] * 2, [1, 2])))
        size = self.node("Sub", size, self.constant([2 * SPARE], np.int64))
        x = self.node("Reshape", x, self.node("Concat", self.constant([1, WIDTH], np.int64), size, axis=0))
        # Order the channels by the four pixels of a 2 x 2 block.
        weight = self.node("Transpose", self.shaped(self.weight("leave1.weight"), DETAIL, 4, WIDTH), perm=[1, 0, 2])
        bias = self.node("Transpose", self.shaped(self.weight("leave1.bias"), DETAIL, 4), perm=[1, 0])
        outputs = 4 * self.detail
        weight, bias = self.filled(weight, 0, more, 0), self.shaped(self.filled(bias, 0, more), outputs)
        x = self.layout_convolve(x, *self.scaled(weight, bias, outputs, factor, shift), activation="Relu")
        ends = self.constant([2, 2, self.detail // lanes], np.int64), self.constant([lanes], np.int64)
        x = self.node("Reshape", x, self.node("Concat", ends[0], size, ends[1], axis=0))
        x = self.node("Transpose", x, perm=[2, 3, 0, 4, 1, 5])
        twice = self.node("Mul", size, self.constant([2], np.int64))
        x = self.node("Reshape", x, self.node("Concat", self.constant([1, self.detail], np.int64), twice, axis=0))

        weight = self.laid_out(
            self.filled(self.weight("leave2.weight"), more, more, 0, 0), (self.detail, self.detail, 3)
        )
        x = self.layout_convolve(x, weight, self.filled(self.weight("leave2.bias"), more), activation="Relu")
        colors = self.whole(12)
        weight = self.node(
            "Transpose", self.shaped(self.weight("leave3.weight"), 3, 4, DETAIL, 3, 3), perm=[1, 0, 2, 3, 4]
        )
        weight = self.filled(self.shaped(weight, 12, DETAIL, 3, 3), colors - 12, more, 0, 0)
        bias = self.node("Transpose", self.shaped(self.weight("leave3.bias"), 3, 4), perm=[1, 0])
        x = self.layout_convolve(
            x,
            self.laid_out(weight, (colors, self.detail, 3)),
            self.filled(self.shaped(bias, 12), colors - 12),
            activation="Clip",
            activation_params=[0.0, 1.0],
        )
        x = self.node("ReorderOutput", x, domain=LAYOUT, channels=12, channels_last=1)
        x = self.shaped(x, 1, 0, 0, 2, 6)
        self.node("Transpose", x, perm=[0, 1, 3, 2, 4], name="picture")


def blocked_model(lanes: int) -> Any:
    """Return paint8.onnx or paint16.onnx."""
    g = Blocked(lanes)
    steps, told = g.parts("modulations"), g.parts("given")
    x = g.enter()
    size = g.node("Shape", x, start=2)
    measured: list[str] = []

    def normalization(mean: str, square: str, off: str) -> tuple[str, str]:
        """Return the factors and shifts of a normalization.

        Args:
            off: number already subtracted from the channels.
        """
        first = len(measured)
        measured.extend((mean, square))
        mean, square = (
            g.node("Add", own, g.node("Mul", "trust", g.node("Sub", wanted, own)))
            for own, wanted in zip((mean, square), told[first : first + 2], strict=True)
        )
        variance = g.node("Max", g.node("Sub", square, g.node("Mul", mean, mean)), g.constant(0.0))
        deviation = g.node("Sqrt", g.node("Add", variance, g.constant(EPSILON)))
        factor = g.node("Div", g.node("Add", steps[first], g.constant(1.0)), deviation)
        return factor, g.node("Sub", steps[first + 1], g.node("Mul", g.node("Sub", mean, off), factor))

    nothing = g.constant(0.0)
    x = g.depthwise(x, *normalization(*g.moments(x, size), nothing), 1)
    for index in range(BLOCKS):
        y, off, mean, square = g.looked(x, index, size)
        x = g.mixed(x, y, index, *normalization(mean, square, off))
    g.leave_scaled(x, size, *normalization(*g.moments(x, size), nothing))
    g.node("Concat", *measured, axis=0, name="statistics")
    inputs: dict[str, Shape] = {"photo": PHOTO, "modulations": [NUMBERS], "given": [NUMBERS], "trust": []}
    outputs: dict[str, Shape] = {"picture": [1, "half height", 2, "half width", 6], "statistics": [NUMBERS]}
    return g.model("paint", inputs, outputs)
