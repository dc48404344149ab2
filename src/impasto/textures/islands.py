"""Find a model's islands and seams.

Triangles of an island are neighbors both in the texture and on the object. A seam is an edge of the object whose two
triangles show different places of a texture, or different textures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from impasto.textures.model import Surface

_WELD = 1e-5  # of the object's size: corners within this distance are the same
_TEXEL = 32  # texture coordinates within 1 / 32 of a texel are the same


@dataclass(frozen=True, eq=False)
class Mesh:
    """All triangles of a model.

    Attributes:
        positions: T x 3 x 3, in the object's units.
        texels: T x 3 x 2, pixels of the texture to the right and down; may lie beyond its borders.
        texture: T, index of the texture.
        surface: T, index of the surface.
        sizes: width and height of every texture, N x 2.
    """

    positions: NDArray[np.float64]
    texels: NDArray[np.float64]
    texture: NDArray[np.int64]
    surface: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @staticmethod
    def of(surfaces: Sequence[Surface], sizes: Sequence[tuple[int, int]]) -> Mesh:
        """Collect the triangles of surfaces. `sizes` are width and height of every texture."""
        counts = [len(one.positions) for one in surfaces]
        wide = np.array(sizes, np.int64).reshape(-1, 2)
        texture = np.repeat([one.texture for one in surfaces], counts).astype(np.int64)
        coordinates = np.concatenate([one.coordinates for one in surfaces])
        return Mesh(
            np.concatenate([one.positions for one in surfaces]),
            coordinates * wide[texture][:, None, :],
            texture,
            np.repeat(np.arange(len(surfaces)), counts),
            wide,
        )

    @property
    def extent(self) -> float:
        """The longest side of the object's bounding box."""
        corners = self.positions.reshape(-1, 3)
        return float(np.ptp(corners, axis=0).max())

    @property
    def areas(self) -> NDArray[np.float64]:
        """The area of each triangle on the object, T."""
        one, two = (self.positions[:, index] - self.positions[:, 0] for index in (1, 2))
        return np.linalg.norm(np.cross(one, two), axis=1) / 2


@dataclass(frozen=True, eq=False)
class Seams:
    """Edges of the object, each with a triangle on either side. Every seam is listed twice, once from each side.

    Attributes:
        own, other: E, the triangles.
        start, end: E x 2, the edge in texels of the own triangle's texture.
        inside: E x 2, the own triangle's third corner.
        other_start, other_end, other_inside: the same points of the object, in the other triangle's texture.
        length: E, on the object.
    """

    own: NDArray[np.int64]
    other: NDArray[np.int64]
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    inside: NDArray[np.float64]
    other_start: NDArray[np.float64]
    other_end: NDArray[np.float64]
    other_inside: NDArray[np.float64]
    length: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.own)


def find_islands(mesh: Mesh) -> tuple[NDArray[np.int64], Seams, Seams]:
    """Return each triangle's island, T, numbered from 0; the seams between islands; and the object's borders.

    A border edge is listed once. Its own triangle stands for the other side.
    """
    points = _numbered(np.round(mesh.positions.reshape(-1, 3) / max(mesh.extent * _WELD, 1e-30)))
    steps = np.round(mesh.texels.reshape(-1, 2) * _TEXEL)
    places = _numbered(np.concatenate([np.repeat(mesh.texture, 3)[:, None], points[:, None], steps], axis=1))
    points, places = points.reshape(-1, 3), places.reshape(-1, 3)

    # The three edges of every triangle, each from its lower to its higher point.
    triangle = np.repeat(np.arange(len(points)), 3)
    first = np.tile([0, 1, 2], len(points))
    second, third = (first + 1) % 3, (first + 2) % 3
    swap = points[triangle, first] > points[triangle, second]
    first, second = np.where(swap, second, first), np.where(swap, first, second)
    edge = _numbered(np.stack([points[triangle, first], points[triangle, second]], axis=1))
    shown = _numbered(np.stack([places[triangle, first], places[triangle, second]], axis=1))

    order = np.lexsort((shown, edge))
    same_edge = edge[order][1:] == edge[order][:-1]
    same_place = shown[order][1:] == shown[order][:-1]
    one, two = order[:-1], order[1:]
    joined = same_edge & same_place
    islands = components(len(points), triangle[one[joined]], triangle[two[joined]])

    apart = same_edge & ~same_place & (points[triangle, first] != points[triangle, second])[one]
    one, two = np.concatenate([one[apart], two[apart]]), np.concatenate([two[apart], one[apart]])
    alone = order[~(np.append(same_edge, False) | np.append(False, same_edge))]

    def found(own: NDArray[np.int64], other: NDArray[np.int64]) -> Seams:
        ends = [mesh.positions[triangle[own], corner[own]] for corner in (first, second)]
        a, b, c, d, e, f = (
            mesh.texels[triangle[side], corner[side]] for side in (own, other) for corner in (first, second, third)
        )
        return Seams(triangle[own], triangle[other], a, b, c, d, e, f, np.linalg.norm(ends[1] - ends[0], axis=1))

    return islands, found(one, two), found(alone, alone)


def components(count: int, one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the connected components of a graph, numbered from 0, like SciPy's function of that name.

    Args:
        count: the number of nodes.
        one, two: the ends of the edges.
    """
    label = np.arange(count)
    while True:
        lowest = label.copy()
        np.minimum.at(lowest, one, label[two])
        np.minimum.at(lowest, two, label[one])
        np.minimum.at(lowest, label, lowest.copy())  # pass the lowest label of a component's members to its root
        while not np.array_equal(lowest, lowest[lowest]):
            lowest = lowest[lowest]
        if np.array_equal(lowest, label):
            return _numbered(label[:, None])
        label = lowest


def _numbered(rows: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of each row, from 0; equal rows have equal numbers."""
    _, numbers = np.unique(rows, axis=0, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64)
