"""The one builder of ONNX graphs: what it writes runs, and says what it is."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import pytest
from graphs import described, tool

from impasto.engines.adain_wct import AdaIN
from impasto.errors import MissingExtra
from impasto.exchange.graph import LAYOUT, OPSET, Graph
from impasto.system.sessions import Model


def test_a_graph_runs_with_the_weights_that_the_session_is_given() -> None:
    g = Graph()
    x = g.node("Conv", g.mirrored("x", 1, 1, 0, 0), g.external("filters", (1, 1, 2, 2), "somewhere.safetensors"))
    g.node("Add", g.doubled(x), g.to_float(g.constant([1], np.int64)), name="y")
    data = g.model("test", {"x": (1, 1, "rows", "columns")}, {"y": (1, 1, "more", "wider")}).SerializeToString()
    weight = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    numbers = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3)
    (found,) = Model(lambda: data, weights=lambda: {"filters": weight}).run({"x": numbers})
    seen = np.pad(numbers[0, 0], ((1, 0), (1, 0)), mode="reflect")
    wanted = np.array([[(seen[y : y + 2, x : x + 2] * weight).sum() for x in range(3)] for y in range(2)]) + 1
    np.testing.assert_array_equal(found[0, 0], wanted.repeat(2, 0).repeat(2, 1))


def test_equal_constants_are_one() -> None:
    g = Graph()
    assert g.constant([1, 2]) == g.constant(np.array([1.0, 2.0]))
    assert g.constant([1, 2]) != g.constant([1, 2], np.int64)
    assert g.constant([1, 2]) != g.constant([[1, 2]])
    assert g.constant([1, 2], name="mine") == "mine"
    assert g.external("w", (3,), "file") == g.external("w", (3,), "file")
    assert (len(g.constants), list(g.externals)) == (4, ["w"])
    g.constant(5.0)
    with pytest.raises(AssertionError, match="a scalar and an array"):
        g.constant([5.0])


def test_outputs_shapes_and_operators_are_said() -> None:
    g = Graph("mine_")
    parts = g.node("Split", "x", outputs=2, axis=0)
    g.node("ReorderInput", f"{parts}_0", domain=LAYOUT, name="y")
    g.shapes[f"{parts}_0"] = 1, 16, 1, 2
    model = g.model("test", {"x": (2, 16, 1, 2)}, {"y": (1, 16, 1, 2)})
    assert {entry.domain: entry.version for entry in model.opset_import} == {"": OPSET, LAYOUT: 1}
    assert list(model.graph.node[0].output) == [f"{parts}_0", f"{parts}_1"]
    assert parts.startswith("mine_")
    assert described(model)["shapes"] == [("node 0, 0", 1, [1, 16, 1, 2])]


def test_without_onnx_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra) as caught:
        Graph()
    assert "onnx" in str(caught.value)
    assert "impasto[train]" in caught.value.hint


def test_adains_shipped_encoder_is_the_graph_that_the_tool_writes() -> None:
    shipped = onnx.load_from_string((AdaIN.assets / "encode.onnx").read_bytes())
    assert described(shipped) == described(tool("", "export_adain").encoder())
