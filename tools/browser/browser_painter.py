"""Build paint.onnx and encode.onnx: the painter's networks for browsers.

| graph | inputs | outputs |
|---|---|---|
| paint.onnx | photo, noise8, noise4, given, trust; code 256, changes 5152, filters | picture, statistics |
| encode.onnx | picture 1 x 3 x H x W | code 256 |

The graphs compute the same as those of `tools/painter/export.py`, with three differences:

- They read the weights from painter.safetensors and the encoder's file, in 8 bits with scales. A session expands them
  once, when it is created.
- A style's changes of the last filters are an input, so that one session paints every style.
- The fully connected layers are part of the graphs.

WebGPU allows ten buffers for each shader. So no node splits a tensor, or joins more than eight at once.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "painter"))
from encode_graph import EncodeGraph
from graph import EIGHTH, QUARTER, Plain
from pack_browser import ENCODER, PAINTER, Stored

from impasto.engines.painter import CODE
from impasto.engines.painter_weights import (
    PLACES,
    filter_count,
    filter_shapes,
    four_places,
    layer_shapes,
    leave_at_half,
    norm_widths,
)
from impasto.exchange.graph import Graph

_CLIP = 5.0  # deviations, as in `Painter._encode`
_JOINED = 8


def stored(g: Graph, tensors: Mapping[str, Stored], file: str, name: str) -> str:
    """Add a tensor of a file of weights, as float32."""
    kind = g.proto.TensorProto
    found = tensors[name]
    tensor = kind(name=name, dims=found.shape, data_location=kind.EXTERNAL)
    tensor.data_type = {"F32": kind.FLOAT, "I8": kind.INT8}[found.dtype]
    for key, entry in (("location", file), ("offset", found.start), ("length", found.size)):
        tensor.external_data.add(key=key, value=str(entry))
    g.externals.setdefault(name, tensor)
    if found.dtype == "F32":
        return name
    scale = stored(g, tensors, file, f"{name.rpartition('.')[0]}.scale")
    return g.node("Mul", g.to_float(name), g.shaped(scale, -1, *[1] * (len(found.shape) - 1)))


class BrowserPainter(Plain):
    """The network with its weights, changed by the input "filters"."""

    def __init__(self, tensors: Mapping[str, Stored]) -> None:
        self._tensors = tensors
        self._weights: dict[str, str] = {}
        super().__init__()

    def pieces(self, name: str, sizes: Sequence[int]) -> list[str]:
        if name == "modulations":
            name = self._modulations()
        ends = np.cumsum(sizes).tolist()
        return [self._piece(name, end - size, end) for size, end in zip(sizes, ends, strict=True)]

    def joined_numbers(self, parts: Sequence[str], name: str) -> None:
        while len(parts) > _JOINED:
            parts = [
                self.node("Concat", *parts[first : first + _JOINED], axis=0) for first in range(0, len(parts), _JOINED)
            ]
        self.node("Concat", *parts, axis=0, name=name)

    def weight(self, name: str) -> str:
        if name not in self._weights:
            self._bring(name.split(".", 1)[0] if name.startswith(("rise", "leave")) else name.rpartition(".")[0])
        return self._weights[name]

    def _bring(self, layer: str) -> None:
        """Add a layer's weights in the form of `painter_weights.graph_weights`."""
        outputs, inputs, kernel = layer_shapes()[layer]
        weight, bias = self._own(f"{layer}.weight"), self._own(f"{layer}.bias")
        if layer == "leave":
            weight, bias = self._left(weight, bias, inputs)
        elif layer.startswith("rise"):
            taps = np.stack([four_places(unit.reshape(1, 1, 3, 3))[:, 0, 0] for unit in np.eye(9, dtype=np.float32)])
            rows = self.shaped(weight, outputs * inputs, kernel**2)
            if layer == "rise3":
                places = self.node("MatMul", rows, self.constant(taps.reshape(9, -1)))
                places = self.node("Transpose", self.shaped(places, outputs, inputs, 4, 9), perm=[2, 0, 1, 3])
                weight = self.shaped(places, 4 * outputs, inputs, 3, 3)
                bias = self.node("Concat", *[bias] * 4, axis=0)
            else:
                for index, (down, right) in enumerate(PLACES):
                    own = taps[:, index, down : down + 2, right : right + 2].reshape(9, 4)
                    found = self.node("MatMul", rows, self.constant(own))
                    self._weights[f"{layer}.{index}.weight"] = self.shaped(found, outputs, inputs, 2, 2)
                    self._weights[f"{layer}.{index}.bias"] = bias
                return
        self._weights[f"{layer}.weight"], self._weights[f"{layer}.bias"] = weight, bias

    def _left(self, weight: str, bias: str, inputs: int) -> tuple[str, str]:
        """Compute `painter_weights.leave_at_half` by products of matrices."""
        none = np.zeros(3, np.float32)
        units = np.zeros((25, 3, 1, 5, 5), np.float32)
        units[:, 0] = np.eye(25, dtype=np.float32).reshape(25, 1, 5, 5)
        taps = np.stack([leave_at_half(unit, none)[0].reshape(2, 8, 4, 9)[:, [0, 3]] for unit in units])
        found = self.node("MatMul", self.shaped(weight, 3 * inputs, 25), self.constant(taps.reshape(25, -1)))
        found = self.node("Transpose", self.shaped(found, 3, inputs, 4, 4, 9), perm=[2, 0, 3, 1, 4])
        found = self.shaped(found, 2, 6, 36 * inputs)  # down; right and color; the others
        found = self.shaped(self.node("Pad", found, self.constant([0, 0, 0, 0, 2, 0], np.int64)), 16, 4 * inputs, 3, 3)
        empty = np.zeros((3, 1, 5, 5), np.float32)
        base = leave_at_half(empty, none)[1]
        moves = np.stack([leave_at_half(empty, unit)[1] - base for unit in np.eye(3, dtype=np.float32)])
        moved = self.shaped(self.node("MatMul", self.shaped(bias, 1, 3), self.constant(moves)), 16)
        return found, self.node("Add", moved, self.constant(base))

    def _own(self, name: str) -> str:
        """Return a tensor of the network plus the style's change of it."""
        found = stored(self, self._tensors, PAINTER, name)
        shapes = filter_shapes()
        if name not in shapes:
            return found
        sizes = {key: math.prod(shape) for key, shape in shapes.items()}
        first = sum(size for key, size in sizes.items() if key < name)
        change = self._piece("filters", first, first + sizes[name])
        return self.node("Add", found, self.shaped(change, *shapes[name]))

    def _modulations(self) -> str:
        """Compute a style's modulations, as `Painter._modulate` does."""

        def product(layer: str, x: str) -> str:
            weight, bias = (stored(self, self._tensors, PAINTER, f"{layer}.{part}") for part in ("weight", "bias"))
            return self.node("Add", self.node("MatMul", weight, x), self.shaped(bias, -1, 1))

        inner = self.node("Relu", product("style1", self.shaped("code", CODE, 1)))
        return self.node("Add", self.shaped(product("style2", inner), -1), "changes")

    def _piece(self, x: str, first: int, end: int) -> str:
        return self.node("Slice", x, *(self.constant([value], np.int64) for value in (first, end, 0)))

    def finished(self) -> Any:
        """Return paint.onnx."""
        model = super().finished()
        numbers = 2 * sum(norm_widths()) + EIGHTH + QUARTER
        inputs = {"code": [CODE], "changes": [numbers], "filters": [filter_count()]}
        rest = [value for value in model.graph.input if value.name != "modulations"]
        del model.graph.input[:]
        helper, kind = self.proto.helper, self.proto.TensorProto.FLOAT
        model.graph.input.extend(helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items())
        model.graph.input.extend(rest)
        return model


