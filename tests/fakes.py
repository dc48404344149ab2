"""An engine that loads nothing: what it paints can be foretold to the last bit."""

from __future__ import annotations

import numpy as np

from impasto.engines.base import Array, SizeRequirements, StyleVector, WriteTile
from impasto.engines.shipped import ShippedEngine
from impasto.engines.shot import Statistics
from impasto.pixels.arrays import Samples, floats


class FakeEngine(ShippedEngine):
    """A style is a painting's mean color; the painted picture is that color, everywhere.

    Attributes:
        looked_at: shapes of the paintings that were encoded.
        painted: shapes of the photos that were painted.
        loaded: what was asked to be loaded.
    """

    name = "fake"
    size = SizeRequirements(1, 1)
    vector_size = 3
    keeps_vectors = False

    def __init__(self) -> None:
        super().__init__(folder=None, budget=10**9)
        self.looked_at: list[tuple[int, ...]] = []
        self.painted: list[tuple[int, ...]] = []
        self.loaded: list[StyleVector | None] = []

    assets = None  # type: ignore[assignment]  # it has no files

    def _encode(self, painting: Samples) -> Array:
        self.looked_at.append(painting.shape)
        return floats(painting).mean((0, 1))

    def _load(self, style: StyleVector | None) -> None:
        self.loaded.append(style)

    def _paint_in_tiles(
        self, photo: Samples, style: StyleVector, write_tile: WriteTile, given: Statistics | None
    ) -> Statistics:
        self.painted.append(photo.shape)
        write_tile((slice(None), slice(None)), np.broadcast_to(style.embedding, photo.shape))
        return floats(photo).mean((0, 1))
