"""Group islands into charts: parts of a texture that are painted separately."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.textures.islands import Mesh, components
from impasto.textures.model import Wrap

_RASTER = 2048  # longer side, in pixels, of the picture in which overlaps are searched
_OVERLAP = 0.1  # of the smaller island's pixels: two islands with a larger overlap share their place
_LEAST_OVERLAP = 16  # pixels: least overlap
_STRAY = 0.02  # of the usual area of a texel on the object: islands below show texels that belong to other islands
_NEGLIGIBLE = 0.005  # of the object's area
_STRETCHED = 4.0  # largest assumed ratio of a texel's width and height on the object
_THIN = 2.0  # texels: thinner islands show single colors
_REPEATED = 0.25  # of a texture's area on the object: if more of it repeats, the whole texture is painted as repeating
_TILED = 1.02  # of a texture's side: longer islands show the texture more than once
_BITS = 4  # fractional bits of pixel coordinates for OpenCV


@dataclass(frozen=True, eq=False)
class Chart:
    """A part of a texture: triangles, with their corners moved to where the texture is.

    Attributes:
        texture: its index.
        triangles: their numbers, N.
        texels: their corners, N x 3 x 2. In repeating textures, corners may lie beyond the borders.
        left, top, width, height: the bounding rectangle, in texels.
        scale: width and height of a texel on the object, in its units; None if no triangle has an area.
        wraps: of the texture, horizontally and vertically.
        whole: True if the chart is the whole texture, which repeats on the object.
    """

    texture: int
    triangles: NDArray[np.int64]
    texels: NDArray[np.float64]
    left: int
    top: int
    width: int
    height: int
    scale: tuple[float, float] | None
    wraps: tuple[Wrap, Wrap] = ("repeat", "repeat")
    whole: bool = False


@dataclass(frozen=True)
class Layout:
    """The charts of a model's textures.

    Attributes:
        charts: in each texture, a whole chart comes first; the other charts lie over it.
        chart_of: T, the chart that paints a triangle's place in the texture; -1 if none.
        shift: T x 2 x 2, converts the triangle's texels to those of the chart: a factor of 1 or -1, and an offset.
        overlapping: the number of islands that share their place with another one.
        palettes: textures of which only single colors are shown.
    """

    charts: list[Chart]
    chart_of: NDArray[np.int64]
    shift: NDArray[np.float64]
    overlapping: int
    palettes: list[int]


def lay_out(mesh: Mesh, islands: NDArray[np.int64], wraps: Sequence[tuple[Wrap, Wrap]]) -> Layout:
    """Find the charts of a model.

    Args:
        islands: T, the island of each triangle, from `find_islands`.
        wraps: of each surface.
    """
    shift, tiled = _unwrapped(mesh, islands, wraps)
    texels = mesh.texels * shift[:, None, :, 0] + shift[:, None, :, 1]
    clamped = np.array([[one == "clamp" for one in pair] for pair in wraps])[mesh.surface][:, None, :]
    texels = np.where(clamped, texels.clip(0, mesh.sizes[mesh.texture][:, None, :]), texels)
    areas, chart_of = mesh.areas, np.full(len(islands), -1)
    charts: list[Chart] = []
    overlapping, palettes = 0, []
    for texture, (width, height) in enumerate(mesh.sizes):
        triangles = np.flatnonzero(mesh.texture == texture)
        if not len(triangles):
            continue
        single = _is_palette(texels, islands, areas, triangles)
        repeated = tiled[triangles]
        share = areas[triangles][repeated].sum() / max(areas[triangles].sum(), 1e-30)
        repeated |= _stray(texels, islands, areas, triangles)
        own = triangles[:0] if single or share > _REPEATED else triangles[~repeated]
        if single:
            palettes.append(texture)
        groups = [
            _brought_together(group, mesh, islands, texels, shift, wraps)
            for group in _groups(texels, islands, own, int(width), int(height))
        ]
        too_long = [one for one in groups if one.width > _TILED * width or one.height > _TILED * height]
        groups = [one for one in groups if one not in too_long]
        own = np.setdiff1d(own, np.concatenate([one.triangles for one in too_long])) if too_long else own
        rest = np.setdiff1d(triangles, own)
        if not len(own) or areas[rest].sum() > _NEGLIGIBLE * areas[triangles].sum():
            wrap = wraps[mesh.surface[rest[0]]]
            box = Chart(texture, rest, texels[rest], 0, 0, int(width), int(height), None, wrap, whole=True)
            charts.append(box if single else replace(box, scale=_scale(mesh.positions[rest], texels[rest])))
            chart_of[rest] = len(charts) - 1
        for group in groups:
            overlapping += len(np.unique(islands[group.triangles])) - 1
            chart_of[group.triangles] = len(charts)
            charts.append(group)
    return Layout(charts, chart_of, shift, overlapping, palettes)


def _unwrapped(
    mesh: Mesh, islands: NDArray[np.int64], wraps: Sequence[tuple[Wrap, Wrap]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return each triangle's shift into the texture, and True if its island shows parts of the texture repeatedly."""
    count = int(islands.max()) + 1
    sizes = mesh.sizes[mesh.texture].astype(np.float64)  # T x 2
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, islands, mesh.texels.min(axis=1) / sizes)
    np.maximum.at(high, islands, mesh.texels.max(axis=1) / sizes)
    cell = np.floor(low + 1e-4)
    long = high - low > _TILED
    crosses = high - cell > 1 + 1e-4
    shift = np.zeros((len(islands), 2, 2))
    shift[..., 0] = 1
    tiled = np.zeros(len(islands), np.bool_)
    modes = np.array([[("repeat", "mirror", "clamp").index(one) for one in pair] for pair in wraps])[mesh.surface]
    for axis in range(2):
        mode, size, at = modes[:, axis], sizes[:, axis], cell[islands, axis]
        repeats, mirrors = mode == 0, mode == 1
        shift[repeats, axis, 1] = -(at * size)[repeats]
        odd = mirrors & (at % 2 == 1)
        shift[mirrors, axis, 1] = -(at * size)[mirrors]
        shift[odd, axis] = np.stack([-np.ones(odd.sum()), ((at + 1) * size)[odd]], axis=1)
        tiled |= (repeats & long[islands, axis]) | (mirrors & crosses[islands, axis])
    return shift, tiled


