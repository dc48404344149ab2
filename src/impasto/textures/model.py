"""A 3-D model for the painter: triangles with texture coordinates, and the pictures that they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Wrap: TypeAlias = Literal["repeat", "mirror", "clamp"]
"""How a texture continues beyond its borders, along one axis."""

Role: TypeAlias = Literal["color", "emissive"]


@dataclass(frozen=True)
class Texture:
    """A picture that may be painted.

    Attributes:
        name: for messages and file names.
        data: the bytes of its file, as in the model.
        suffix: of its format: ".png", ".jpg", ".webp".
        role: its role in the material.
    """

    name: str
    data: bytes
    suffix: str
    role: Role = "color"


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles that show one picture.

    Attributes:
        positions: T x 3 x 3, the corners in the object's units, placed in the scene. Float64.
        coordinates: T x 3 x 2, the corners in the picture: 0, 0 is its upper left corner and 1, 1 its lower right one,
            whatever the file's own convention. Beyond 0..1, `wrap` applies. Float64.
        texture: index of the picture in `Model.textures`.
        wrap: beyond the left and right borders, and beyond the upper and lower ones.
        material: its name; "" if there is none.
        parts: names of the mesh, node, object or groups that all these triangles belong to.
        groups: {name: T x 3}, each corner's weight in a vertex group, 0..1. Float32.
        copies: N x 4 x 4, matrices from these positions to other places in the scene.
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
        textures: pictures that may be painted. Each appears on at least one surface.
        surfaces: the triangles that show these pictures. Triangles without a texture are not included.
        notes: lines for the user: which parts are not painted, and why.
        sources: the model's files, the main file first.
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
        """Return all files that `save` would write, the model's own first.

        Args:
            label: for the names of painted pictures in files of their own.
        """

    def save(self, target: Path, painted: Mapping[int, bytes], label: str, *, overwrite: bool) -> list[Path]:
        """Write the model with other pictures. Everything else stays, byte for byte.

        Args:
            target: of the same format as the model's file.
            painted: {index of a texture: the bytes of its new file, in the texture's own format}.
            label: as for `files`.
            overwrite: replace existing files.
        Returns:
            The files, the model's own first.
        Raises:
            PictureError: a file already exists, or cannot be written.
        """
