"""ONNX graphs, written node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from impasto.errors import MissingExtra
from impasto.version import __version__

OPSET = 17
Value: TypeAlias = "tuple[str, Sequence[int | str]]"  # NumPy's name of its type, and its shape


class Graph:
    """Nodes and constants; every method returns its output's name.

    Raises:
        MissingExtra: the package onnx is not there.
    """

    def __init__(self) -> None:
        try:
            from onnx import helper, numpy_helper
        except ImportError:
            raise MissingExtra("onnx, which writes such files,", "train") from None
        self._helper, self._numpy = helper, numpy_helper
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def constant(self, name: str, value: object, kind: type = np.float32) -> str:
        self.constants[name] = self._numpy.from_array(np.ascontiguousarray(value, dtype=kind), name)
        return name

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: object) -> str:
        name = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(self._helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def cast(self, x: str, kind: str, name: str = "") -> str:
        return self.node("Cast", x, to=self._helper.np_dtype_to_tensor_dtype(np.dtype(kind)), name=name)

    def twice(self, x: str) -> str:
        """Every place of the features as two by two."""
        scales = self.constant("twice", [1, 1, 2, 2])
        return self.node(
            "Resize", x, "", scales, mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric"
        )

    def model(self, title: str, inputs: Mapping[str, Value], outputs: Mapping[str, Value]) -> Any:
        """The graph as an `onnx.ModelProto`."""

        def value(name: str, kind: str, shape: Sequence[int | str]) -> Any:
            tensor = self._helper.np_dtype_to_tensor_dtype(np.dtype(kind))
            return self._helper.make_tensor_value_info(name, tensor, list(shape))

        graph = self._helper.make_graph(
            self.nodes,
            title,
            [value(name, *wanted) for name, wanted in inputs.items()],
            [value(name, *wanted) for name, wanted in outputs.items()],
            list(self.constants.values()),
        )
        return self._helper.make_model(
            graph,
            opset_imports=[self._helper.make_opsetid("", OPSET)],
            ir_version=8,
            producer_name="impasto",
            producer_version=__version__,
        )
