"""ONNX graphs told apart by what they compute, and the tools that write those that ship."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from helpers import ROOT
from onnx import ModelProto, TensorProto, helper, numpy_helper

Described = dict[str, Any]


def tool(folder: str, name: str) -> ModuleType:
    """A module of `tools/`; its neighbors are found as if it were run."""
    path = str(ROOT / "tools" / folder)
    if path not in sys.path:
        sys.path.insert(0, path)
    return importlib.import_module(name)


def described(model: ModelProto) -> Described:
    """All that a graph computes and with what; names that its writer was free to choose are left out.

    Inputs, outputs and external initializers go by name, constants by their values, other values by the node that
    gives them.
    """
    graph = model.graph
    outputs = {value.name for value in graph.output}
    known: dict[str, object] = {"": "nothing"} | {value.name: f"input {value.name}" for value in graph.input}
    for tensor in graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            known[tensor.name] = f"external {tensor.name} {list(tensor.dims)}"
        else:
            array = numpy_helper.to_array(tensor)
            known[tensor.name] = f"constant {array.dtype} {array.shape}", array.tobytes()
    nodes = []
    for number, node in enumerate(graph.node):
        attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
        nodes.append((node.domain, node.op_type, [known[name] for name in node.input], attributes))
        for index, name in enumerate(node.output):
            known[name] = f"output {name}" if name in outputs else f"node {number}, {index}"
    return {
        "nodes": nodes,
        "inputs": [_signature(value, value.name) for value in graph.input],
        "outputs": [_signature(value, value.name) for value in graph.output],
        "shapes": [_signature(value, known[value.name]) for value in graph.value_info],
        "operators": {entry.domain: entry.version for entry in model.opset_import},
    }


def _signature(value: Any, name: object) -> tuple[object, ...]:
    tensor = value.type.tensor_type
    return name, tensor.elem_type, [side.dim_param or side.dim_value for side in tensor.shape.dim]