class BrowserReader(EncodeGraph):
    """The encoder with its weights, and the matrix from its statistics to a style."""

    def __init__(self, seen: Mapping[str, Stored], tensors: Mapping[str, Stored]) -> None:
        super().__init__()
        self._seen, self._tensors = seen, tensors

    def weight(self, name: str, shape: Sequence[int]) -> str:
        assert self._seen[name].shape == list(shape)
        return stored(self, self._seen, ENCODER, name)

    def finished(self) -> Any:
        """Return encode.onnx."""
        found = self.joined_statistics("")
        usual, spread, weight, bias = (
            stored(self, self._tensors, PAINTER, name) for name in ("usual", "spread", "embed.weight", "embed.bias")
        )
        x = self.node("Div", self.node("Sub", found, usual), spread)
        x = self.node("Clip", x, self.constant(-_CLIP), self.constant(_CLIP))
        x = self.node("MatMul", weight, self.shaped(x, -1, 1))
        x = self.node("Add", x, self.shaped(bias, -1, 1))
        self.node("Reshape", x, self.constant([CODE], np.int64), name="code")
        return self.model("encode", {"picture": [1, 3, "height", "width"]}, {"code": [CODE]})


def painter_graphs(seen: Mapping[str, Stored], tensors: Mapping[str, Stored]) -> dict[str, Any]:
    """Return paint.onnx and encode.onnx."""
    paint = BrowserPainter(tensors)
    paint.build()
    return {"paint.onnx": paint.finished(), "encode.onnx": BrowserReader(seen, tensors).finished()}
