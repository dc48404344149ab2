"""The light engine: a feed-forward network for cameras, clips and phones, in ONNX Runtime.

A vector has 512 numbers, which a style encoder computes from a painting. For the gallery's styles, changes of the
network's filters follow (`impasto.engines.light_weights`). `nn/light_net.py` is the network's readable form.

The painting network has four graphs. paint.onnx uses ordinary operators only. paint8.onnx and paint16.onnx compute the
same in ONNX Runtime's own layout, where it has one, in a quarter less time. shot.onnx is for frames whose statistics
are known. The graphs contain no weights: light.safetensors stores them once.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from impasto.engines import light_weights
from impasto.engines.base import Array, StyleVector, WriteTile
from impasto.engines.light_weights import MARGIN, NORMS, WIDTH
from impasto.engines.shipped import Portable, ShippedEngine, product, resized_for_encoder
from impasto.engines.shot import Statistics
from impasto.engines.tiles import paint_within, tile_side
from impasto.pixels.arrays import Pixels, Samples, planes
from impasto.system.files import ASSETS
from impasto.system.sessions import Model, side_by_side

VECTOR_SIZE = light_weights.VECTOR_SIZE  # without filters
MIRRORED = MARGIN + 2  # pixels at a photo's borders: the first layer reaches two pixels farther
_TUNED = 4  # number of networks with filters of their own that stay loaded
_STATISTICS = NORMS * 2 * WIDTH  # mean and mean square
_BYTES_PER_PIXEL = 90  # measured peak while painting, if memory is returned after every layer
_ARENA_BYTES_PER_PIXEL = 170  # measured peak if memory is kept for the next layer, which is twice as fast


class Light(ShippedEngine):
    """The light engine's two networks. Sessions are made at the first use and shared.

    A photo that needs more memory than the budget is painted in tiles, normalized by the statistics of a sample. The
    arguments are those of `Engine`. The folder contains the output of `tools/light/`, and light.safetensors.
    """

    name = "light"
    assets = ASSETS / "light"
    vector_size = VECTOR_SIZE

    def __init__(self, folder: Path | None = None, budget: int | None = None) -> None:
        super().__init__(folder, budget)
        self._encode_model = Model((self.folder / "encode.onnx").read_bytes)
        self._tuned = functools.lru_cache(_TUNED)(self._tune)
        self._lock = threading.Lock()
        self._settled: dict[bytes, tuple[bytes, Model]] = {}  # style: its statistics, and the network for them
        self._modulations = functools.lru_cache(_TUNED)(self._modulate)

    def _change_sizes(self) -> tuple[int, ...]:
        return (light_weights.filter_count(),)

    def _load(self, style: StyleVector | None) -> None:
        if style is None:
            self._encode_model.session()
            self._plain.session()
        else:
            self._network(style).session()
            self._modulations(style.embedding.tobytes())

    def portable(self, style: StyleVector) -> Portable:
        modulations = self._modulate(style.embedding.astype(np.float32).tobytes())
        graph = (self.folder / "paint.onnx").read_bytes()
        return Portable(graph, self._weights_with(style.changes), modulations, {}, MIRRORED, self.size.multiple, False)

    def _network(self, style: StyleVector) -> Model:
        """Return the network with a style's filters."""
        return self._tuned(style.changes.tobytes()) if style.changes.any() else self._plain

    @functools.cached_property
    def _plain(self) -> Model:
        return self._tune(b"")

    def _tune(self, filters: bytes) -> Model:
        def read() -> bytes:
            channels = side_by_side((self.folder / "layout.onnx").read_bytes())
            return (self.folder / f"paint{channels or ''}.onnx").read_bytes()

        def read_weights() -> dict[str, Array]:
            return self._weights_with(np.frombuffer(filters, np.float32))

        return Model(read, _BYTES_PER_PIXEL, _ARENA_BYTES_PER_PIXEL, weights=read_weights)

    def _weights_with(self, filters: Array) -> dict[str, Array]:
        """Return the graphs' weights, changed by a style's filters if it has any."""
        return light_weights.apply_delta(self._weights, filters) if filters.any() else self._weights

    def _frozen_network(self, style: StyleVector, given: Statistics) -> Model:
        """Return the network for frames with known statistics. The last one of each style is cached."""
        key, statistics = style.numbers.tobytes(), given.tobytes()
        with self._lock:
            known, network = self._settled.pop(key, (b"", None))
            if network is None or known != statistics:
                network = self._folded(style, given)
                while len(self._settled) >= _TUNED:
                    del self._settled[next(iter(self._settled))]
            self._settled[key] = statistics, network
            return network

    def _folded(self, style: StyleVector, given: Statistics) -> Model:
        steps = self._modulations(style.embedding.tobytes()).reshape(-1, 2, WIDTH)  # scales minus one; shifts
        norms, filters = given.reshape(-1, 2, WIDTH), style.changes

        def weights() -> dict[str, Array]:
            return light_weights.normalized(self._weights_with(filters), steps, norms)

        read = (self.folder / "shot.onnx").read_bytes
        return Model(read, _BYTES_PER_PIXEL, _ARENA_BYTES_PER_PIXEL, weights=weights)

    def _modulate(self, vector: bytes) -> NDArray[np.float32]:
        """Return a style's modulations like `nn.light_net.LightNet.modulations`, but with scales minus one."""
        t = self._dense
        normalized = ((np.frombuffer(vector, np.float32) - t["usual"]) / t["spread"]).clip(-6, 6)
        inner = (product(t["style1.weight"], normalized) + t["style1.bias"]).clip(0)
        return product(t["style2.weight"], inner) + t["style2.bias"] + product(t["direct.weight"], normalized)

    @functools.cached_property
    def _dense(self) -> dict[str, Array]:
        """The fully connected layers."""
        names = ("usual", "spread", "style1.weight", "style1.bias", "style2.weight", "style2.bias", "direct.weight")
        return self._read(names)

    @functools.cached_property
    def _weights(self) -> dict[str, Array]:
        """The graphs' weights without changes by a style."""
        return light_weights.graph_weights(self._read(light_weights.filter_shapes()))

    def _read(self, names: Iterable[str]) -> dict[str, Array]:
        with safe_open(self.folder / "light.safetensors", "numpy") as tensors:
            return {name: tensors.get_tensor(f"brush.{name}").astype(np.float32) for name in names}

    def _encode(self, painting: Samples) -> Array:
        (embedding,) = self._encode_model.run({"picture": planes(resized_for_encoder(painting, self.size))})
        return np.asarray(embedding, np.float32)

    def _paint_in_tiles(
        self, photo: Samples, style: StyleVector, write_tile: WriteTile, given: Statistics | None
    ) -> Statistics:
        def run(part: Pixels, known: Statistics | None, _: tuple[int, int]) -> tuple[Pixels, Statistics]:
            return self._run(part, style, known)

        return paint_within(photo, self.budget, _ARENA_BYTES_PER_PIXEL, run, write_tile, given, size=self.size)

    def _paint_frozen(self, photo: Pixels, style: StyleVector, given: Statistics) -> Pixels | None:
        height, width = photo.shape[:2]
        if tile_side(width * height, self.budget, _ARENA_BYTES_PER_PIXEL) is not None:
            return None
        seen = self.size.padded(photo)
        (painted,) = self._frozen_network(style, given).run({"photo": _mirrored(seen)}, seen.shape[0] * seen.shape[1])
        return np.ascontiguousarray(painted[0, :height, :width])

    def _run(self, photo: Pixels, style: StyleVector, given: Statistics | None) -> tuple[Pixels, Statistics]:
        """Return the network's picture and the photo's own statistics. Normalize by `given` if it is not None."""
        height, width = photo.shape[:2]
        seen = self.size.padded(photo)
        feeds = {
            "photo": _mirrored(seen),
            "modulations": self._modulations(style.embedding.astype(np.float32).tobytes()),
            "given": np.zeros(_STATISTICS, np.float32) if given is None else given,
            "trust": np.array(given is not None, np.float32),
        }
        painted, statistics = self._network(style).run(feeds, seen.shape[0] * seen.shape[1])
        return np.ascontiguousarray(painted.reshape(seen.shape)[:height, :width]), statistics


def _mirrored(photo: Pixels) -> Pixels:
    """Convert H x W x 3 to planes with mirrored borders, 1 x 3 x H+36 x W+36. The network removes the borders."""
    return np.pad(photo.transpose(2, 0, 1)[None], ((0, 0), (0, 0), (MIRRORED,) * 2, (MIRRORED,) * 2), mode="reflect")
