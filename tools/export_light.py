#!/usr/bin/env python3
"""Write the painter's ONNX files from its tensors.

    python tools/export_light.py     # into src/impasto/assets/light

The network is that of `src/impasto/nn/light_net.py`. ONNX Runtime computes some of the style encoder's layers far
from the machine's speed, so equivalent ones are written instead:

- 9 x 9 at full size has 3 channels on one side, while the kernels work on blocks of 16. The same sums as a 10 x 10
  convolution of stride 2 give the four pixels of a 2 x 2 block as channels.
- the 3 x 3 of stride 2 then reads those blocks directly, as a dense 2 x 2 convolution;
- grouped 1 -> 2 convolutions become two depthwise ones side by side: only depthwise has a fast kernel.

encode.onnx: picture 1 x 3 x H x W -> vector 512.
paint.onnx:  photo 1 x 3 x H+36 x W+36, modulations 1024, given 1024, trust -> picture 1 x H x W x 3, statistics 1024.
             For every normalisation the modulations are 64 scales, less one, and 64 shifts. What features are
             normalised by comes out as statistics; `trust` parts of it are taken from what is given (see
             `impasto.exchange.statistics`).
paint8.onnx, paint16.onnx: the same, from the first layer to the last in the layout in which ONNX Runtime convolves, of
             so many channels side by side: see `Blocked`. The picture comes as 1 x H/2 x 2 x W/2 x 6.
layout.onnx: tells which of them this machine's is: numbers 1 x 16 x 1 x 2 as that layout has them.
shot.onnx:   photo 1 x 3 x H+36 x W+36 -> picture 1 x H x W x 3, for frames whose statistics are known: every
             normalisation is in the weights of a depthwise convolution, which `impasto.engines.light` fills in (see
             `shot_file`).
H and W are multiples of four and at least 32. Photos that are painted come with 18 pixels mirrored at every border.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from impasto.engines.light import MIRRORED
from impasto.engines.light_weights import EPSILON
from impasto.exchange.statistics import expose_statistics
from impasto.nn.light_net import BLOCKS, DETAIL, HIDDEN, MARGIN, NORMS, WIDTH, is_filter

ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "src" / "impasto" / "assets" / "light"
WEIGHTS = ASSETS / "light.safetensors"
CHANNELS = 64  # of the style encoder's features
HALF = HIDDEN // 2
SPARE = MARGIN // 4 - 1  # rows and columns of features at the borders that the last two layers do not look at
OPSET = 17
ROWS = 8  # one of so many tells roughly what features' mean is
LAYOUT = "com.microsoft.nchwc"  # ONNX Runtime's own operators, which it puts into networks on its own

Array = NDArray[np.float32]
Shape: TypeAlias = "list[int | str]"
Typed: TypeAlias = "tuple[str, Shape]"
Normalise: TypeAlias = Callable[[str, int], str]


class Graph:
    """Nodes and constants, written one after the other; every method returns its output's name."""

    def __init__(self, tensors: dict[str, Array]) -> None:
        self.tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        # Features of one size: ONNX Runtime cannot see it, and would not add them inside the convolutions, or not in
        # their own place.
        self.known: list[str] = []

    def constant(self, value: object, dtype: type = np.float32) -> str:
        array: NDArray[Any] = np.ascontiguousarray(value, dtype=dtype)
        name = "c_" + hashlib.sha256(repr((array.shape, array.dtype)).encode() + array.tobytes()).hexdigest()[:16]
        self.constants.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, outputs: int = 0, name: str = "", **attributes: object) -> str:
        name = name or f"{kind}_{len(self.nodes)}"
        names = [f"{name}_{i}" for i in range(outputs)] or [name]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=name, **attributes))
        return name

    def pad(self, x: str, top: int, left: int, bottom: int, right: int, mode: str = "reflect") -> str:
        return self.node("Pad", x, self.constant([0, 0, top, left, 0, 0, bottom, right], np.int64), mode=mode)

    def convolve(
        self, x: str, weight: Array, bias: Array | None, stride: int = 1, groups: int = 1, **attributes: Any
    ) -> str:
        operands = [self.constant(weight)] + ([] if bias is None else [self.constant(bias)])
        return self.node("Conv", x, *operands, strides=[stride, stride], group=groups, **attributes)

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
        self, name: str, inputs: Mapping[str, Shape | Typed], outputs: Mapping[str, Shape | Typed]
    ) -> onnx.ModelProto:
        def value(key: str, dims: Shape | Typed) -> onnx.ValueInfoProto:
            kind, shape = dims if isinstance(dims, tuple) else ("float32", dims)
            return helper.make_tensor_value_info(key, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)

        graph = helper.make_graph(
            self.nodes,
            name,
            [value(k, v) for k, v in inputs.items()],
            [value(k, v) for k, v in outputs.items()],
            list(self.constants.values()),
            value_info=[value(x, [1, WIDTH, "feature rows", "feature columns"]) for x in dict.fromkeys(self.known)],
        )
        domains = dict.fromkeys(node.domain for node in self.nodes)
        opsets = [helper.make_opsetid(domain, 1 if domain else OPSET) for domain in dict.fromkeys(["", *domains])]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="impasto")
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


