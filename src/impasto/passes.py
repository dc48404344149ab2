"""A trained network over a large photo, pass by pass: every normalisation sees all of it before what follows begins.

As `impasto.layerwise` does for the painter. The network has its first and its last layers at full and at half size,
where nothing can wait: those are run again in every pass that needs them. What waits are the features of the residual
blocks, at a quarter of the size in half precision: twice 16 bytes a pixel for a network of the published width.
"""

from __future__ import annotations

import functools
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.layerwise import Features, Mean
from impasto.memory import let_go, room
from impasto.runtime import Model, planes
from impasto.samples import Samples, floats
from impasto.tiling import MULTIPLE, Put

_EPSILON = 1e-5
_STRIP_BYTES = 50_000_000  # more does not stay in the processor's caches
_LEAST, _LARGEST = 16, 160  # places of the features a side, of a piece at full size
_BYTES_PER_PIXEL = 1_300  # measured with 32 channels at full size
_Told = dict[str, NDArray[Any]]


class Passes:
    """A network in the parts that `impasto.training.layers` writes.

    Args:
        file: the .npz file.
        span: the values that stand for black and white.
        weights: of the network's styles.
        budget: bytes that painting may take; features that do not fit go to a temporary file.
    """

    def __init__(self, file: Path, span: tuple[float, float], weights: Sequence[float], budget: int) -> None:
        self._parts: Any = np.load(io.BytesIO(file.read_bytes()), allow_pickle=False)
        facts = json.loads(self._parts["plan"].tobytes())
        self._chains: dict[str, list[dict[str, int]]] = facts["chains"]
        self._blocks, self._channels = int(facts["blocks"]), int(facts["channels"])
        self._span, self._weights, self._budget = span, np.asarray(weights, np.float32), budget
        self._norms: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []  # factor and offset of those known

    def paint(self, photo: Samples, put: Put) -> None:
        """Paint a photo.

        Args:
            photo: H x W x 3.
            put: gets the network's own values, piece by piece.
        Raises:
            OutOfMemory: there is no room for the features, on the disk either.
        """
        height, width = photo.shape[:2]
        rows, columns = (np.pad(np.arange(side), (0, -side % MULTIPLE), "symmetric") for side in (height, width))
        size = (self._channels, len(rows) // MULTIPLE, len(columns) // MULTIPLE)
        x, other = (room(size, np.float16, self._budget // 4) for _ in range(2))
        low, high = self._span

        def look(place: tuple[slice, slice]) -> NDArray[np.float32]:
            seen = floats(photo[rows[place[0]]][:, columns[place[1]]])
            return planes(seen) * np.float32(high - low) + np.float32(low)

        def features(place: tuple[slice, slice]) -> Features:
            seen = np.ascontiguousarray(x[None, :, place[0], place[1]])
            let_go(x)
            return seen

        def keep(place: tuple[slice, slice], found: NDArray[Any]) -> None:
            x[:, place[0], place[1]] = found
            let_go(x)

        def finish(place: tuple[slice, slice], found: NDArray[Any]) -> None:
            inside = slice(place[0].start, min(height, place[0].stop)), slice(place[1].start, min(width, place[1].stop))
            piece = found[:, : inside[0].stop - inside[0].start, : inside[1].stop - inside[1].start]
            put(inside, np.ascontiguousarray(piece.transpose(1, 2, 0)))

        enter = functools.partial(self._pieces, look, (len(rows), len(columns)), size[1:])
        leave = functools.partial(self._pieces, features, size[1:], size[1:])
        self._measure(enter("enter1"))
        self._measure(enter("enter2"))
        self._measure(enter("enter3", keep))
        let_go(photo)
        for strip in self._strips(size):
            x[:, strip] = self._normalised(x[:, strip], relu=True)
            let_go(x)
        for index in range(1, self._blocks + 1):
            self._measure(self._convolved(f"first{index}", x, other))
            self._measure(self._convolved(f"second{index}", other, other))
            for strip in self._strips(size):
                x[:, strip] += self._normalised(other[:, strip], relu=False)
                let_go(x)
                let_go(other)
        del other
        self._measure(leave("leave1"))
        self._measure(leave("leave2"))
        leave("leave3", finish)

    def _measure(self, mean: Mean) -> None:
        """The next normalisation, now that its statistics are known."""
        number = len(self._norms)
        scale, shift = (self._weights @ self._parts[f"{name}{number}"] for name in ("scale", "shift"))
        means, squares = np.split(mean.value.astype(np.float64), 2)
        factor = scale / np.sqrt((squares - means * means).clip(0) + _EPSILON)
        column = (1, -1, 1, 1)
        self._norms.append(
            (factor.astype(np.float32).reshape(column), (shift - means * factor).astype(np.float32).reshape(column))
        )

    def _model(self, name: str) -> Model:
        data = self._parts[name].tobytes()
        return Model(lambda: data)

    def _pieces(
        self,
        look: Callable[[tuple[slice, slice]], NDArray[Any]],
        size: tuple[int, int],
        grid: tuple[int, int],
        name: str,
        keep: Callable[[tuple[slice, slice], NDArray[Any]], None] | None = None,
    ) -> Mean:
        """Run a chain over all of the photo, or of the features, in squares.

        Args:
            look: gives a part of its input.
            size: of that, rows and columns.
            grid: of the features, rows and columns.
            keep: gets what it makes.
        """
        model, chain = self._model(name), self._chains[name]
        told = self._norms if name.startswith("enter") else self._norms[3 + 2 * self._blocks :]
        made = [_lengths(chain, side)[-1] for side in size]
        side = max(_LEAST, min(_LARGEST, int(math.sqrt(self._budget / 2 / _BYTES_PER_PIXEL)) // MULTIPLE))
        step = side * made[0] // grid[0]
        mean = Mean()
        for top in range(0, made[0], step):
            for left in range(0, made[1], step):
                place = slice(top, min(made[0], top + step)), slice(left, min(made[1], left + step))
                found = self._run(model, chain, look, size, place, told)
                if keep is not None:
                    keep(place, found[0][0])
                if len(found) > 1:
                    mean.add(found[-2:], (place[0].stop - top) * (place[1].stop - left))
        return mean

    def _convolved(self, name: str, source: Features, target: Features) -> Mean:
        """One convolution of a block, in strips; what it makes may go where its input lies."""
        model, chain = self._model(name), self._chains[name]
        told = [self._norms[-1]] if name.startswith("second") else []
        mean = Mean()
        above: Features | None = None  # the row over a strip, as it was
        for strip in self._strips(source.shape):

            def look(place: tuple[slice, slice], strip: slice = strip, above: Features | None = above) -> Features:
                seen = np.ascontiguousarray(source[None, :, place[0], place[1]])
                if above is not None and place[0].start < strip.start:
                    seen[0, :, 0] = above
                return seen

            found = self._run(model, chain, look, source.shape[1:], (strip, slice(0, source.shape[2])), told, first=0)
            above = source[:, strip.stop - 1].copy()
            target[:, strip] = found[0][0]
            mean.add(found[1:], strip.stop - strip.start)
            let_go(source)
            let_go(target)
        return mean

    def _run(
        self,
        model: Model,
        chain: list[dict[str, int]],
        look: Callable[[tuple[slice, slice]], NDArray[Any]],
        size: tuple[int, ...],
        place: tuple[slice, slice],
        norms: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]],
        first: int = 1,
    ) -> list[NDArray[Any]]:
        """A chain's outputs for a part of what it makes; `first`: the convolution before which the norms begin."""
        windows = [window(chain, length, part.start, part.stop) for length, part in zip(size, place, strict=True)]
        (rows, down), (columns, across) = windows
        feeds: _Told = {"given": look((slice(*rows), slice(*columns)))}
        for index, ((y0, y1, above, below), (x0, x1, left, right)) in enumerate(zip(down, across, strict=True)):
            feeds[f"crop{index}"] = np.array([y0, x0, y1, x1], np.int64)
            feeds[f"pads{index}"] = np.array([0, 0, above, left, 0, 0, below, right], np.int64)
        for index, (factor, offset) in enumerate(norms[: len(chain) - first], first):
            feeds[f"factor{index}"], feeds[f"offset{index}"] = factor, offset
        return model.run(feeds)

    def _normalised(self, part: Features, *, relu: bool) -> NDArray[np.float32]:
        factor, offset = (value[0] for value in self._norms[-1])
        changed: NDArray[np.float32] = part * factor + offset
        return changed.clip(0) if relu else changed

    def _strips(self, size: tuple[int, ...]) -> list[slice]:
        """Rows of features that are worked on together."""
        channels, rows, columns = size
        count = max(4, min(_STRIP_BYTES, self._budget // 8) // (16 * channels * columns))
        return [slice(first, min(rows, first + count)) for first in range(0, rows, count)]


def window(
    chain: list[dict[str, int]], length: int, start: int, stop: int
) -> tuple[tuple[int, int], list[tuple[int, int, int, int]]]:
    """What a chain must see to make the places from `start` to `stop`, along one axis.

    Args:
        chain: for each convolution its border, its stride, and how often its input is repeated.
        length: of the chain's input.
    Returns:
        The first and the last place of its input; for each convolution the first and the last place of what it gets
        from the one before, and how much of it is mirrored at either end.
    """
    found = []
    for step, before in zip(reversed(chain), reversed(_lengths(chain, length)[:-1]), strict=True):
        times = step["upsampled"]
        begin = start * step["stride"] - step["border"]
        end = (stop - 1) * step["stride"] + step["border"] + 1
        low, high = max(0, begin), min(times * before, end)
        start, stop = low // times, math.ceil(high / times)
        found.append((low - times * start, high - times * start, low - begin, end - high))
    return (start, stop), found[::-1]


def _lengths(chain: list[dict[str, int]], length: int) -> list[int]:
    """Of a chain's input, and of what each convolution makes of it."""
    found = [length]
    for step in chain:
        found.append(found[-1] * step["upsampled"] // step["stride"])
    return found
