"""What an engine is: a photo and a style vector in, a picture out.

An engine paints at full strength and with strokes of its network's own size. Strength, brush size, blends, regions,
color and tone are the composition's (`impasto.painting.compose`).
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
"""Bytes that painting may take at most, if nobody says."""


def _nothing() -> Array:
    return np.zeros(0, np.float32)


@dataclass(frozen=True, eq=False)
class StyleVector:
    """A style as one engine knows it. Vectors of one engine mean nothing to another.

    Vectors are mixed by arithmetic: `0.3 * one + 0.7 * other`.

    Attributes:
        embedding: what the engine's encoder reads off a painting; of a network of K styles, their K weights. Float32.
        changes: what training has changed of the engine's network for this style; later ones are 0. Float32.
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
        """A vector from its numbers, of which `size` are the embedding."""
        return StyleVector(numbers[:size], numbers[size:])

    @property
    def numbers(self) -> Array:
        """All of it as one array, as files keep it."""
        return np.concatenate([self.embedding, self.changes]).astype(np.float32)


@dataclass(frozen=True)
class SizeRequirements:
    """The sizes of photos that a network takes.

    Attributes:
        multiple: pixels; sides of photos, and places where tiles begin, are multiples of it.
        least: pixels a side, below which reflection padding has nothing to reflect.
        only: width and height, of a network that takes one size alone.
    """

    multiple: int = 4
    least: int = 32
    only: tuple[int, int] | None = None

    def padded(self, photo: Samples) -> Samples:
        """The photo, mirrored at its bottom and right to sides that the network takes."""
        sides = (max(self.least, math.ceil(side / self.multiple) * self.multiple) for side in photo.shape[:2])
        below, beside = (wanted - side for wanted, side in zip(sides, photo.shape[:2], strict=True))
        if not below and not beside:
            return photo
        return np.pad(photo, [(0, below), (0, beside), (0, 0)], mode="symmetric")


class Engine(Protocol):
    """What paints. It may be called from several threads at once.

    Attributes:
        name: by which users choose it, or "network".
        size: of the photos that its network takes.
        budget: bytes that painting may take beside the photo and the result. A photo that needs more is painted in
            tiles, normalized by the statistics of a sample of it.
        encodes: whether it reads styles off paintings. One that does not knows its own styles only.
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
        """Begin to load what paints a style, or any style, so that it is there when the first photo is."""

    def encode(self, painting: Samples) -> StyleVector:
        """The style of a painting, H x W x 3, any size.

        Raises:
            StyleError: the engine reads no paintings.
        """

    def paint(self, photo: Pixels, style: StyleVector, *, shot: Shot | None = None, run: str = "style") -> Pixels:
        """Paint a photo.

        Args:
            photo: H x W x 3, float32, 0..1, any size.
            style: what `encode` gives, or a mixture of such.
            shot: what is remembered of a clip's frames, so that all are normalized alike.
            run: which of a shot's styles this is.
        Returns:
            H x W x 3, float32, 0..1.
        Raises:
            PictureError: the photo needs more memory than there is.
        """


def default_budget() -> int:
    """Bytes that painting may take if nobody says: a third of what is free, at most 1.5 GB."""
    return min(BUDGET, (free_memory() or 3 * BUDGET) // 3)
