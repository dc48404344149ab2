"""The common parts of the graphs of `nn.light_net.LightNet`, the light engine's painting network."""

from __future__ import annotations

import numpy as np

from impasto.engines.light_weights import HIDDEN, MARGIN, NORMS, WIDTH, filter_shapes
from impasto.exchange.graph import Graph, Shape

NUMBERS = 2 * NORMS * WIDTH  # size of the modulations, and of the statistics
HALF = HIDDEN // 2
SPARE = MARGIN // 4 - 1  # rows and columns of features at the borders that the last two layers do not need
PHOTO: Shape = (1, 3, "rows", "columns")
FEATURES: Shape = (1, WIDTH, "feature rows", "feature columns")


class Painting(Graph):
    """A graph without weights; `engines.light_weights.graph_weights` adds them on loading."""

    def weight(self, name: str, shape: tuple[int, ...] | None = None) -> str:
        """Return weights or biases by their name.

        Args:
            shape: shape of weights that only this graph has.
        """
        return self.external(name, shape or filter_shapes()[name], "light.safetensors")

    def weights(self, layer: str) -> tuple[str, str]:
        return self.weight(f"{layer}.weight"), self.weight(f"{layer}.bias")

    def parts(self, x: str) -> list[str]:
        """Split an input by normalization, into two pieces of 64 numbers each."""
        parts = self.node("Split", x, outputs=2 * NORMS, axis=0)
        return [f"{parts}_{index}" for index in range(2 * NORMS)]

    def piece(self, x: str, first: int, end: int, axis: int = 0) -> str:
        """Slice one axis."""
        return self.node("Slice", x, *(self.constant([value], np.int64) for value in (first, end, axis)))

    def know(self, *features: str) -> None:
        """Declare that features have the same size.

        ONNX Runtime cannot infer it. Without the declaration, it does not add them inside the convolutions, or not in
        place.
        """
        self.shapes.update(dict.fromkeys(features, FEATURES))
