"""The fast engine: a feed-forward network in ONNX Runtime, driven by style vectors.

`encode(picture) -> StyleVector` and `paint(photo, vector) -> picture` are all that the rest of Impasto knows of it. A
vector is 512 numbers that a style encoder reads off a painting; `nn/painter_net.py` is the network to read.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.color import LUMA, Pixels
from impasto.files import ASSETS
from impasto.memory import free_memory
from impasto.resample import resize
from impasto.runtime import Model, planes
from impasto.tiling import montage, tile_side, tiles, within_memory

StyleVector: TypeAlias = NDArray[np.float32]

VECTOR_SIZE = 512
_STATISTICS = 8 * 2 * 64  # eight normalisations, mean and mean square of 64 channels
_MULTIPLE = 4  # the network works at a quarter of the size
_SMALLEST = 32  # below this its reflection padding has nothing to reflect
_ENCODED_PIXELS = 512 * 640  # a painting is looked at in about this size, as when the network was trained
_BYTES_PER_PIXEL = 90  # measured peak while painting, memory given back after every layer
_ARENA_BYTES_PER_PIXEL = 170  # the same where memory is kept for the next layer: twice as fast
_BUDGET = 1_500_000_000  # bytes


class Shot:
    """What is remembered of a shot's frames: running means of the statistics that features are normalised by.

    Were every frame normalised by its own, all of it would change whenever something enters the picture.

    Args:
        frames: over how many the means run; 1, the first frame's hold for all.
    """

    def __init__(self, frames: int = 100) -> None:
        self.frames = frames
        self.means: dict[str, NDArray[np.float32]] = {}
        self.counts: dict[str, int] = {}

    def add(self, run: str, statistics: NDArray[np.float32]) -> None:
        """Take in a frame's own statistics of one of a frame's runs."""
        count = self.counts[run] = self.counts.get(run, 0) + 1
        if count > self.frames == 1:
            return
        before = self.means.get(run, statistics)
        self.means[run] = before + (statistics - before) / np.float32(min(count, self.frames))


class Painter:
    """A painter's two networks.

    Sessions are made at the first use and shared: a Painter may be called from several threads at once.

    Args:
        folder: holds encode.onnx, paint.onnx and facts.json.
        budget: bytes that painting may take beside the photo and the result; None, a third of what is free, at most
            1.5 GB. A photo that needs more is painted in tiles.
    """

    name = "painter"

    def __init__(self, folder: Path | None = None, budget: int | None = None) -> None:
        self.budget = budget or min(_BUDGET, (free_memory() or 3 * _BUDGET) // 3)
        self.folder = folder or ASSETS / "painter"
        self._encode_model = Model((self.folder / "encode.onnx").read_bytes)
        self._paint_model = Model((self.folder / "paint.onnx").read_bytes, _BYTES_PER_PIXEL, _ARENA_BYTES_PER_PIXEL)

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """What was written down when the files were made: their hashes, and what painting costs."""
        facts: dict[str, Any] = json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))
        return facts

    @property
    def id(self) -> str:
        """Which encoder made a vector; vectors of another one must be made anew from their pictures."""
        return str(self.facts["sha256"]["encode.onnx"])[:16]

    @property
    def mac_per_pixel(self) -> float:
        """Multiply-adds that painting takes for each pixel."""
        return float(self.facts["mac_per_pixel"])

    def encode(self, picture: Pixels) -> StyleVector:
        """The style of a picture.

        Args:
            picture: H x W x 3, float32, 0..1, any size.
        Returns:
            512 numbers, float32.
        """
        height, width = picture.shape[:2]
        scale = math.sqrt(_ENCODED_PIXELS / (width * height))
        seen = resize(
            picture, *(max(_SMALLEST, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in (width, height))
        )
        (vector,) = self._encode_model.run({"picture": planes(seen)})
        return np.asarray(vector, np.float32)

    def paint(
        self,
        photo: Pixels,
        vector: StyleVector,
        *,
        strength: float = 1.0,
        brush_size: float = 1.0,
        own: StyleVector | None = None,
        shot: Shot | None = None,
        run: str = "style",
    ) -> Pixels:
        """Paint a photo in one style.

        The strength is the way from the photo's own vector to the style's. The network does not give back a photo
        quite as it is, even with the photo's own vector; what it loses there is added in proportion to what is missing
        of the full strength, so that strength 0 is the photo itself and 1 the network's picture.

        The network's strokes have one size, so a larger brush is a smaller photo: it is painted at 1 / brush_size
        of its size and brought back, with the photo's fine detail in luminance that the smaller size could not hold.

        Args:
            photo: H x W x 3, float32, 0..1, any size.
            vector: what `encode` gives, or any mixture of such.
            strength: 0..1.
            brush_size: 0.5..2.
            own: the photo's own vector if the caller has it; else it is computed when needed.
            shot: what is remembered of a video's frames, so that all are normalised alike.
            run: which of a shot's styles this is.
        Returns:
            H x W x 3, float32, 0..1.
        Raises:
            PictureError: the photo needs more memory than there is.
        """
        if strength == 0:
            return photo.copy()
        if strength < 1 and own is None:
            own = self.encode(photo)

        def paint(small: Pixels) -> Pixels:
            if own is None or strength == 1:
                return self._paint(small, vector, shot, run)
            painted = self._paint(small, own + np.float32(strength) * (vector - own), shot, run)
            painted += np.float32(1 - strength) * (small - self._paint(small, own, shot, "own"))
            return painted.clip(0, 1, out=painted)

        return with_brush_size(photo, brush_size, strength, paint)

    def _paint(self, photo: Pixels, vector: StyleVector, shot: Shot | None, run: str) -> Pixels:
        pixels = photo.shape[0] * photo.shape[1]
        given = None if shot is None else shot.means.get(run)

        def paint(budget: int) -> Pixels:
            painted, statistics = self._within(photo, vector, given, budget)
            if shot is not None:
                shot.add(run, statistics)
            return painted

        return within_memory(pixels, self.budget, _ARENA_BYTES_PER_PIXEL, paint)

    def _within(
        self, photo: Pixels, vector: StyleVector, given: NDArray[np.float32] | None, budget: int
    ) -> tuple[Pixels, NDArray[np.float32]]:
        """The picture, and the photo's own statistics, within a budget of bytes."""
        height, width = photo.shape[:2]
        side = tile_side(width * height, budget, _ARENA_BYTES_PER_PIXEL)
        if side is None:
            return self._run(photo, vector, given)
        statistics = given
        if statistics is None:
            _, statistics = self._run(montage(photo, budget // _ARENA_BYTES_PER_PIXEL), vector, None)
        painted = np.empty_like(photo)
        for tile in tiles(width, height, side):
            piece, _ = self._run(photo[tile.outer], vector, statistics)
            painted[tile.inner] = piece[tile.kept]
        return painted, statistics

    def _run(
        self, photo: Pixels, vector: StyleVector, given: NDArray[np.float32] | None
    ) -> tuple[Pixels, NDArray[np.float32]]:
        """The network's picture and the photo's own statistics; given ones are what it is normalised by."""
        height, width = photo.shape[:2]
        padded = [max(_SMALLEST, math.ceil(side / _MULTIPLE) * _MULTIPLE) for side in (height, width)]
        border = [(0, padded[0] - height), (0, padded[1] - width), (0, 0)]
        feeds = {
            "photo": planes(np.pad(photo, border, mode="symmetric")),
            "vector": vector[None].astype(np.float32),
            "given": np.zeros(_STATISTICS, np.float32) if given is None else given,
            "trust": np.array(given is not None, np.float32),
        }
        painted, statistics = self._paint_model.run(feeds, padded[0] * padded[1])
        return np.ascontiguousarray(painted[0].transpose(1, 2, 0)[:height, :width]), statistics


def with_brush_size(photo: Pixels, brush_size: float, strength: float, paint: Callable[[Pixels], Pixels]) -> Pixels:
    """Let a network whose strokes have one size paint larger or smaller ones: see `Painter.paint`.

    Args:
        photo: H x W x 3.
        strength: 0..1, how much of the photo's fine colours a larger brush leaves out.
        paint: the network, for any size.
    """
    height, width = photo.shape[:2]
    small = resize(photo, *(max(1, round(side / brush_size)) for side in (width, height)))
    painted = resize(paint(small), width, height)
    if brush_size > 1:
        detail = photo - resize(small, width, height)
        grey = (detail @ LUMA)[:, :, None]
        painted = (painted + grey + np.float32(1 - strength) * (detail - grey)).clip(0, 1)
    return painted


@functools.cache
def default_painter() -> Painter:
    """The painter that ships with Impasto."""
    return Painter()
