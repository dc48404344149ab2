"""Layers and their weights."""

from __future__ import annotations

from impasto.nn.layers import weigh


def test_weights_of_layers() -> None:
    assert weigh(("relu1_1", "relu2_1:3")) == {"relu1_1": 0.25, "relu2_1": 0.75}
