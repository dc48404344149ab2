"""Make texture coordinates for meshes without any. xatlas cuts them into charts and packs these into one picture."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from impasto.errors import MissingExtra
from impasto.picture import Picture
from impasto.pixels.arrays import spread, stored
from impasto.textures.charts import draw

NOTE = "the model has no texture; Impasto makes texture coordinates and a picture of its colors"
"""The note for users."""

SIDE, PADDING = 1024, 8
"""In texels: the side of a new texture, and the distance between its islands."""


class Unwrapped(NamedTuple):
    """A mesh that is cut along the borders of its charts.

    Attributes:
        vertices: N, the old vertex of each new one.
        triangles: T x 3 new vertices; the old triangles in their order.
        coordinates: N x 2, 0..1; 0, 0 is the upper left corner of the picture.
    """

    vertices: NDArray[np.int64]
    triangles: NDArray[np.int64]
    coordinates: NDArray[np.float32]


def check_installed() -> None:
    """Raise MissingExtra if xatlas, which makes texture coordinates, is not installed."""
    if importlib.util.find_spec("xatlas") is None:
        what = "the model has no texture coordinates, and xatlas, which makes them,"
        if sys.version_info >= (3, 14):  # the extra leaves it out, because there is no wheel
            raise MissingExtra(f"{what} and whose installation needs a C++ compiler,", "textures", "pip install xatlas")
        raise MissingExtra(what, "textures")


def unwrap(
    meshes: Sequence[tuple[NDArray[np.floating[Any]], NDArray[np.integer[Any]]]],
    side: int = SIDE,
    padding: int = PADDING,
) -> list[Unwrapped]:
    """Lay all triangles of some meshes side by side into one square picture, all at the same scale.

    Args:
        meshes: positions, V x 3, and triangles, T x 3, of each.
        side: of the picture, in pixels.
        padding: between charts, in pixels.
    Raises:
        MissingExtra: xatlas is not installed.
    """
    check_installed()
    import xatlas

    full = [(points, triangles) for points, triangles in meshes if len(triangles)]
    if not full:
        return [_nothing() for _ in meshes]
    unit = math.sqrt(_mean_area(full)) or 1.0
    atlas = xatlas.Atlas()
    for points, triangles in full:  # relative to each mesh's corner: far from the origin, float32 is too coarse
        near = (points - points[triangles].min(axis=(0, 1))) / unit
        atlas.add_mesh(np.ascontiguousarray(near, np.float32), np.ascontiguousarray(triangles, np.uint32))
    _pack(atlas, side, padding)
    scale = np.array([atlas.width, atlas.height]) / max(atlas.width, atlas.height, 1)
    found = (_scaled(atlas.get_mesh(index), scale) for index in range(len(full)))
    return [next(found) if len(triangles) else _nothing() for _, triangles in meshes]


def _mean_area(meshes: Sequence[tuple[NDArray[Any], NDArray[Any]]]) -> float:
    """Return the mean area of all triangles. In units of its root, xatlas drops no visible triangle as too small."""
    corners = np.concatenate([points[triangles] for points, triangles in meshes]).astype(np.float64)
    sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(sides, axis=1).mean() / 2)


def _pack(atlas: Any, side: int, padding: int) -> None:
    """Pack the charts into one picture of about that side."""
    import xatlas

    options = xatlas.PackOptions()
    options.padding, options.resolution, options.bilinear = padding, side, True
    atlas.generate(xatlas.ChartOptions(), options, False)
    if atlas.atlas_count > 1:  # its estimate of the scale was too large; without a resolution it packs one picture
        options.resolution, options.texels_per_unit = 0, atlas.texels_per_unit
        atlas.generate(xatlas.ChartOptions(), options, False)


def _scaled(mesh: tuple[NDArray[Any], ...], scale: NDArray[np.float64]) -> Unwrapped:
    vertices, triangles, coordinates = mesh
    placed = np.nan_to_num(coordinates * scale)  # for objects whose triangles all have no area
    return Unwrapped(vertices.astype(np.int64), triangles.astype(np.int64), placed.clip(0, 1).astype(np.float32))


def _nothing() -> Unwrapped:
    return Unwrapped(np.zeros(0, np.int64), np.zeros((0, 3), np.int64), np.zeros((0, 2), np.float32))


def drawn(meshes: Sequence[Unwrapped], colors: NDArray[np.floating[Any]], side: int = SIDE) -> bytes:
    """Return a PNG file of all triangles in their colors. Colors continue beyond the islands' borders.

    Args:
        colors: T x 4, of the triangles of all meshes: sRGB and alpha, 0..1.
        side: of the picture, in pixels.
    """
    if not np.isfinite(colors).all():
        raise ValueError("a color is not a number")
    corners = np.concatenate([side * one.coordinates.astype(np.float64)[one.triangles] for one in meshes])
    seen = draw(corners, side, side) > 0
    planes = np.stack([draw(corners, side, side, colors[:, channel].clip(0, 1)) for channel in range(4)], axis=-1)
    whole = stored(spread(planes[..., :3], seen.astype(np.float32)), np.uint8)
    alpha = None if (colors[:, 3] >= 1).all() else np.where(seen, planes[..., 3] / np.float32(255), 1)
    return Picture(whole, alpha).encode("PNG", mark=False)
