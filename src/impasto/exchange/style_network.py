"""Export a style of the painter or the light engine for other programs, as a network of its own in one .onnx file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impasto.engines.base import StyleVector
from impasto.engines.network import METADATA, Facts
from impasto.engines.shipped import ShippedEngine
from impasto.exchange.graph import Graph
from impasto.version import __version__


def to_onnx(engine: ShippedEngine, style: StyleVector, name: str, card: Mapping[str, Any]) -> bytes:
    """Export the style's network, which maps "picture" to "painted", 1 x 3 x H x W, 0..1.

    Sides are multiples of eight for the painter and of four for the light engine, and larger than their margins.

    The file contains what the engine does before its graph: mirrored borders, noise, the style's own filters and
    modulations. Steps after the graph are left out: a trained style's palette, and the smoothing of grain.

    Args:
        engine: "painter" or "light".
        style: a style of that engine.
        name: the name of the style.
        card: how the network was made; stored in the metadata.
    Raises:
        UsageError: the engine or the style cannot be exported as one network.
        MissingExtra: the package onnx is not installed.
    """
    parts = engine.portable(style)
    g = Graph("style_")
    import onnx  # installed: `Graph` has imported it

    inner = onnx.load_from_string(parts.graph).graph
    known = {tensor.name for tensor in inner.initializer if tensor.data_location != onnx.TensorProto.EXTERNAL}
    seen = "picture"
    if parts.signed:
        seen = g.node("Sub", g.node("Mul", "picture", g.constant(2.0)), g.constant(1.0))
    g.mirrored(seen, *(parts.margin,) * 4)
    g.nodes[-1].output[0] = "photo"
    shape = g.node("Shape", "picture")
    for by, table in parts.noise.items():
        x = g.node("Cast", g.constant(table, np.float16), to=onnx.TensorProto.FLOAT)
        for axis in (0, 1):
            side = g.node("Gather", shape, g.constant(2 + axis, np.int64, name=f"style_axis_{axis}"))
            end = g.node("Div", g.node("Add", side, _number(g, parts.margin)), _number(g, by))
            places = g.node("Range", _number(g, -parts.margin // by), end, _number(g, 1))
            x = g.node("Gather", x, g.node("Mod", places, _number(g, table.shape[axis])), axis=axis)
        g.node("Unsqueeze", x, g.constant([0, 1], np.int64))
        g.nodes[-1].output[0] = f"noise{by}"
    numbers = next(entry.type.tensor_type.shape.dim[0].dim_value for entry in inner.input if entry.name == "given")
    values = {
        "modulations": parts.modulations,
        "given": np.zeros(numbers, np.float32),
        "trust": np.zeros((), np.float32),
        **parts.weights,
    }
    wanted = {name for node in inner.node for name in node.input}
    for key, value in values.items():
        if key in wanted and key not in known:
            g.constant(value, name=key)
    for tensor in inner.initializer:
        if tensor.name in known:
            g.constants[tensor.name] = tensor
    made = inner.output[0].name
    for node in inner.node:
        node.output[:] = ["painted by rows" if name == made else name for name in node.output]
        g.nodes.append(node)
    flat = len(inner.output[0].type.tensor_type.shape.dim) == 3
    rows = g.node("Unsqueeze", "painted by rows", g.constant([0], np.int64)) if flat else "painted by rows"
    g.node("Clip", g.node("Transpose", rows, perm=[0, 3, 1, 2]), g.constant(0.0), g.constant(1.0))
    g.nodes[-1].output[0] = "painted"
    model = g.model("style network", {"picture": (1, 3, "height", "width")}, {"painted": (1, 3, "height", "width")})
    model.producer_version = __version__
    model.doc_string = f"height and width are multiples of {parts.multiple}, and above {parts.margin}"
    facts = Facts(styles=(name,), card=dict(card), multiple=parts.multiple)
    onnx.helper.set_model_props(model, {METADATA: facts.as_json()})
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _number(g: Graph, value: int) -> str:
    return g.constant(value, np.int64, name=f"style_number_{value}")