class Painting(Graph):
    """The parts of the network that paints, for all of it in one file and for one file for each."""

    def __init__(self, tensors: dict[str, Array]) -> None:
        enter, leave = (tensors[f"brush.{name}.weight"] for name in ("enter1", "leave3"))
        enter_bias, leave_bias = (tensors[f"brush.{name}.bias"] for name in ("enter1", "leave3"))
        folded = {  # pictures are 0..1 in the file, -1..1 in the network
            "brush.enter1.weight": np.asarray(2 * enter, np.float32),
            "brush.enter1.bias": np.asarray(enter_bias - enter.sum((1, 2, 3)), np.float32),
            "brush.leave3.weight": np.asarray(leave / 2, np.float32),
            "brush.leave3.bias": leave_bias / 2 + np.float32(0.5),
        }
        super().__init__({**tensors, **folded})

    def parts(self, x: str) -> list[str]:
        """What an input has for every normalisation, two times 64 numbers each."""
        parts = self.node("Split", x, outputs=2 * NORMS, axis=0)
        return [f"{parts}_{index}" for index in range(2 * NORMS)]

    def layer_of(self, x: str, name: str, stride: int = 1, groups: int = 1, pads: tuple[int, int] = (0, 0)) -> str:
        """A convolution; pads are rows above and below, and columns at the sides, of zeros."""
        weight, bias = self.tensors[f"brush.{name}.weight"], self.tensors[f"brush.{name}.bias"]
        return self.convolve(x, weight, bias, stride, groups, pads=[*pads, *pads])

    def enter(self) -> str:
        """The photo, mirrored at its borders, to features at a quarter of its size."""
        return self.relu(self.layer_of(self.relu(self.layer_of("photo", "enter1", 2)), "enter2", 2, pads=(1, 1)))

    def block(self, x: str, number: int, normalise: Normalise) -> str:
        """Features after a block.

        The hidden channels go half by half: from 128 at a time ONNX Runtime's kernels take twice as long a number.
        """
        y = normalise(self.layer_of(x, f"blocks.{number}.look", groups=WIDTH, pads=(2, 2)), number + 1)
        wide, narrow = (
            [self.tensors[f"brush.blocks.{number}.{name}.{kind}"] for kind in ("weight", "bias")]
            for name in ("widen", "narrow")
        )
        weight, *bias = (self.constant(value) for value in narrow)
        for first in range(0, HIDDEN, HALF):
            half = self.relu(self.convolve(y, wide[0][first : first + HALF], wide[1][first : first + HALF]))
            ends = (self.constant([value], np.int64) for value in (first, first + HALF, 1))
            added = self.node("Conv", half, self.node("Slice", weight, *ends), *bias)
            bias = []  # it is added once
            self.known += [x, added]
            x = self.node("Add", x, added)
        return x

    def leave(self, x: str, columns: str) -> None:
        """Features to the picture, its colours last: 1 x H x W x 3.

        Args:
            columns: of the features, those at the picture's sides left out. Asking x itself would bring it out of the
                convolutions' layout.
        """
        width = self.node("Mul", self.node("Add", columns, self.constant([2], np.int64)), self.constant([2], np.int64))
        x = self.shuffled(x, "leave1", width, self.relu, SPARE)
        x = self.relu(self.layer_of(self.node("Transpose", x, perm=[0, 3, 1, 2]), "leave2"))
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
        """A convolution whose channels become the pixels of 2 x 2 blocks: 1 x 2H x 2W x C.

        As DepthToSpace, but two neighbours with all their channels are moved at once, not number by number. For that
        channels are ordered by pixel, then colour; the file keeps the weights' own order, by which styles change them.

        Args:
            width: of what comes out.
            cut: rows and columns at the borders that are left out of it.
        """
        weight, bias = self.tensors[f"brush.{name}.weight"], self.tensors[f"brush.{name}.bias"]
        count = len(bias) // 4
        order = self.constant(np.arange(4 * count).reshape(count, 4).T.ravel(), np.int64)
        sorted_weight, sorted_bias = (
            self.node("Gather", self.constant(value), order, axis=0) for value in (weight, bias)
        )
        x = activation(self.node("Conv", x, sorted_weight, sorted_bias))
        x = self.node("Transpose", x, perm=[0, 2, 3, 1])
        if cut:
            limits = ([cut] * 2, [-cut] * 2, [1, 2])
            x = self.node("Slice", x, *(self.constant(value, np.int64) for value in limits))
        x = self.node("Reshape", x, self.constant([1, 0, 0, 2, 2 * count], np.int64))  # 1 H W 2 2C
        x = self.node("Transpose", x, perm=[0, 1, 3, 2, 4])
        ends = self.constant([1, -1], np.int64), self.constant([count], np.int64)
        return self.node("Reshape", x, self.node("Concat", ends[0], width, ends[1], axis=0), name=output)

    def columns(self, x: str) -> str:
        """How many columns features have, those at the picture's sides left out."""
        return self.node("Sub", self.node("Shape", x, start=3), self.constant([MARGIN // 2], np.int64))


def paint_model(tensors: dict[str, Array]) -> onnx.ModelProto:
    g = Painting(tensors)
    steps = g.parts("modulations")

    def normalise(x: str, number: int) -> str:
        scale = g.node("Add", steps[2 * number], g.constant(1.0))
        return g.node("InstanceNormalization", x, scale, steps[2 * number + 1], epsilon=EPSILON)

    # The layer of ones changes nothing but the layout: what follows is added in that of the convolutions.
    x = g.convolve(normalise(g.enter(), 0), np.ones((WIDTH, 1, 1, 1), np.float32), None, groups=WIDTH)
    for index in range(BLOCKS):
        x = g.block(x, index, normalise)
    x = normalise(x, NORMS - 1)
    g.leave(x, g.columns(x))
    inputs: dict[str, Shape] = {"photo": [1, 3, "rows", "columns"], "modulations": [2 * NORMS * WIDTH]}
    model = g.model("paint", inputs, {"picture": [1, "height", "width", 3]})
    if not expose_statistics(model, WIDTH):
        raise SystemExit("the painter's statistics cannot be exposed")
    onnx.checker.check_model(model)
    return model


class Blocked(Painting):
    """The network in the layout of ONNX Runtime's convolutions: so many channels of a pixel side by side.

    It brings ordinary convolutions into that layout by itself, but not what stands between them, and has to leave the
    layout for every normalisation and to come back. Here normalisations are in the weights of the 1 x 1 convolutions
    after them, which are computed in the run, and pixels are shuffled by one transposition of whole blocks.

    Weights stand in the file in their usual order, by which styles change them; what brings them into the layout is
    computed when a session is made. Channels are filled up to whole blocks with zeros.

    Args:
        lanes: channels side by side: 8, or 16 where registers hold as many numbers.
    """

    def __init__(self, tensors: dict[str, Array], lanes: int) -> None:
        super().__init__(tensors)
        self.lanes = lanes
        self.detail = self.whole(DETAIL)

    def whole(self, channels: int) -> int:
        return -(-channels // self.lanes) * self.lanes

    def tensor(self, name: str) -> str:
        return self.constant(self.tensors[f"brush.{name}"])

    def shaped(self, x: str, *shape: int) -> str:
        return self.node("Reshape", x, self.constant(shape, np.int64))

    def filled(self, x: str, *more: int) -> str:
        """With zeros after the end of its axes."""
        return self.node("Pad", x, self.constant([0] * len(more) + list(more), np.int64)) if any(more) else x

    def laid_out(self, weight: str, shape: tuple[int, int, int], *, blocks_in: bool = True) -> str:
        """Weights in the layout.

        Args:
            weight: outputs x inputs x kernel x kernel.
            shape: the same in numbers, the kernel once.
            blocks_in: whether the inputs are in the layout; not those of a depthwise convolution, nor three colours.
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
        """A convolution in the layout; what it is added to may be overwritten."""
        operands = [x, weight, bias, added] if added else [x, weight, bias] if bias else [x, weight]
        found = self.node("Conv", *operands, domain=LAYOUT, auto_pad="NOTSET", **attributes)
        if added:
            self.known += [added, found]
        return found

    def depthwise(self, x: str, weight: str, bias: str, k: int) -> str:
        return self.layout_convolve(
            x, self.laid_out(weight, (WIDTH, 1, k), blocks_in=False), bias, group=WIDTH, pads=[k // 2] * 4
        )

    def enter(self) -> str:
        more = self.detail - DETAIL
        weight = self.filled(self.tensor("enter1.weight"), more, 0, 0, 0)
        weight = self.laid_out(weight, (self.detail, 3, 6), blocks_in=False)
        bias = self.filled(self.tensor("enter1.bias"), more)
        x = self.layout_convolve("photo", weight, bias, strides=[2, 2], activation="Relu")
        weight = self.laid_out(self.filled(self.tensor("enter2.weight"), 0, more, 0, 0), (WIDTH, self.detail, 4))
        bias = self.tensor("enter2.bias")
        return self.layout_convolve(x, weight, bias, strides=[2, 2], pads=[1] * 4, activation="Relu")

    def view(self, size: str) -> str:
        """The shape in which ordinary operators see features: blocks x rows x columns x channels of a block."""
        ends = self.constant([WIDTH // self.lanes], np.int64), self.constant([self.lanes], np.int64)
        return self.node("Concat", ends[0], size, ends[1], axis=0)

    def mean(self, x: str, every: int = 1) -> str:
        """Of every channel, row by row, then over the rows (`expose_statistics` says why).

        Args:
            x: as `view`.
            every: how many rows one is looked at of.
        """
        if every > 1:
            limits = (self.constant([value], np.int64) for value in (0, np.iinfo(np.int64).max, 1, every))
            x = self.node("Slice", x, *limits)
        rows = self.node("ReduceMean", x, axes=[2], keepdims=0)
        return self.shaped(self.node("ReduceMean", rows, axes=[1], keepdims=0), WIDTH)

    def moments(self, x: str, size: str) -> tuple[str, str]:
        """Mean and mean square of every channel."""
        seen = self.node("Reshape", x, self.view(size))
        return self.mean(seen), self.mean(self.node("Mul", seen, seen))

    def looked(self, x: str, number: int, size: str) -> tuple[str, str, str, str]:
        """A block's look at neighbourhoods, about its mean; what was taken off for that; its mean and mean square.

        Squares are summed as a depthwise convolution of the features with themselves, as large as they are: one pass
        over the memory, nothing written. It has one sum for all places, which is good enough about the mean only.
        """
        name = f"blocks.{number}.look"
        weight, bias = self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias")
        taps = self.shaped(self.node("ReduceSum", weight, self.constant([1, 2, 3], np.int64), keepdims=0), WIDTH)
        about = self.node("Mul", taps, self.mean(self.node("Reshape", x, self.view(size)), every=ROWS))
        y = self.depthwise(x, weight, self.node("Neg", about), 5)
        off = self.node("Add", about, bias)
        rest = self.shaped(self.node("GlobalAveragePool", y, domain=LAYOUT), WIDTH)
        themselves = self.node("Reshape", y, self.node("Concat", self.constant([WIDTH, 1], np.int64), size, axis=0))
        squares = self.shaped(self.layout_convolve(y, themselves, group=WIDTH), WIDTH)
        area = self.node("Cast", self.node("ReduceProd", size, keepdims=0), to=TensorProto.FLOAT)
        mean = self.node("Add", off, rest)
        variance = self.node("Sub", self.node("Div", squares, area), self.node("Mul", rest, rest))
        return y, off, mean, self.node("Add", variance, self.node("Mul", mean, mean))

    def scaled(self, weight: str, bias: str, outputs: int, factor: str, shift: str) -> tuple[str, str]:
        """Weights and biases of a 1 x 1 convolution that multiplies its inputs and adds to them first."""
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
        """A block's hidden channels, from what was seen, added to the features.

        In blocks of 8 they go half by half, as in `block`; in blocks of 16 all at once is faster.
        """
        count = HALF if self.lanes == 8 else HIDDEN
        (wide, wide_bias), (narrow, bias) = (
            [self.tensors[f"brush.blocks.{number}.{name}.{kind}"] for kind in ("weight", "bias")]
            for name in ("widen", "narrow")
        )
        added = self.constant(bias)
        for first in range(0, HIDDEN, count):
            part = slice(first, first + count)
            operands = self.scaled(self.constant(wide[part]), self.constant(wide_bias[part]), count, factor, shift)
            hidden = self.layout_convolve(y, *operands, activation="Relu")
            weight = self.constant(narrow)
            if count < HIDDEN:
                weight = self.node("Slice", weight, *(self.constant([v], np.int64) for v in (first, first + count, 1)))
            x = self.layout_convolve(hidden, self.laid_out(weight, (WIDTH, count, 1)), added, x)
            added = ""  # once
        return x

    def leave_scaled(self, x: str, size: str, factor: str, shift: str) -> None:
        """Features, before their last normalisation, to the picture.

        Args:
            size: rows and columns of the features.
        """
        more, lanes = self.detail - DETAIL, self.lanes
        x = self.node("Reshape", x, self.view(size))
        x = self.node("Slice", x, *(self.constant(v, np.int64) for v in ([SPARE] * 2, [-SPARE] * 2, [1, 2])))
        size = self.node("Sub", size, self.constant([2 * SPARE], np.int64))
        x = self.node("Reshape", x, self.node("Concat", self.constant([1, WIDTH], np.int64), size, axis=0))
        # The four pixels of a 2 x 2 block come one after the other, each with all its channels.
        weight = self.node("Transpose", self.shaped(self.tensor("leave1.weight"), DETAIL, 4, WIDTH), perm=[1, 0, 2])
        bias = self.node("Transpose", self.shaped(self.tensor("leave1.bias"), DETAIL, 4), perm=[1, 0])
        outputs = 4 * self.detail
        weight, bias = self.filled(weight, 0, more, 0), self.shaped(self.filled(bias, 0, more), outputs)
        x = self.layout_convolve(x, *self.scaled(weight, bias, outputs, factor, shift), activation="Relu")
        ends = self.constant([2, 2, self.detail // lanes], np.int64), self.constant([lanes], np.int64)
        x = self.node("Reshape", x, self.node("Concat", ends[0], size, ends[1], axis=0))
        x = self.node("Transpose", x, perm=[2, 3, 0, 4, 1, 5])
        twice = self.node("Mul", size, self.constant([2], np.int64))
        x = self.node("Reshape", x, self.node("Concat", self.constant([1, self.detail], np.int64), twice, axis=0))

        weight = self.laid_out(
            self.filled(self.tensor("leave2.weight"), more, more, 0, 0), (self.detail, self.detail, 3)
        )
        x = self.layout_convolve(x, weight, self.filled(self.tensor("leave2.bias"), more), activation="Relu")
        colours = self.whole(12)
        weight = self.node(
            "Transpose", self.shaped(self.tensor("leave3.weight"), 3, 4, DETAIL, 3, 3), perm=[1, 0, 2, 3, 4]
        )
        weight = self.filled(self.shaped(weight, 12, DETAIL, 3, 3), colours - 12, more, 0, 0)
        bias = self.node("Transpose", self.shaped(self.tensor("leave3.bias"), 3, 4), perm=[1, 0])
        x = self.layout_convolve(
            x,
            self.laid_out(weight, (colours, self.detail, 3)),
            self.filled(self.shaped(bias, 12), colours - 12),
            activation="Clip",
            activation_params=[0.0, 1.0],
        )
        x = self.node("ReorderOutput", x, domain=LAYOUT, channels=12, channels_last=1)
        x = self.shaped(x, 1, 0, 0, 2, 6)
        self.node("Transpose", x, perm=[0, 1, 3, 2, 4], name="picture")


def blocked_model(tensors: dict[str, Array], lanes: int) -> onnx.ModelProto:
    g = Blocked(tensors, lanes)
    steps, told = g.parts("modulations"), g.parts("given")
    x = g.enter()
    size = g.node("Shape", x, start=2)
    measured: list[str] = []

    def normalisation(mean: str, square: str, off: str) -> tuple[str, str]:
        """What channels are multiplied by, and what is added then.

        Args:
            off: what was taken off them.
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
    x = g.depthwise(x, *normalisation(*g.moments(x, size), nothing), 1)
    for index in range(BLOCKS):
        y, off, mean, square = g.looked(x, index, size)
        x = g.mixed(x, y, index, *normalisation(mean, square, off))
    g.leave_scaled(x, size, *normalisation(*g.moments(x, size), nothing))
    g.node("Concat", *measured, axis=0, name="statistics")
    count = 2 * NORMS * WIDTH
    inputs: dict[str, Shape] = {
        "photo": [1, 3, "rows", "columns"],
        "modulations": [count],
        "given": [count],
        "trust": [],
    }
    outputs: dict[str, Shape] = {"picture": [1, "half height", 2, "half width", 6], "statistics": [count]}
    return g.model("paint", inputs, outputs)


def layout_model() -> onnx.ModelProto:
    g = Graph({})
    g.node("ReorderInput", "numbers", domain=LAYOUT, name="laid_out")
    shape: Shape = [1, 16, 1, 2]
    return g.model("layout", {"numbers": shape}, {"laid_out": shape})


def shot_model(tensors: dict[str, Array], weights: Array, biases: Array) -> onnx.ModelProto:
    """The network with the first and the last normalisation as convolutions; the others belong to the blocks' own."""
    g = Painting(tensors)
    x = g.convolve(g.enter(), weights[0], biases[0], groups=WIDTH)
    for index in range(BLOCKS):
        x = g.block(x, index, lambda y, _: y)
    inside = g.node("Sub", g.node("Shape", "photo", start=3), g.constant([2 * MIRRORED], np.int64))
    g.leave(g.convolve(x, weights[1], biases[1], groups=WIDTH), g.node("Div", inside, g.constant([4], np.int64)))
    return g.model("shot", {"photo": [1, 3, "rows", "columns"]}, {"picture": [1, "height", "width", 3]})


def shot_file(tensors: dict[str, Array]) -> tuple[bytes, list[list[int]]]:
    """shot.onnx, and where its normalisations are (`impasto.engines.light_weights.normalised`).

    They are in weights of one before the first block and after the last, in the blocks' depthwise convolutions between.
    """
    rng = np.random.default_rng(0)  # to find them by
    weights, biases = rng.random((2, WIDTH, 1, 1, 1), np.float32), rng.random((2, WIDTH), np.float32)
    data = bytearray(shot_model(tensors, weights, biases).SerializeToString(deterministic=True))
    looks = [[tensors[f"brush.blocks.{index}.look.{kind}"] for kind in ("weight", "bias")] for index in range(BLOCKS)]
    found = []
    for weight, bias in ([weights[0], biases[0]], *looks, [weights[1], biases[1]]):
        first, last = (data.index(np.ascontiguousarray(value, "<f4").tobytes()) for value in (weight, bias))
        found.append([first, weight[0].size, last])
    for weight, _, bias in (found[0], found[-1]):
        np.frombuffer(data, np.dtype("<f4"), WIDTH, weight)[:] = 1
        np.frombuffer(data, np.dtype("<f4"), WIDTH, bias)[:] = 0
    return bytes(data), found


def filters(tensors: dict[str, Array]) -> dict[str, Array]:
    """What a style may change (`impasto.engines.light_weights`), in its order and as it stands in the files."""
    folded = Painting(tensors).tensors
    return {key: folded[key] for key in sorted(folded) if is_filter(key.removeprefix("brush."))}


def places(data: bytes, tensors: dict[str, Array]) -> list[list[int]]:
    """Where a file has them: byte, number among all of them, count."""
    found, first = [], 0
    for key, value in filters(tensors).items():
        in_halves = "widen" in key and value.tobytes() not in data  # as `Painting.block` has them
        for part in np.split(value, HIDDEN // HALF) if in_halves else [value]:
            raw = np.ascontiguousarray(part, "<f4").tobytes()
            if data.count(raw) > 1:
                raise SystemExit("two filters are alike")
            if raw in data:
                found.append([data.index(raw), first, part.size])
            first += part.size
    return found


def multiply_adds(model: onnx.ModelProto, side: int = 1024) -> float:
    """Multiply-adds of the convolutions for each pixel, zeros that a rewriting brought in counted."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    sizes = dict.fromkeys(("rows", "columns"), side + 2 * MIRRORED)
    for value in fixed.graph.input:
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_value = sizes[dimension.dim_param]
    inferred = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in inferred.graph.value_info}
    shapes |= {tensor.name: tensor.dims for tensor in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            total += int(np.prod(shapes[node.input[1]])) * int(np.prod(shapes[node.output[0]][2:]))
    return total / side**2


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the painter's ONNX files from its tensors.")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("-o", "--output", type=Path, default=ASSETS)
    arguments = parser.parse_args()
    tensors = load_file(arguments.weights)
    arguments.output.mkdir(parents=True, exist_ok=True)
    hashes, found = {}, {}
    painting = {"paint.onnx": paint_model(tensors)}
    painting |= {f"paint{lanes}.onnx": blocked_model(tensors, lanes) for lanes in (8, 16)}
    for name, model in {"encode.onnx": encode_model(tensors), "layout.onnx": layout_model(), **painting}.items():
        data = model.SerializeToString(deterministic=True)
        (arguments.output / name).write_bytes(data)
        hashes[name] = hashlib.sha256(data).hexdigest()
        print(f"{name}  {len(data) / 1e6:.2f} MB  {hashes[name]}")
        if name in painting:
            found[name] = places(data, tensors)
    cost = multiply_adds(painting["paint.onnx"])
    data, norms = shot_file(tensors)
    (arguments.output / "shot.onnx").write_bytes(data)
    hashes["shot.onnx"], found["shot.onnx"] = hashlib.sha256(data).hexdigest(), places(data, tensors)
    hashes[WEIGHTS.name] = hashlib.sha256(arguments.weights.read_bytes()).hexdigest()
    facts = {"sha256": hashes, "mac_per_pixel": round(cost), "filters": found, "norms": norms}
    (arguments.output / "facts.json").write_text(json.dumps(facts) + "\n")
    print(f"{cost:,.0f} multiply-adds a pixel")


if __name__ == "__main__":
    main()
