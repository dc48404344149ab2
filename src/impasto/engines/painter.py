"""The painter: the default engine, a feed-forward network in ONNX Runtime.

An embedding has 256 numbers, computed from the statistics of a painting's features in VGG-19, and ten numbers for its
palette (`palette.py`). A style's changes are, first, those of the network's modulations, which most named styles have;
second, those of its last filters, which styles learned by users and some named ones have. Styles learned by users have
no palette. `nn/paint_net.py` is the network's readable form; `tools/painter/graph.py` builds the one that runs.

The graphs contain no weights. painter.safetensors stores them once, and `painter_weights.py` converts them.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.engines import painter_weights, palette, quantized
from impasto.engines.base import Array, SizeRequirements, StyleVector, WriteTile
from impasto.engines.shipped import Portable, ShippedEngine, product
from impasto.engines.shot import Statistics
from impasto.engines.tiles import paint_within
from impasto.errors import UsageError
from impasto.pixels.arrays import Pixels, Samples, fit, planes, resize
from impasto.system.files import ASSETS
from impasto.system.sessions import Model, side_by_side

CODE = 256  # numbers that the network reads
VECTOR_SIZE = CODE + palette.SIZE  # without changes
SIZE = SizeRequirements(8)  # the network works at an eighth of the size
MARGIN = 32  # pixels mirrored at the borders
OVERLAP = 96  # pixels on each side of a tile; with 64, an edge differs by 0.07 / 255, with 96 by less than 0.001
_SMOOTHED = 0.4  # share of the grain that is smoothed, in styles of clear lines
_CLEAR = 0.63, 0.66  # coherence of a painting's lines from which grain is smoothed, and smoothed fully
_COLORED = 0.011, 0.018  # the same for the variation of its hues
PAINTING_SIDE = 512  # longer side at which a painting is encoded, as in the network's training
_TUNED = 4  # number of networks with filters of their own that stay loaded
_KEPT = 16  # number of styles whose modulations are cached
_BYTES_PER_PIXEL = 200  # measured peak while painting, if memory is returned after every layer
_ARENA_BYTES_PER_PIXEL = 280  # measured peak if memory is kept for the next layer
_NOISE = {8: 256, 4: 512}  # divisor of the size: side of the table of noise, which repeats


class Painter(ShippedEngine):
    """The painter's networks. Sessions are made at the first use and shared.

    A photo that needs more memory than the budget is painted in tiles, normalized by the statistics of a sample. The
    arguments are those of `Engine`. The folder contains the output of `tools/painter/export.py`.
    """

    name = "painter"
    size = SIZE
    assets = ASSETS / "painter"
    vector_size = VECTOR_SIZE

    def __init__(self, folder: Path | None = None, budget: int | None = None) -> None:
        super().__init__(folder, budget)
        self._encode_model = Model((self.folder / "encode.onnx").read_bytes, weights=quantized.vgg)
        self._plain = self._tune(b"")
        self._tuned = functools.lru_cache(_TUNED)(self._tune)
        self._modulated = functools.lru_cache(_KEPT)(self._modulate)

    @property
    def id(self) -> str:
        return str(self.facts["encoder"])

    def _change_sizes(self) -> tuple[int, ...]:
        return modulation_count(), modulation_count() + painter_weights.filter_count()

    def _load(self, style: StyleVector | None) -> None:
        if style is None:
            self._encode_model.session()
            self._plain.session()
        else:
            model, _ = self._network(style)
            model.session()

    def _encode(self, painting: Samples) -> Array:
        t, seen = self._tensors, _resized_for_encoder(painting)
        normalized = ((self.statistics(seen) - t["usual"]) / t["spread"]).clip(-5, 5)
        code = product(t["embed.weight"], normalized) + t["embed.bias"]
        return np.concatenate([code, palette.palette_of(seen)])

    def statistics(self, picture: Samples) -> NDArray[np.float32]:
        """Return the statistics from which a style is encoded: 1920 numbers, as `nn.paint_net.statistics`."""
        (found,) = self._encode_model.run({"picture": planes(_resized_for_encoder(picture))})
        return found

    def _paint_in_tiles(
        self, photo: Samples, style: StyleVector, write_tile: WriteTile, given: Statistics | None
    ) -> Statistics:
        model, modulations = self._network(style)
        _, wanted = code_and_palette(style.embedding)

        def run(part: Pixels, known: Statistics | None, corner: tuple[int, int]) -> tuple[Pixels, Statistics]:
            height, width = part.shape[:2]
            seen = SIZE.padded(part)
            feeds = {
                "photo": mirrored(seen),
                "modulations": modulations,
                **{f"noise{by}": noise_at(by, corner, seen.shape[0], seen.shape[1]) for by in _NOISE},
                "given": np.zeros(_statistics(), np.float32) if known is None else known[: _statistics()],
                "trust": np.array(known is not None, np.float32),
            }
            painted, own = model.run(feeds, seen.shape[0] * seen.shape[1])
            painted = np.ascontiguousarray(painted[:height, :width])
            own = np.concatenate([own, palette.measured(painted)])
            return palette.towards(painted, (own if known is None else known)[_statistics() :], wanted), own

        return paint_within(
            photo, self.budget, _ARENA_BYTES_PER_PIXEL, run, write_tile, given, size=SIZE, overlap=OVERLAP
        )

    def smoothing(self, style: StyleVector) -> float:
        """Return 0.4 for a painting of clear lines, and nothing for a grainy one or a drawing in one ink.

        The coherence of a painting's lines is estimated from its code (`tools/painter/coherence.py`).
        """
        code, wanted = code_and_palette(style.embedding)
        bias, *weights = self.facts["coherence"]
        coherence = bias + float(np.dot(weights, code))
        return _SMOOTHED * _share(coherence, *_CLEAR) * _share(palette.hues(wanted), *_COLORED)

    def portable(self, style: StyleVector) -> Portable:
        code, wanted = code_and_palette(style.embedding)
        if wanted[0] > 0 and not style.changes.any():  # a trained style has its colors without the palette, too
            raise UsageError(
                "this style's colors are changed after its network, which a network file cannot do",
                "learn the style first: impasto train style, or impasto train collection",
                code="conflict",
            )
        changes, filters = np.split(style.changes, [modulation_count()])
        tensors = painter_weights.apply_delta(self._tensors, filters.astype(np.float32))
        modulations = self._modulate(np.concatenate([code, changes]).astype(np.float32).tobytes())
        graph = (self.folder / "paint.onnx").read_bytes()
        noise = {by: _table(by) for by in _NOISE}
        return Portable(graph, painter_weights.graph_weights(tensors), modulations, noise, MARGIN, SIZE.multiple, True)

    def _network(self, style: StyleVector) -> tuple[Model, NDArray[np.float32]]:
        """Return the network with a style's filters, and its modulations."""
        changes, filters = np.split(style.changes, [modulation_count()])
        model = self._tuned(filters.astype(np.float32).tobytes()) if filters.any() else self._plain
        return model, self._modulated(
            np.concatenate([code_and_palette(style.embedding)[0], changes]).astype(np.float32).tobytes()
        )

    def _modulate(self, numbers: bytes) -> NDArray[np.float32]:
        """Return a style's modulations of every normalization and of the noise, as `PaintNet.modulations`."""
        t, (code, changes) = self._tensors, np.split(np.frombuffer(numbers, np.float32), [CODE])
        inner = (product(t["style1.weight"], code) + t["style1.bias"]).clip(0)
        found = product(t["style2.weight"], inner) + t["style2.bias"]
        found[: len(changes)] += changes
        return found

    def _tune(self, filters: bytes) -> Model:
        def read() -> bytes:
            return (self.folder / f"paint{self._lanes or ''}.onnx").read_bytes()

        def read_weights() -> dict[str, NDArray[np.float32]]:
            tensors = painter_weights.apply_delta(self._tensors, np.frombuffer(filters, np.float32))
            found = painter_weights.graph_weights(tensors)
            return {name: painter_weights.laid_out(value, self._lanes) for name, value in found.items()}

        return Model(read, _BYTES_PER_PIXEL, _ARENA_BYTES_PER_PIXEL, weights=read_weights)

    @functools.cached_property
    def _lanes(self) -> int:
        return side_by_side((self.folder / "layout.onnx").read_bytes())

    @functools.cached_property
    def _tensors(self) -> dict[str, NDArray[np.float32]]:
        return quantized.read(self.folder / "painter.safetensors")


