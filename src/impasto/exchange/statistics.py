"""Let an ONNX network say what its instance normalisations measure, and take given measurements in their place.

A network that normalises by its own picture cannot paint a large photo in tiles: each would be normalised by itself.
With the means and variances of the whole photo given, every tile looks as it does in the whole (URST: Chen et al. 2022
normalise tiles by a thumbnail's).
"""

from __future__ import annotations

from typing import Any

import numpy as np

_OLDEST = 10  # opset: before it, what is used here was written differently


def expose_statistics(model: Any, width: int | None = None) -> bool:
    """Add to an `onnx.ModelProto` the inputs "given" and "trust" and the output "statistics".

    `statistics` holds, one normalisation after the other, the means and then the mean squares of its channels: those of
    several pictures average to those of all. The network is normalised by `trust` parts of what is given, in the same
    order, and 1 - trust of its own; with a trust of 0 it is what it was.

    Args:
        width: channels of normalisations whose scale is computed in the network.
    Returns:
        Whether it could be done: the network has instance normalisations, of known widths.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)
    widths = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    for there in graph.node:
        if there.op_type == "Constant" and there.attribute and there.attribute[0].name == "value":
            widths[there.output[0]] = int(np.prod(there.attribute[0].t.dims))
    norms = [there for there in graph.node if there.op_type == "InstanceNormalization"]
    taken = {value.name for value in (*graph.input, *graph.output)}
    if not norms or opset < _OLDEST or any(widths.get(there.input[1], width) is None for there in norms):
        return False
    if taken & {"given", "trust", "statistics"}:
        return False

    nodes: list[Any] = []
    constants: dict[str, Any] = {}

    def constant(name: str, value: object, kind: type = np.float32) -> str:
        constants[name] = numpy_helper.from_array(np.asarray(value, dtype=kind), name)
        return name

    def node(kind: str, *inputs: str, **attributes: object) -> str:
        name = f"measured_{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def reduce(kind: str, x: str, axes: list[int]) -> str:
        if opset < 18:
            return node(kind, x, axes=axes, keepdims=0)
        return node(kind, x, constant(f"measured_axes_{'_'.join(map(str, axes))}", axes, np.int64), keepdims=0)

    zero = constant("measured_zero", 0.0)
    measured: list[str] = []
    start = 0
    for old in list(graph.node):
        if old.op_type != "InstanceNormalization":
            nodes.append(old)
            continue
        features, scale, shift = old.input
        channels = widths.get(scale, width or 0)
        small = next((attribute.f for attribute in old.attribute if attribute.name == "epsilon"), 1e-5)
        # Row by row, then over the rows: where a mean is far above its deviation, one sum over a million is too coarse.
        mean = reduce("ReduceMean", reduce("ReduceMean", features, [3]), [0, 2])
        across = constant("measured_across", [3], np.int64)
        columns = node("Cast", node("Gather", node("Shape", features), across), to=TensorProto.FLOAT)
        power = reduce("ReduceMean", node("Div", reduce("ReduceSumSquare", features, [3]), columns), [0, 2])
        measured += [mean, power]
        used = []
        for own in (mean, power):
            place = constant(f"measured_place_{start}", np.arange(start, start + channels), np.int64)
            wanted = node("Gather", "given", place, axis=0)
            used.append(node("Add", own, node("Mul", "trust", node("Sub", wanted, own))))
            start += channels
        variance = node("Max", node("Sub", used[1], node("Mul", used[0], used[0])), zero)
        operands = [features, scale, shift, used[0], variance]
        name = f"measured_norm_{len(nodes)}"
        nodes.append(helper.make_node("BatchNormalization", operands, list(old.output), name=name, epsilon=small))
    nodes.append(helper.make_node("Concat", measured, ["statistics"], name="measured_all", axis=0))
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants.values())
    graph.input.append(helper.make_tensor_value_info("given", TensorProto.FLOAT, [start]))
    graph.input.append(helper.make_tensor_value_info("trust", TensorProto.FLOAT, []))
    graph.output.append(helper.make_tensor_value_info("statistics", TensorProto.FLOAT, [start]))
    return True
