"""The interface of an engine: a photo and a style vector in, a picture out.

An engine paints at full strength, with strokes of its network's own size. The composition (`impasto.painting.compose`)
applies strength, brush size, blends, regions, color and tone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.engines.shot import Shot
from impasto.pixels.arrays import Pixels, Samples
from impasto.system.memory import free_memory

Array: TypeAlias = NDArray[np.float32]

WriteTile: TypeAlias = "Callable[[tuple[slice, slice], Pixels], None]"
"""Writes one tile of a picture: the tile's rows and columns, and its pixels, float32, 0..1."""

BUDGET = 1_500_000_000
"""Default limit of the memory for painting, in bytes."""


def _nothing() -> Array:
    return np.zeros(0, np.float32)


@dataclass(frozen=True, eq=False)
class StyleVector:
    """A style in the form of one engine. Other engines cannot use its numbers.

    Vectors are mixed by arithmetic: `0.3 * one + 0.7 * other`.

    Attributes:
        embedding: the output of the engine's encoder for a painting; for a network of K styles, their K weights.
            Float32.
        changes: changes of the engine's network that were trained for this style. Missing numbers are 0. Float32.
    """

    embedding: Array
    changes: Array = field(default_factory=_nothing)

    def __add__(self, other: StyleVector) -> StyleVector:
        size = max(len(self.changes), len(other.changes))
        one, two = (np.pad(part.changes, (0, size - len(part.changes))) for part in (self, other))
        return StyleVector(self.embedding + other.embedding, one + two)

    def __rmul__(self, weight: float) -> StyleVector:
        return StyleVector(np.float32(weight) * self.embedding, np.float32(weight) * self.changes)

    @staticmethod
    def of(numbers: Array, size: int) -> StyleVector:
        """Make a vector from its numbers, of which the first `size` are the embedding."""
        return StyleVector(numbers[:size], numbers[size:])

    @property
    def numbers(self) -> Array:
        """Embedding and changes in one array, as in files."""
        return np.concatenate([self.embedding, self.changes]).astype(np.float32)


@dataclass(frozen=True)
class SizeRequirements:
    """The sizes of photos that a network accepts.

    Attributes:
        multiple: sides of photos, and places where tiles begin, are multiples of this number of pixels.
        least: least side in pixels, so that reflection padding has pixels to reflect.
        only: width and height, if the network accepts only one size.
    """

    multiple: int = 4
    least: int = 32
    only: tuple[int, int] | None = None

    def padded(self, photo: Samples) -> Samples:
        """Return the photo, mirrored at its bottom and right to sides that the network accepts."""
        sides = (max(self.least, math.ceil(side / self.multiple) * self.multiple) for side in photo.shape[:2])
        below, beside = (wanted - side for wanted, side in zip(sides, photo.shape[:2], strict=True))
        if not below and not beside:
            return photo
        return np.pad(photo, [(0, below), (0, beside), (0, 0)], mode="symmetric")


class Engine(Protocol):
    """An engine. Several threads may call it at once.

    Attributes:
        name: by which users select it, or "network".
        size: of the photos that its network accepts.
        budget: bytes that painting may use in addition to the photo and the result. A photo that needs more is painted
            in tiles, normalized by the statistics of a sample.
        encodes: True if it encodes paintings as styles; False if it has only its own styles.
    """

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> SizeRequirements: ...

    @property
    def budget(self) -> int: ...

    @property
    def encodes(self) -> bool: ...

    def prepare(self, style: StyleVector | None = None) -> None:
        """Start to load the network of a style, or of any style, in the background, to be ready for the first photo."""

    def encode(self, painting: Samples) -> StyleVector:
        """Encode a painting, H x W x 3 of any size, as a style.

        Raises:
            StyleError: the engine does not encode paintings.
        """

    def paint(self, photo: Pixels, style: StyleVector, *, shot: Shot | None = None, run: str = "style") -> Pixels:
        """Paint a photo.

        Args:
            photo: H x W x 3, float32, 0..1, of any size.
            style: a result of `encode`, or a mixture of such results.
            shot: stores the statistics of a clip's frames, so that all frames are normalized in the same way.
            run: which of the shot's styles this is.
        Returns:
            H x W x 3, float32, 0..1.
        Raises:
            PictureError: the photo needs more memory than is available.
        """

    def smoothing(self, style: StyleVector) -> float:
        """Return the share of a picture's grain that is smoothed into strokes, in photos: 0..1."""


def default_budget() -> int:
    """Return the default limit of the memory for painting in bytes: a third of what is free, at most 1.5 GB."""
    return min(BUDGET, (free_memory() or 3 * BUDGET) // 3)
