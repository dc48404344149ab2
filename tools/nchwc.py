"""ONNX Runtime's own layout for convolutions: 8 or 16 channels of a pixel side by side, or none, by the processor."""

from __future__ import annotations

from typing import Any

from impasto.exchange.graph import LAYOUT, Graph


def layout_model() -> Any:
    """layout.onnx: numbers 1 x 16 x 1 x 2 in this machine's layout, by which `sessions.side_by_side` knows it."""
    g = Graph()
    g.node("ReorderInput", "numbers", domain=LAYOUT, name="laid_out")
    shape = [1, 16, 1, 2]
    return g.model("layout", {"numbers": shape}, {"laid_out": shape})
