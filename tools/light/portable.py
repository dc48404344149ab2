"""Build paint.onnx: `nn.light_net.LightNet.forward` in ordinary operators, for any machine.

Inputs: photo 1 x 3 x H+36 x W+36, modulations 1024, given 1024, trust. Outputs: picture 1 x H x W x 3 in 0..1,
statistics 1024.

For every normalization, the modulations are 64 scales minus one, and 64 shifts (`LightNet.modulations`). The output
`statistics` has the photo's own statistics. The normalizations mix them with the input `given`, whose weight is `trust`
(`impasto.exchange.statistics`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from words import HALF, NUMBERS, PHOTO, SPARE, Painting

from impasto.engines.light_weights import BLOCKS, EPSILON, HIDDEN, MARGIN, NORMS, WIDTH, filter_shapes
from impasto.exchange.statistics import expose_statistics

Normalize: TypeAlias = Callable[[str, int], str]
"""Takes features and the number of the normalization, from 0."""


class Portable(Painting):
    """The network's parts in ordinary operators."""

    def relu(self, x: str) -> str:
        return self.node("Relu", x)

    def layer(self, x: str, name: str, stride: int = 1, groups: int = 1, pads: tuple[int, int] = (0, 0)) -> str:
        """Add a convolution; pads are the zero rows above and below, and the zero columns at each side."""
        operands = x, *self.weights(name)
        return self.node("Conv", *operands, strides=[stride, stride], group=groups, pads=[*pads, *pads])

    def enter(self) -> str:
        """Turn the photo, mirrored at its borders, into features at a quarter of its size."""
        return self.relu(self.layer(self.relu(self.layer("photo", "enter1", 2)), "enter2", 2, pads=(1, 1)))

    def block(self, x: str, number: int, normalize: Normalize) -> str:
        """Add a block.

        Each half of the hidden channels is computed by itself: with 128 channels at once, ONNX Runtime's kernels take
        twice as long for each number.
        """
        y = normalize(self.layer(x, f"blocks.{number}.look", groups=WIDTH, pads=(2, 2)), number + 1)
        wide, narrow = self.weights(f"blocks.{number}.widen"), self.weights(f"blocks.{number}.narrow")
        bias = [narrow[1]]
        for first in range(0, HIDDEN, HALF):
            pieces = (self.piece(weight, first, first + HALF) for weight in wide)
            half = self.relu(self.node("Conv", y, *pieces))
            added = self.node("Conv", half, self.piece(narrow[0], first, first + HALF, axis=1), *bias)
            bias = []  # the bias is added once
            self.know(x, added)
            x = self.node("Add", x, added)
        return x

    def leave(self, x: str, columns: str) -> None:
        """Turn features into the picture, 1 x H x W x 3.

        Args:
            columns: number of the features' columns, without those beyond the picture's sides. Reading the shape of x
                would make it leave the convolutions' layout.
        """
        width = self.node("Mul", self.node("Add", columns, self.constant([2], np.int64)), self.constant([2], np.int64))
        x = self.shuffled(x, "leave1", width, self.relu, SPARE)
        x = self.relu(self.layer(self.node("Transpose", x, perm=[0, 3, 1, 2]), "leave2"))
        width = self.node("Mul", columns, self.constant([4], np.int64))
        limits = self.constant(0.0), self.constant(1.0)
        self.shuffled(x, "leave3", width, lambda y: self.node("Clip", y, *limits), output="picture")

    def shuffled(
        self,
        x: str,
        name: str,
        width: str,
        activation: Callable[[str], str],
        cut: int = 0,
        output: str = "",
    ) -> str:
        """Add a convolution whose channels become the pixels of 2 x 2 blocks: 1 x 2H x 2W x C.

        It replaces DepthToSpace, and moves two neighbors with all their channels at once instead of single numbers. For
        that, it orders the weights' channels by pixel, then color.

        Args:
            width: width of the result.
            cut: rows and columns to cut off at the borders.
        """
        count = filter_shapes()[f"{name}.bias"][0] // 4
        order = self.constant(np.arange(4 * count).reshape(count, 4).T.ravel(), np.int64)
        by_pixel = (self.node("Gather", value, order, axis=0) for value in self.weights(name))
        x = activation(self.node("Conv", x, *by_pixel))
        x = self.node("Transpose", x, perm=[0, 2, 3, 1])
        if cut:
            limits = ([cut] * 2, [-cut] * 2, [1, 2])
            x = self.node("Slice", x, *(self.constant(value, np.int64) for value in limits))
        x = self.node("Reshape", x, self.constant([1, 0, 0, 2, 2 * count], np.int64))  # 1 H W 2 2C
        x = self.node("Transpose", x, perm=[0, 1, 3, 2, 4])
        ends = self.constant([1, -1], np.int64), self.constant([count], np.int64)
        return self.node("Reshape", x, self.node("Concat", ends[0], width, ends[1], axis=0), name=output)

    def columns(self, x: str) -> str:
        """Return the number of the features' columns, without those beyond the picture's sides."""
        return self.node("Sub", self.node("Shape", x, start=3), self.constant([MARGIN // 2], np.int64))


def paint_model() -> Any:
    """Return paint.onnx."""
    g = Portable()
    steps = g.parts("modulations")

    def normalize(x: str, number: int) -> str:
        scale = g.node("Add", steps[2 * number], g.constant(1.0))
        return g.node("InstanceNormalization", x, scale, steps[2 * number + 1], epsilon=EPSILON)

    # The layer of ones only converts to the convolutions' layout, so that the blocks' sums stay in it.
    x = g.node("Conv", normalize(g.enter(), 0), g.constant(np.ones((WIDTH, 1, 1, 1))), group=WIDTH)
    for index in range(BLOCKS):
        x = g.block(x, index, normalize)
    x = normalize(x, NORMS - 1)
    g.leave(x, g.columns(x))
    model = g.model("paint", {"photo": PHOTO, "modulations": [NUMBERS]}, {"picture": [1, "height", "width", 3]})
    if not expose_statistics(model, WIDTH):
        raise SystemExit("the statistics of the light engine's network cannot be exposed")
    return model
