"""The painter over a large photo, layer by layer: every normalisation sees all of it before the next layer begins.

Tiles painted one after the other would each need the statistics of the whole, and those of a layer are known only once
all layers before it have run everywhere. Here every layer runs over all of the photo, in strips, before the next one
does, as if all of it had been painted at once. What is kept of the photo between two layers are 64 channels at a
quarter of its size in half precision: 8 bytes a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.memory import let_go, room
from impasto.runtime import Model, planes
from impasto.samples import Samples, floats
from impasto.tiling import LEAST, MULTIPLE, Put, Statistics

Features: TypeAlias = NDArray[np.float16]

BLOCKS = 6
WIDTH = 64
MARGIN = 4  # rows and columns of features mirrored at every border
MIRRORED = MULTIPLE * MARGIN + 2  # pixels at a photo's borders; the first layer looks two further
_LOOKS = 2  # rows of features that a block sees on either side
_STRIP_BYTES = 50_000_000  # more does not stay in the processor's caches
_LEAST_STRIP = 12  # rows of features; every strip needs four more around it
_BYTES_PER_FEATURE = 2_500  # measured peak while a block runs, for each place of the features


class Layers:
    """The painter's network in parts.

    Args:
        file: layers.npz of `tools/export_painter.py`.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def paint(
        self,
        photo: Samples,
        modulations: NDArray[np.float32],
        put: Put,
        *,
        budget: int,
        given: Statistics | None = None,
        read: Callable[[str, bytes], bytes] = lambda _, data: data,
    ) -> Statistics:
        """Paint a photo of any size.

        Args:
            photo: H x W x 3.
            modulations: what the style makes of every normalisation: for each 64 scales, less one, and 64 shifts.
            put: gets the picture strip by strip.
            budget: bytes that may be taken beside the photo; features that do not fit go to a temporary file.
            given: what the photo is normalised by; None, its own.
            read: what is run instead of a part's file.
        Returns:
            What it was normalised by: as `impasto.training.statistics` orders them.
        Raises:
            OutOfMemory: there is no room for the features, on the disk either.
        """
        height, width = photo.shape[:2]
        rows, columns = _mirrored(height), _mirrored(width)
        size = (WIDTH, (len(rows) - 4) // MULTIPLE, (len(columns) - 4) // MULTIPLE)
        self._strip = strip_rows(size[2], budget)
        x = room(size, np.float16, budget)
        steps = modulations.reshape(BLOCKS + 2, 2, WIDTH)
        found: list[NDArray[np.float32]] = []

        def normalisation(measure: Callable[[], Statistics]) -> dict[str, NDArray[np.float32]]:
            number = len(found)
            found.append(measure() if given is None else given[number * 2 * WIDTH :][: 2 * WIDTH])
            mean, square = found[number][:WIDTH], found[number][WIDTH:]
            scale, shift = steps[number]
            return {"scale": scale + 1, "shift": shift, "mean": mean, "variance": (square - mean * mean).clip(0)}

        with np.load(self.file) as parts:

            def model(name: str) -> Model:
                data = read(name, parts[name].tobytes())
                return Model(lambda: data)

            entered = self._enter(model("enter"), photo, rows, columns, x)
            let_go(photo)
            self._normalise(model("normalise"), x, normalisation(lambda: entered))
            last = entered
            for index in range(BLOCKS):
                look = model(f"look{index}")
                told = normalisation(lambda look=look: self._look(look, x))  # type: ignore[misc]
                del look  # and the memory that it has kept
                last = self._block(model(f"block{index}"), x, told)
            self._leave(model("leave"), x, normalisation(lambda: last), put, height, width)
        return np.concatenate(found)

    def _strips(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        for first in range(start, stop, self._strip):
            yield first, min(first + self._strip, stop)

    def _enter(
        self, model: Model, photo: Samples, rows: NDArray[np.intp], columns: NDArray[np.intp], x: Features
    ) -> Statistics:
        """The photo to features; a row of them sees four rows of half the size, and each of those six of the photo."""
        count = x.shape[1]
        mean = Mean()
        for first, last in self._strips(0, count):
            top, bottom = max(0, 2 * first - 1), min(2 * count, 2 * last + 1)
            seen = floats(photo[rows[2 * top : 2 * bottom + 4]][:, columns])
            features, *moments = model.run({"photo": planes(seen), "above_below": _pads(first == 0, last == count)})
            x[:, first:last] = features[0]
            mean.add(moments, last - first)
        return mean.value

    def _normalise(self, model: Model, x: Features, told: dict[str, NDArray[np.float32]]) -> None:
        for first, last in self._strips(0, x.shape[1]):
            (features,) = model.run({"given": x[None, :, first:last], **told})
            x[:, first:last] = features[0]

    def _look(self, model: Model, x: Features) -> Statistics:
        """The statistics of what a block sees."""
        mean = Mean()
        for first, last in self._strips(0, x.shape[1]):
            mean.add(model.run(_surroundings(x, first, last, None)), last - first)
        return mean.value

    def _block(self, model: Model, x: Features, told: dict[str, NDArray[np.float32]]) -> Statistics:
        """Change the features; the last block tells their statistics, too."""
        mean = Mean()
        above: Features | None = None  # what the strip before has changed already
        for first, last in self._strips(0, x.shape[1]):
            features, *moments = model.run({**_surroundings(x, first, last, above), **told})
            above = x[:, last - _LOOKS : last].copy()
            x[:, first:last] = features[0]
            if moments:
                mean.add(moments, last - first)
        return mean.value

    def _leave(
        self, model: Model, x: Features, told: dict[str, NDArray[np.float32]], put: Put, height: int, width: int
    ) -> None:
        for first, last in self._strips(MARGIN, MARGIN + math.ceil(height / MULTIPLE)):
            (picture,) = model.run({"given": x[None, :, first - 1 : last + 1], **told})
            top = MULTIPLE * (first - MARGIN)
            bottom = min(height, MULTIPLE * (last - MARGIN))
            strip = np.ascontiguousarray(picture[0, : bottom - top, :width])
            put((slice(top, bottom), slice(0, width)), strip)


def strip_rows(columns: int, budget: int) -> int:
    """How many rows of features, so many columns wide, are worked on at once."""
    return max(_LEAST_STRIP, min(_STRIP_BYTES, budget // 4) // (_BYTES_PER_FEATURE * columns))


class Mean:
    """A running mean of the statistics of a picture's parts, each for its share of it: its rows, or its pixels."""

    def __init__(self) -> None:
        self._total: NDArray[np.float64] = np.zeros(1)
        self._rows = 0

    def add(self, moments: list[NDArray[Any]], rows: int) -> None:
        self._total = self._total + rows * np.concatenate(moments).astype(np.float64)
        self._rows += rows

    @property
    def value(self) -> Statistics:
        return (self._total / max(1, self._rows)).astype(np.float32)


def _mirrored(length: int) -> NDArray[np.intp]:
    """Which rows the network sees of a photo: as `tiling.padded`, then its own margin."""
    whole = max(LEAST, math.ceil(length / MULTIPLE) * MULTIPLE)
    inner = np.pad(np.arange(length), (0, whole - length), mode="symmetric")
    return np.pad(inner, MIRRORED, mode="reflect")


def _pads(above: int, below: int) -> NDArray[np.int64]:
    return np.array([0, 0, above, 0, 0, 0, below, 0], np.int64)


def _surroundings(x: Features, first: int, last: int, above: Features | None) -> dict[str, NDArray[Any]]:
    """Rows with what a block sees around them; outside the features there are zeros."""
    top, bottom = max(0, first - _LOOKS), min(x.shape[1], last + _LOOKS)
    seen = np.ascontiguousarray(x[None, :, top:bottom])
    if above is not None and top < first:
        seen[0, :, : first - top] = above[:, top - first :]
    return {"given": seen, "above_below": _pads(top - first + _LOOKS, last + _LOOKS - bottom)}
