"""Write ONNX graphs node by node. All exporters here and in `tools/` use this."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.errors import MissingExtra

OPSET = 17
LAYOUT = "com.microsoft.nchwc"  # domain of ONNX Runtime's own operators on features in blocks of channels
Shape: TypeAlias = "Sequence[int | str]"


class Graph:
    """The nodes and initializers of a graph, in the order in which they are added. Methods return an output's name.

    Attributes:
        proto: the package onnx.
        nodes: `onnx.NodeProto`s.
        constants: initializers with their values, by name.
        externals: initializers without values, by name. The session is given the values (`system.sessions.Model`).
        shapes: shapes of intermediate values that ONNX Runtime cannot infer.

    Args:
        prefix: begins all generated names, so that they differ from those of another program's graph.
    Raises:
        MissingExtra: the package onnx is not installed.
    """

    def __init__(self, prefix: str = "") -> None:
        try:
            import onnx
        except ImportError:
            raise MissingExtra("onnx, which writes such files,", "train") from None
        self.proto, self._prefix = onnx, prefix
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.externals: dict[str, Any] = {}
        self.shapes: dict[str, Shape] = {}

    def constant(self, value: object, kind: type = np.float32, name: str = "") -> str:
        """Add an initializer and return its name. Without a name, equal initializers are merged."""
        array: NDArray[Any] = np.asarray(value, kind)
        if not name:
            flat = np.ascontiguousarray(array)  # a scalar becomes an array of one number
            digest = hashlib.sha256(repr((flat.shape, flat.dtype)).encode() + flat.tobytes()).hexdigest()
            name = f"{self._prefix}c_{digest[:16]}"
        tensor = self.constants.setdefault(name, self.proto.numpy_helper.from_array(array, name))
        assert tuple(tensor.dims) == array.shape, f"{name} is a scalar and an array"
        return name

    def external(self, name: str, shape: Sequence[int], file: str) -> str:
        """Add an initializer of float32 without its values.

        Args:
            file: the file with the values, for readers of the graph.
        """
        kind = self.proto.TensorProto
        tensor = kind(name=name, data_type=kind.FLOAT, dims=shape, data_location=kind.EXTERNAL)
        for key, entry in (("location", file), ("offset", "0"), ("length", str(4 * int(np.prod(shape))))):
            tensor.external_data.add(key=key, value=entry)
        self.externals.setdefault(name, tensor)
        return name

    def node(self, kind: str, *inputs: str, outputs: int = 0, name: str = "", **attributes: object) -> str:
        """Add a node. Its output has its name. Several outputs have its name with the suffixes "_0", "_1" and so on."""
        name = name or f"{self._prefix}{kind}_{len(self.nodes)}"
        names = [f"{name}_{index}" for index in range(outputs)] or [name]
        self.nodes.append(self.proto.helper.make_node(kind, list(inputs), names, name=name, **attributes))
        return name

    def to_float(self, x: str) -> str:
        """Convert to float32."""
        return self.node("Cast", x, to=self.proto.TensorProto.FLOAT)

    def shaped(self, x: str, *shape: int) -> str:
        """Reshape."""
        return self.node("Reshape", x, self.constant(shape, np.int64))

    def mirrored(self, x: str, top: int, left: int, bottom: int, right: int, mode: str = "reflect") -> str:
        """Pad features, 1 x C x H x W, beyond their borders."""
        return self.node("Pad", x, self.constant([0, 0, top, left, 0, 0, bottom, right], np.int64), mode=mode)

    def doubled(self, x: str) -> str:
        """Double height and width of features: every value fills two by two places."""
        how: dict[str, Any] = {
            "mode": "nearest",
            "nearest_mode": "floor",
            "coordinate_transformation_mode": "asymmetric",
        }
        return self.node("Resize", x, "", self.constant([1, 1, 2, 2]), **how)

    def add_to(self, graph: Any, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> None:
        """Add everything to an `onnx.GraphProto`, with further inputs and outputs, all of float32."""
        helper, kind = self.proto.helper, self.proto.TensorProto.FLOAT
        for values, wanted in ((graph.input, inputs), (graph.output, outputs), (graph.value_info, self.shapes)):
            values.extend(helper.make_tensor_value_info(name, kind, shape) for name, shape in wanted.items())
        graph.node.extend(self.nodes)
        graph.initializer.extend([*self.constants.values(), *self.externals.values()])

    def model(self, title: str, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> Any:
        """Return everything as an `onnx.ModelProto`."""
        helper = self.proto.helper
        graph = helper.make_graph([], title, [], [])
        self.add_to(graph, inputs, outputs)
        domains = dict.fromkeys(["", *(node.domain for node in self.nodes)])
        opsets = [helper.make_opsetid(domain, 1 if domain else OPSET) for domain in domains]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="impasto")