def _is_palette(
    texels: NDArray[np.float64], islands: NDArray[np.int64], areas: NDArray[np.float64], triangles: NDArray[np.int64]
) -> bool:
    """Return True if most of a texture's area on the object shows single colors."""
    names, own = np.unique(islands[triangles], return_inverse=True)
    low, high = np.full((len(names), 2), np.inf), np.full((len(names), 2), -np.inf)
    np.minimum.at(low, own, texels[triangles].min(axis=1))
    np.maximum.at(high, own, texels[triangles].max(axis=1))
    thin = (high - low).min(axis=1) < _THIN
    weights = areas[triangles]
    return bool(weights[thin[own]].sum() > 0.5 * weights.sum())


def _stray(
    texels: NDArray[np.float64], islands: NDArray[np.int64], areas: NDArray[np.float64], triangles: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return True for triangles of islands that are large in the texture but negligible on the object."""
    _, own = np.unique(islands[triangles], return_inverse=True)
    a, b = (texels[triangles, index] - texels[triangles, 0] for index in (1, 2))
    shown = np.bincount(own, np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2)
    there = np.bincount(own, areas[triangles])
    ratio = there / np.maximum(shown, 1e-30)
    order = np.argsort(ratio)
    share = np.cumsum(there[order])
    usual = ratio[order[np.searchsorted(share, share[-1] / 2)]]
    return ((ratio < _STRAY * usual) & (there < _NEGLIGIBLE * there.sum()))[own]


def _scale(positions: NDArray[np.float64], texels: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the average width and height of a texel on the object, in its units."""
    one, two = (positions[:, index] - positions[:, 0] for index in (1, 2))
    a, b = (texels[:, index] - texels[:, 0] for index in (1, 2))
    shown = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    areas = np.linalg.norm(np.cross(one, two), axis=1)
    good = (np.abs(shown) > 1e-6) & (areas > 0)
    if not good.any():
        return None
    across = (one * b[:, 1:] - two * a[:, 1:])[good]  # movement on the object for one texel to the right, times `shown`
    down = (two * a[:, :1] - one * b[:, :1])[good]
    ratio = np.log(np.maximum(_lengths(across), 1e-30) / np.maximum(_lengths(down), 1e-30))
    limit = math.log(_STRETCHED)
    stretch = math.exp(np.average(ratio.clip(-limit, limit), weights=areas[good]) / 2)
    mean = math.sqrt(areas[good].sum() / np.abs(shown[good]).sum())
    return mean * stretch, mean / stretch


def _lengths(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(vectors, axis=1)


def _groups(
    texels: NDArray[np.float64], islands: NDArray[np.int64], triangles: NDArray[np.int64], width: int, height: int
) -> Iterator[NDArray[np.int64]]:
    """Yield the triangles of the islands. Islands that share a place are yielded together."""
    names, own = np.unique(islands[triangles], return_inverse=True)
    if not len(names):
        return
    order = np.argsort(own, kind="stable")
    members = np.split(triangles[order], np.cumsum(np.bincount(own))[:-1])
    reduction = min(1.0, _RASTER / max(width, height))
    size = (max(1, round(width * reduction)), max(1, round(height * reduction)))
    seen = np.full((size[1], size[0]), -1, np.int32)
    pairs: list[tuple[int, int]] = []
    pixels = np.zeros(len(names))
    for index, group in enumerate(members):
        corners = texels[group] * reduction
        left, top = np.floor(corners.min(axis=(0, 1))).astype(int)
        right, bottom = np.ceil(corners.max(axis=(0, 1))).astype(int) + 1
        mask = draw(corners - (left, top), right - left, bottom - top) > 0
        rows, columns = np.nonzero(mask)
        rows, columns = (rows + top) % size[1], (columns + left) % size[0]
        there, counts = np.unique(seen[rows, columns], return_counts=True)
        pixels[index] = len(rows)
        for other, count in zip(there, counts, strict=True):
            if other >= 0 and count > max(_LEAST_OVERLAP, _OVERLAP * min(pixels[index], pixels[other])):
                pairs.append((index, int(other)))
        seen[rows, columns] = index
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    label = components(len(names), ends[:, 0], ends[:, 1])
    order = np.argsort(label, kind="stable")
    for group in np.split(order, np.cumsum(np.bincount(label))[:-1]):
        yield np.concatenate([members[index] for index in group])


def _brought_together(
    group: NDArray[np.int64],
    mesh: Mesh,
    islands: NDArray[np.int64],
    texels: NDArray[np.float64],
    shift: NDArray[np.float64],
    wraps: Sequence[tuple[Wrap, Wrap]],
) -> Chart:
    """Make a chart of islands that share a place. Move islands that lie whole textures away to the others."""
    corners, sizes = texels[group], mesh.sizes[mesh.texture[group[0]]]
    names, own = np.unique(islands[group], return_inverse=True)
    if len(names) > 1:
        sums = [np.bincount(own, corners[:, :, axis].mean(axis=1)) for axis in range(2)]
        middle = np.stack(sums, axis=1) / np.bincount(own)[:, None]
        anchor = middle[np.bincount(own).argmax()]
        repeats = np.array(wraps[mesh.surface[group[0]]]) == "repeat"
        steps = np.where(repeats, np.round((anchor - middle) / sizes) * sizes, 0)[own]
        corners = corners + steps[:, None, :]
        shift[group, :, 1] += steps
    left, top = np.floor(corners.min(axis=(0, 1))).astype(int)
    right, bottom = np.maximum(np.ceil(corners.max(axis=(0, 1))).astype(int), (left + 1, top + 1))
    texture = int(mesh.texture[group[0]])
    scale = _scale(mesh.positions[group], corners)
    wrap = wraps[mesh.surface[group[0]]]
    return Chart(texture, group, corners, int(left), int(top), int(right - left), int(bottom - top), scale, wrap)


def draw(
    corners: NDArray[np.float64], width: int, height: int, values: NDArray[np.float64] | None = None
) -> NDArray[np.uint8]:
    """Draw triangles, including their borders.

    Args:
        corners: N x 3 x 2, in pixels; 0, 0 is the upper left corner of the first pixel.
        values: N, 0..1; None: 1 for all.
    Returns:
        height x width: 255 times the value of the triangle drawn last, 0 where there is none.
    """
    found = np.zeros((height, width), np.uint8)
    fixed = np.round((corners - 0.5) * (1 << _BITS)).astype(np.int32)
    levels = [255] * len(fixed) if values is None else np.round(values * 255).astype(int).tolist()
    for triangle, level in zip(fixed, levels, strict=True):
        cv2.fillConvexPoly(found, triangle, level, lineType=cv2.LINE_8, shift=_BITS)
    return found
