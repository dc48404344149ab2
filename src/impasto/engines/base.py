"""The base of all engines: an engine reads a style off a painting as a vector, and paints photos by such vectors.

`encode(picture) -> StyleVector` and `paint(photo, vector) -> picture` are all that the rest of Impasto knows of an
engine. Vectors of one engine mean nothing to another.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.engines.shot import Shot, Statistics
from impasto.pixels.arrays import Pixels, Samples, resize
from impasto.system.memory import free_memory
from impasto.system.sessions import load_runtime

StyleVector: TypeAlias = NDArray[np.float32]

Put: TypeAlias = "Callable[[tuple[slice, slice], Pixels], None]"
"""Takes a part of a picture: its rows and columns, and what it holds there, float32, 0..1."""

BUDGET = 1_500_000_000  # bytes that painting may take, if nobody says
MULTIPLE = 4  # networks work at a quarter of the size: tiles begin where their grid does
LEAST = 32  # pixels a side; below this a network's reflection padding has nothing to reflect

_REMEMBERED = 64  # vectors of pictures
_ENCODED_PIXELS = 512 * 640  # a painting is looked at in about this size, as when the networks were trained


class Engine(ABC):
    """A painter of any style.

    It may be called from several threads at once.

    Args:
        folder: holds its files; those that ship with Impasto if not given.
        budget: bytes that painting may take beside the photo and the result; None, a third of what is free, at most
            1.5 GB. A photo that needs more is painted in parts.

    Attributes:
        name: by which users choose it.
        assets: the folder that ships.
        vector_size: numbers that `encode` gives. What a named or learned style changes of the network follows them.
        keeps_vectors: galleries keep the vectors of its styles; else they are computed from the paintings.
    """

    name: ClassVar[str]
    assets: ClassVar[Path]
    vector_size: ClassVar[int]
    keeps_vectors: ClassVar[bool] = True

    def __init__(self, folder: Path | None = None, budget: int | None = None) -> None:
        self.budget = budget or min(BUDGET, (free_memory() or 3 * BUDGET) // 3)
        self.folder = folder or self.assets
        self._encoding = threading.Lock()
        self._encoded: dict[bytes, StyleVector] = {}  # by the picture

    def __reduce__(self) -> tuple[object, ...]:
        """What another process, or another machine, makes it from."""
        return type(self), (None if self.folder == self.assets else self.folder, self.budget)

    def takes(self, count: int) -> bool:
        """Whether a vector of so many numbers is one of this engine."""
        return count == self.vector_size

    def prepare(self, vector: StyleVector | None = None) -> None:
        """Begin to load a style's network in a thread of its own, so that it is there when the first photo is.

        Args:
            vector: of the style; None, of one that will be read off a painting.
        """
        load_runtime()  # not in the thread, which would have to take turns with whatever goes on here

        threading.Thread(target=self._begin, args=(vector,)).start()

    def _begin(self, vector: StyleVector | None) -> None:
        with contextlib.suppress(Exception):  # said when the network is used
            self._load(vector)

    @abstractmethod
    def _load(self, vector: StyleVector | None) -> None:
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

    def encode(self, picture: Samples) -> StyleVector:
        """The style of a picture; of the last ones it is remembered.

        Args:
            picture: H x W x 3, any size.
        Returns:
            `vector_size` numbers, float32.
        """
        data = np.ascontiguousarray(picture)
        key = hashlib.blake2b(data.data, digest_size=16).digest() + repr((data.shape, data.dtype.str)).encode()
        with self._encoding:  # whoever asks for the same one meanwhile waits for it
            vector = self._encoded.pop(key, None)
            if vector is None:
                vector = self._encode(picture)
            self._encoded[key] = vector
            if len(self._encoded) > _REMEMBERED:
                del self._encoded[next(iter(self._encoded))]
        return vector.copy()

    @abstractmethod
    def _encode(self, picture: Samples) -> StyleVector:
        """The style of a picture that is not remembered."""

    def paint(self, photo: Pixels, vector: StyleVector, *, shot: Shot | None = None, run: str = "style") -> Pixels:
        """Paint a photo in one style, in its own size: strokes come out as the network has learned them, in pixels.

        Args:
            photo: H x W x 3, float32, 0..1, any size.
            vector: what `encode` gives, or any mixture of such.
            shot: what is remembered of a video's frames, so that all are normalised alike.
            run: which of a shot's styles this is.
        Returns:
            H x W x 3, float32, 0..1.
        Raises:
            PictureError: the photo needs more memory than there is.
        """
        given = None if shot is None else shot.means.get(run)
        if shot is not None and given is not None and not shot.measures(run):
            steady = self._steadily(photo, vector, given)
            if steady is not None:
                shot.add(run, None)
                return steady
        painted = np.empty_like(photo)
        own = self._into(photo, vector, painted.__setitem__, given)
        if shot is not None:
            shot.add(run, own)
        return painted

    @abstractmethod
    def _into(self, photo: Samples, vector: StyleVector, put: Put, given: Statistics | None) -> Statistics:
        """Paint, in tiles if the budget is small; the photo's own statistics.

        Args:
            put: gets the picture, tile by tile.
            given: what the photo is normalised by; None, its own.
        """

    def _steadily(self, photo: Pixels, vector: StyleVector, given: Statistics) -> Pixels | None:  # noqa: ARG002
        """The picture of a frame that need not be measured; None where not to measure would save nothing."""
        return None


def product(matrix: NDArray[np.float32], vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """A matrix times a vector, without BLAS.

    Its threads wait busily for more, and take the processors from the network for 30 ms.
    """
    found: NDArray[np.float32] = np.einsum("ij,j->i", matrix, vector)
    return found


def mixed(*parts: tuple[float, StyleVector]) -> StyleVector:
    """The weighted sum of style vectors; filters that one of them does not change are changed by 0."""
    total = np.zeros(max(len(vector) for _, vector in parts), np.float32)
    for weight, vector in parts:
        total[: len(vector)] += np.float32(weight) * vector
    return total


def seen_at(picture: Samples, multiple: int = MULTIPLE) -> Pixels:
    """A painting in the size in which encoders look at it; its sides become multiples of `multiple`."""
    height, width = picture.shape[:2]
    scale = math.sqrt(_ENCODED_PIXELS / (width * height))
    return resize(picture, *(max(LEAST, round(side * scale / multiple) * multiple) for side in (width, height)))


def padded(photo: Samples, multiple: int = MULTIPLE) -> Samples:
    """The photo, mirrored at its bottom and right to sides that a network works on."""
    height, width = photo.shape[:2]
    below, beside = (max(LEAST, math.ceil(side / multiple) * multiple) - side for side in (height, width))
    if not below and not beside:
        return photo
    return np.pad(photo, [(0, below), (0, beside), (0, 0)], mode="symmetric")
