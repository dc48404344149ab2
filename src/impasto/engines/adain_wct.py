"""AdaIN and WCT: paint in any style through the statistics of VGG-19's features, as published.

Both transfer the painting's feature statistics at relu4_1 to the photo's features, and decode the result to a picture.
AdaIN (Huang & Belongie 2017) transfers mean and deviation of every channel. WCT (Li et al. 2017) transfers the mean and
the whole covariance. Both use the decoder of AdaIN. They are bolder than the painter, and take about twenty times as
long.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from impasto.engines import quantized
from impasto.engines.base import Array, SizeRequirements, StyleVector, WriteTile
from impasto.engines.shipped import ShippedEngine, resized_for_encoder
from impasto.engines.shot import Statistics
from impasto.engines.tiles import tile_side, tiles
from impasto.pixels.arrays import Samples, floats, planes
from impasto.system.files import ASSETS
from impasto.system.sessions import Model

CHANNELS = 512
_CELL = 8  # side of the pixels behind one place of the features
_BYTES_PER_PIXEL = 800  # measured, for a tile
_STRIP = 64  # rows of features

Features = NDArray[np.float32]  # 512 x places


class FeatureTransfer(ShippedEngine):
    """The base of AdaIN and WCT, whose styles are statistics of features."""

    size = SizeRequirements(_CELL)
    assets = ASSETS / "adain"
    keeps_vectors = False

    def __init__(self, folder: Path | None = None, budget: int | None = None) -> None:
        super().__init__(folder, budget)
        self._encode_model = Model((self.folder / "encode.onnx").read_bytes, weights=quantized.vgg)
        self._decoder = Model((self.folder / "decode.onnx").read_bytes)

    @abstractmethod
    def statistics(self, features: Features) -> Statistics:
        """Return the numbers that represent a style in this engine."""

    @abstractmethod
    def change(self, own: Statistics, wanted: Statistics) -> Callable[[Features], Features]:
        """Return a function that changes features from their own statistics to the wanted ones."""

    def _encode(self, painting: Samples) -> Array:
        (features,) = self._encode_model.run({"picture": planes(resized_for_encoder(painting, self.size))})
        return self.statistics(features[0].reshape(CHANNELS, -1))

    def _load(self, style: StyleVector | None) -> None:  # noqa: ARG002  one decoder for all styles
        self._decoder.session()

    def _paint_in_tiles(
        self, photo: Samples, style: StyleVector, write_tile: WriteTile, given: Statistics | None
    ) -> Statistics:
        """Encode the whole photo tile by tile, change its features, and decode them."""
        height, width = photo.shape[:2]
        seen = self.size.padded(photo)
        rows, columns = seen.shape[0] // _CELL, seen.shape[1] // _CELL
        side = tile_side(seen.shape[0] * seen.shape[1], self.budget, _BYTES_PER_PIXEL) or max(seen.shape[:2])
        parts = list(tiles(seen.shape[1], seen.shape[0], side, _CELL))
        features = np.empty((CHANNELS, rows, columns), np.float32 if len(parts) == 1 else np.float16)
        for tile in parts:
            (found,) = self._encode_model.run({"picture": planes(floats(seen[tile.outer]))})
            features[_cells(tile.inner)] = found[0][_cells(tile.kept)]
        own = self.statistics(features.reshape(CHANNELS, -1))
        change = self.change(own if given is None else given, style.embedding)
        for first in range(0, rows, _STRIP):
            strip = features[:, first : first + _STRIP]
            strip[:] = change(strip.reshape(CHANNELS, -1).astype(np.float32)).reshape(strip.shape)
        for tile in parts:
            piece = np.ascontiguousarray(features[_cells(tile.outer)][None], np.float32)
            (picture,) = self._decoder.run({"features": piece})
            top, left = (part.start for part in tile.inner)
            place = slice(top, min(height, tile.inner[0].stop)), slice(left, min(width, tile.inner[1].stop))
            kept = picture[0].transpose(1, 2, 0)[tile.kept][: place[0].stop - top, : place[1].stop - left]
            write_tile(place, np.ascontiguousarray(kept.clip(0, 1)))
        return own


def _cells(place: tuple[slice, slice]) -> tuple[slice, slice, slice]:
    """Return the indices of the features of a part of the picture."""
    rows, columns = (slice(part.start // _CELL, part.stop // _CELL) for part in place)
    return slice(None), rows, columns


class AdaIN(FeatureTransfer):
    """Transfer mean and deviation of every channel."""

    name = "adain"
    vector_size = 2 * CHANNELS

    def statistics(self, features: Features) -> Statistics:
        mean, deviation = features.mean(1, dtype=np.float64), features.std(1, dtype=np.float64)
        return np.concatenate([mean, deviation]).astype(np.float32)

    def change(self, own: Statistics, wanted: Statistics) -> Callable[[Features], Features]:
        (mean, deviation), (level, spread) = (np.split(part[:, None], 2) for part in (own, wanted))
        factor = spread / (deviation + 1e-5)
        return lambda features: (features - mean) * factor + level


class WCT(FeatureTransfer):
    """Transfer mean and covariance: features are whitened, then colored."""

    name = "wct"
    vector_size = CHANNELS + CHANNELS * (CHANNELS + 1) // 2

    def statistics(self, features: Features) -> Statistics:
        mean = features.mean(1, dtype=np.float64)
        total = np.zeros((CHANNELS, CHANNELS))
        for first in range(0, features.shape[1], 65536):
            part = features[:, first : first + 65536].astype(np.float32) - mean[:, None].astype(np.float32)
            total += part @ part.T
        return np.concatenate([mean, (total / features.shape[1])[_upper()]]).astype(np.float32)

    def change(self, own: Statistics, wanted: Statistics) -> Callable[[Features], Features]:
        move = (self._root(wanted, 0.5) @ self._root(own, -0.5)).astype(np.float32)
        before, after = own[:CHANNELS, None], wanted[:CHANNELS, None]
        return lambda features: move @ (features - before) + after

    def _root(self, statistics: Statistics, power: float) -> NDArray[np.float64]:
        covariance = np.zeros((CHANNELS, CHANNELS))
        covariance[_upper()] = statistics[CHANNELS:]
        covariance = covariance + np.triu(covariance, 1).T
        values, vectors = np.linalg.eigh(covariance)
        kept = values > 1e-5 * values[-1]  # directions without variance have no inverse
        return (vectors[:, kept] * values[kept] ** power) @ vectors[:, kept].T


@functools.cache
def _upper() -> tuple[NDArray[np.intp], ...]:
    """Return the indices of the upper triangle, which contains each value of a symmetric matrix once."""
    return np.triu_indices(CHANNELS)