def _share(value: float, low: float, high: float) -> float:
    """Return 0 below `low`, 1 above `high`, and shares between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def code_and_palette(embedding: NDArray[Any]) -> list[NDArray[Any]]:
    """Split an embedding into the code for the network and a painting's palette."""
    return np.split(embedding, [CODE])


def modulation_count() -> int:
    """Return the number of modulations."""
    return _statistics() + sum(painter_weights.WIDTHS[2:])


def _statistics() -> int:
    return 2 * sum(painter_weights.norm_widths())


def _resized_for_encoder(picture: Samples) -> Pixels:
    """Resize a painting to the size at which its style is encoded."""
    height, width = picture.shape[:2]
    width, height = (
        max(SIZE.least, round(side / SIZE.multiple) * SIZE.multiple) for side in fit(width, height, PAINTING_SIDE)
    )
    return resize(picture, width, height)


def mirrored(photo: Pixels) -> Pixels:
    """Convert H x W x 3 in 0..1 to planes in -1..1 with mirrored borders, 1 x 3 x H+64 x W+64, for the network."""
    whole = photo.transpose(2, 0, 1)[None] * np.float32(2) - np.float32(1)
    return np.pad(whole, ((0, 0), (0, 0), (MARGIN,) * 2, (MARGIN,) * 2), mode="reflect")


def noise_at(by: int, corner: tuple[int, int], height: int, width: int) -> NDArray[np.float32]:
    """Return the noise for a part of a photo, with its margin. It depends only on the place in the photo.

    Args:
        by: 8 or 4, the divisor of the size.
        corner: the part's row and column in the photo.
    """
    rows, columns = (
        np.arange(start // by - MARGIN // by, (start + side + MARGIN) // by) % _NOISE[by]
        for start, side in zip(corner, (height, width), strict=True)
    )
    return _table(by)[rows[:, None], columns][None, None]


@functools.cache
def _table(by: int) -> NDArray[np.float32]:
    """Return noise of mean 0 and deviation 1, which is the same on every machine."""
    drawn = np.random.RandomState(by).standard_normal((_NOISE[by], _NOISE[by]))
    return ((drawn - drawn.mean()) / drawn.std()).astype(np.float32)
