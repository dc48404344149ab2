"""What a 3-D model is to the painter: triangles with texture coordinates, and the pictures that they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Wrap: TypeAlias = Literal["repeat", "mirror", "clamp"]
"""What a texture shows beyond its borders, along one axis."""

Role: TypeAlias = Literal["color", "emissive"]


@dataclass(frozen=True)
class Texture:
    """A picture that may be painted.

    Attributes:
        name: for messages and the names of files.
        data: the bytes of its file, as the model has them.
        suffix: of its format: ".png", ".jpg", ".webp".
        role: what it is in the material.
    """

    name: str
    data: bytes
    suffix: str
    role: Role = "color"


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles that show one picture.

    Attributes:
        positions: T x 3 x 3, the corners in the object's units, where the scene puts them. Float64.
        coordinates: T x 3 x 2, where in the picture each corner lies: 0, 0 is its upper left corner and 1, 1 its lower
            right one, whatever the file's own convention; numbers beyond those are `wrap`'s. Float64.
        texture: index of the picture in `Model.textures`.
        wrap: beyond the left and right borders, and beyond the upper and lower ones.
        material: its name; "" has none.
        parts: names of the mesh, the node, the object or the groups that all of these triangles belong to.
        groups: {name: T x 3}, how much each corner belongs to a group of vertices, 0..1. Float32.
        copies: N x 4 x 4, what moves the positions to the other places where the scene shows them.
    """

    positions: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    texture: int
    wrap: tuple[Wrap, Wrap] = ("repeat", "repeat")
    material: str = ""
    parts: frozenset[str] = frozenset()
    groups: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    copies: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4, 4)))


class Model(Protocol):
    """A file of a 3-D model.

    Attributes:
        textures: what may be painted; each shows on one surface at least.
        surfaces: the triangles that show those. Triangles without texture are not among them.
        notes: lines for the user: what stays as it is, and why.
        sources: the files that it consists of, its own first.
    """

    @property
    def textures(self) -> list[Texture]: ...

    @property
    def surfaces(self) -> list[Surface]: ...

    @property
    def notes(self) -> list[str]: ...

    @property
    def sources(self) -> list[Path]: ...

    def files(self, target: Path, label: str) -> list[Path]:
        """All files that `save` would write, the model's own first.

        Args:
            label: for the names of painted pictures that lie in files of their own.
        """

    def save(self, target: Path, painted: Mapping[int, bytes], label: str, *, overwrite: bool) -> list[Path]:
        """Write the model with other pictures; everything else in it stays, byte for byte.

        Args:
            target: of the same kind as the model's file.
            painted: {index of a texture: the bytes of its new file, in the texture's own format}.
            label: as for `files`.
            overwrite: replace files that are there.
        Returns:
            The files, the model's own first.
        Raises:
            PictureError: a file is there already, or cannot be written.
        """
