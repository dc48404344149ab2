"""The base of the engines that ship: their files, a cache of encoded styles, and the frames of a shot."""

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

_REMEMBERED = 64  # number of cached styles
_ENCODED_PIXELS = 512 * 640  # approximate size at which a painting is encoded, as in the networks' training


class Portable(NamedTuple):
    """All parts of a style's network, for writing it as one file.

    Attributes:
        graph: an .onnx file without weights. Its inputs are "photo" (1 x 3 x H x W with its mirrored margin),
            "modulations", "given", "trust", and "noise8" and "noise4" if it takes noise.
        weights: by name.
        modulations: the style's modulations of the network.
        noise: {divisor of the size: a table that repeats}.
        margin: pixels that are mirrored at each border.
        multiple: sides of photos are multiples of this, in pixels.
        signed: True if the graph takes photos in -1..1 instead of 0..1.
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
        folder: of its files; None: those that ship.
        budget: see `Engine`; None: `default_budget`.

    Attributes:
        assets: the folder of the files that ship.
        vector_size: number of values in a style's embedding.
        keeps_vectors: True if galleries store the vectors of its styles; False if they encode the paintings each time.
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
        """Support pickling, also for other machines."""
        return type(self), (None if self.folder == self.assets else self.folder, self.budget)

    def style(self, numbers: Array) -> StyleVector:
        """Return a style from its numbers (`StyleVector.numbers`).

        Raises:
            ValueError: the numbers are not a style of this engine.
        """
        sizes = (self.vector_size, *(self.vector_size + size for size in self._change_sizes()))
        if numbers.ndim != 1 or len(numbers) not in sizes:
            raise ValueError(f"{numbers.size} numbers are not a style of the engine {self.name}")
        return StyleVector.of(numbers, self.vector_size)

    def smoothing(self, style: StyleVector) -> float:  # noqa: ARG002
        return 0.0

    def _change_sizes(self) -> tuple[int, ...]:
        """Return the possible numbers of values in a style's changes of the network."""
        return ()

    def portable(self, style: StyleVector) -> Portable:  # noqa: ARG002
        """Return the parts of a style's network.

        Raises:
            UsageError: no single network can paint this style.
        """
        raise UsageError(
            f"the engine {self.name} cannot write networks", "use --engine painter or light", code="conflict"
        )

    def prepare(self, style: StyleVector | None = None) -> None:
        load_runtime()  # here, because an import in the thread would compete with this thread
        threading.Thread(target=self._begin, args=(style,)).start()

    def _begin(self, style: StyleVector | None) -> None:
        with contextlib.suppress(Exception):  # reported when the network is used
            self._load(style)

    @abstractmethod
    def _load(self, style: StyleVector | None) -> None:
        """Load the networks that `prepare` requests."""

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """Facts that were recorded with the files: their hashes, and the cost of painting."""
        facts: dict[str, Any] = json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))
        return facts

    @property
    def id(self) -> str:
        """The encoder's identity. Vectors of other encoders must be computed again from their pictures."""
        return str(self.facts["sha256"]["encode.onnx"])[:16]

    @property
    def mac_per_pixel(self) -> float:
        """Multiply-adds of painting for each pixel."""
        return float(self.facts["mac_per_pixel"])

    def encode(self, painting: Samples) -> StyleVector:
        """Encode a painting as a style. Recent results are cached.

        Args:
            painting: H x W x 3, of any size.
        """
        data = np.ascontiguousarray(painting)
        key = hashlib.blake2b(data.data, digest_size=16).digest() + repr((data.shape, data.dtype.str)).encode()
        with self._encoding:  # other threads with the same painting wait for its result
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
        """Compute the embedding of a painting that is not cached."""

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
        """Paint a photo, in tiles if the budget is small. Return the photo's own statistics.

        Args:
            write_tile: receives the picture, tile by tile.
            given: statistics to normalize by; None: the photo's own.
        """

    def _paint_frozen(self, photo: Pixels, style: StyleVector, given: Statistics) -> Pixels | None:  # noqa: ARG002
        """Paint a frame that need not be measured. Return None if that would not be faster."""
        return None


def product(matrix: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply a matrix and a vector without BLAS.

    BLAS threads spin while they wait for work, and starve the network of processors for 30 ms.
    """
    found: NDArray[np.float32] = np.einsum("ij,j->i", matrix, vector)
    return found


def resized_for_encoder(painting: Samples, size: SizeRequirements) -> Pixels:
    """Resize a painting to the size at which encoders read it."""
    height, width = painting.shape[:2]
    scale = math.sqrt(_ENCODED_PIXELS / (width * height))
    sides = (max(size.least, round(side * scale / size.multiple) * size.multiple) for side in (width, height))
    return resize(painting, *sides)
