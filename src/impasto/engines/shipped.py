"""The base of the engines that ship: their files, the styles that they have read, and the frames of a shot."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impasto.engines.base import Array, SizeRequirements, StyleVector, WriteTile, default_budget
from impasto.engines.shot import Shot, Statistics
from impasto.errors import UsageError
from impasto.pixels.arrays import Pixels, Samples, resize
from impasto.system.sessions import load_runtime

_REMEMBERED = 64  # styles of pictures
_ENCODED_PIXELS = 512 * 640  # a painting is looked at in about this size, as when the networks were trained


class Portable(NamedTuple):
    """All that a style's network is made of, for who writes it as one file.

    Attributes:
        graph: an .onnx file with the inputs "photo" (1 x 3 x H x W with its mirrored margin), "modulations",
            "given", "trust" and "noise8", "noise4", if it takes noise; its weights are somewhere else.
        weights: those, by name.
        modulations: what the style makes of the network.
        noise: by what the size is divided by, a table that is repeated.
        margin: pixels that are mirrored at each border.
        multiple: pixels; sides of photos are multiples of it.
        signed: whether the graph takes photos in -1..1 rather than 0..1.
    """

    graph: bytes
    weights: Mapping[str, Array]
    modulations: Array
    noise: Mapping[int, Array]
    margin: int
    multiple: int
    signed: bool


class ShippedEngine(ABC):
    """An engine that ships with Impasto: see `Engine`.

    Args:
        folder: holds its files; those that ship if not given.
        budget: see `Engine`; None, what `default_budget` says.

    Attributes:
        assets: the folder that ships.
        vector_size: numbers of a style's embedding.
        keeps_vectors: galleries keep the vectors of its styles; else they are computed from the paintings.
    """

    name: ClassVar[str]
    size: ClassVar[SizeRequirements] = SizeRequirements()
    assets: ClassVar[Path]
    vector_size: ClassVar[int]
    encodes: ClassVar[bool] = True
    keeps_vectors: ClassVar[bool] = True

    def __init__(self, folder: Path | None = None, budget: int | None = None) -> None:
        self.budget = budget or default_budget()
        self.folder = folder or self.assets
        self._encoding = threading.Lock()
        self._encoded: dict[bytes, StyleVector] = {}  # by the picture

    def __reduce__(self) -> tuple[object, ...]:
        """What another process, or another machine, makes it from."""
        return type(self), (None if self.folder == self.assets else self.folder, self.budget)

    def style(self, numbers: Array) -> StyleVector:
        """A style from its numbers (`StyleVector.numbers`).

        Raises:
            ValueError: they are none of this engine's.
        """
        sizes = (self.vector_size, *(self.vector_size + size for size in self._change_sizes()))
        if numbers.ndim != 1 or len(numbers) not in sizes:
            raise ValueError(f"{numbers.size} numbers are no style of the engine {self.name}")
        return StyleVector.of(numbers, self.vector_size)

    def _change_sizes(self) -> tuple[int, ...]:
        """How many numbers a style's changes of the network may be."""
        return ()

    def portable(self, style: StyleVector) -> Portable:  # noqa: ARG002
        """A style's network in its parts.

        Raises:
            UsageError: it paints in a way that no one network does.
        """
        raise UsageError(
            f"the engine {self.name} writes no networks", "the painter and the light engine do", code="conflict"
        )

    def prepare(self, style: StyleVector | None = None) -> None:
        load_runtime()  # not in the thread, which would have to take turns with whatever goes on here
        threading.Thread(target=self._begin, args=(style,)).start()

    def _begin(self, style: StyleVector | None) -> None:
        with contextlib.suppress(Exception):  # said when the network is used
            self._load(style)

    @abstractmethod
    def _load(self, style: StyleVector | None) -> None:
        """Load what `prepare` asks for."""

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

    def encode(self, painting: Samples) -> StyleVector:
        """The style of a painting; the last ones are remembered.

        Args:
            painting: H x W x 3, any size.
        """
        data = np.ascontiguousarray(painting)
        key = hashlib.blake2b(data.data, digest_size=16).digest() + repr((data.shape, data.dtype.str)).encode()
        with self._encoding:  # whoever asks for the same one meanwhile waits for it
            found = self._encoded.pop(key, None)
            if found is None:
                embedding = self._encode(painting)
                embedding.flags.writeable = False
                found = StyleVector(embedding)
            self._encoded[key] = found
            if len(self._encoded) > _REMEMBERED:
                del self._encoded[next(iter(self._encoded))]
        return found

    @abstractmethod
    def _encode(self, painting: Samples) -> Array:
        """The embedding of a painting that is not remembered."""

    def paint(self, photo: Pixels, style: StyleVector, *, shot: Shot | None = None, run: str = "style") -> Pixels:
        if shot is not None:
            shot.look(run, photo)
        given = None if shot is None else shot.means.get(run)
        if shot is not None and given is not None and not shot.measures(run):
            frozen = self._paint_frozen(photo, style, given)
            if frozen is not None:
                shot.add(run, None)
                return frozen
        painted = np.empty_like(photo)
        own = self._paint_in_tiles(photo, style, painted.__setitem__, given)
        if shot is not None:
            shot.add(run, own)
        return painted

    @abstractmethod
    def _paint_in_tiles(
        self, photo: Samples, style: StyleVector, write_tile: WriteTile, given: Statistics | None
    ) -> Statistics:
        """Paint, in tiles if the budget is small; the photo's own statistics.

        Args:
            write_tile: gets the picture, tile by tile.
            given: what the photo is normalized by; None, its own.
        """

    def _paint_frozen(self, photo: Pixels, style: StyleVector, given: Statistics) -> Pixels | None:  # noqa: ARG002
        """The picture of a frame that need not be measured; None where not to measure would save nothing."""
        return None


def product(matrix: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """A matrix times a vector, without BLAS.

    BLAS threads wait busily for more, and take the processors from the network for 30 ms.
    """
    found: NDArray[np.float32] = np.einsum("ij,j->i", matrix, vector)
    return found


def resized_for_encoder(painting: Samples, size: SizeRequirements) -> Pixels:
    """A painting in the size in which encoders look at it."""
    height, width = painting.shape[:2]
    scale = math.sqrt(_ENCODED_PIXELS / (width * height))
    sides = (max(size.least, round(side * scale / size.multiple) * size.multiple) for side in (width, height))
    return resize(painting, *sides)
