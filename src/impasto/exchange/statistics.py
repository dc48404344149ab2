"""Let an ONNX network output the statistics of its instance normalizations, and accept given statistics instead.

A network that normalizes each picture by itself cannot paint a large photo in tiles: the tiles would differ. With the
means and variances of the whole photo, every tile looks as it does in the whole. URST (Chen et al. 2022) takes the
statistics of a thumbnail.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impasto.exchange.graph import Graph

_OLDEST = 10  # first opset that has the operators in the form used here


def expose_statistics(model: Any, width: int | None = None) -> bool:
    """Add the inputs "given" and "trust" and the output "statistics" to an `onnx.ModelProto`.

    For each normalization in turn, "statistics" contains the means and then the mean squares of its channels. Their
    average over several pictures is the statistic of all together. "given" has the same order. The network is
    normalized with `trust` parts of the given statistics and 1 - `trust` of its own. A trust of 0 leaves the network
    unchanged.

    Args:
        width: channels of normalizations whose scale the network computes.
    Returns:
        True if it was possible: the network has instance normalizations, all of known widths.
    """
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

    g = Graph("measured_")

    def reduce(kind: str, x: str, axes: list[int]) -> str:
        if opset < 18:
            return g.node(kind, x, axes=axes, keepdims=0)
        return g.node(kind, x, g.constant(axes, np.int64), keepdims=0)

    measured: list[str] = []
    start = 0
    for old in graph.node:
        if old.op_type != "InstanceNormalization":
            g.nodes.append(old)
            continue
        features, scale, shift = old.input
        channels = widths.get(scale, width or 0)
        small = next((attribute.f for attribute in old.attribute if attribute.name == "epsilon"), 1e-5)
        # First along rows, then over the rows. With a large mean, one sum over a million is too inexact.
        mean = reduce("ReduceMean", reduce("ReduceMean", features, [3]), [0, 2])
        columns = g.to_float(g.node("Gather", g.node("Shape", features), g.constant([3], np.int64)))
        power = reduce("ReduceMean", g.node("Div", reduce("ReduceSumSquare", features, [3]), columns), [0, 2])
        measured += [mean, power]
        used = []
        for own in (mean, power):
            place = g.constant(np.arange(start, start + channels), np.int64)
            wanted = g.node("Gather", "given", place, axis=0)
            used.append(g.node("Add", own, g.node("Mul", "trust", g.node("Sub", wanted, own))))
            start += channels
        variance = g.node("Max", g.node("Sub", used[1], g.node("Mul", used[0], used[0])), g.constant(0.0))
        g.node("BatchNormalization", features, scale, shift, used[0], variance, epsilon=small)
        g.nodes[-1].output[0] = old.output[0]
    g.node("Concat", *measured, axis=0, name="statistics")
    del graph.node[:]
    g.add_to(graph, {"given": [start], "trust": []}, {"statistics": [start]})
    return True
