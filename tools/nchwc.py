"""ONNX Runtime's blocked layout for convolutions: blocks of 8 or 16 channels, or none, depending on the processor."""

from __future__ import annotations

from typing import Any

from impasto.exchange.graph import LAYOUT, Graph


def layout_model() -> Any:
    """Build layout.onnx: numbers 1 x 16 x 1 x 2 in this machine's layout, which `sessions.side_by_side` recognizes."""
    g = Graph()
    g.node("ReorderInput", "numbers", domain=LAYOUT, name="laid_out")
    shape = [1, 16, 1, 2]
    return g.model("layout", {"numbers": shape}, {"laid_out": shape})
