"""Lay all charts of a model side by side on one canvas. Each unit of the object gets the same number of pixels.

So strokes have one size on the whole object, and all its textures are painted as parts of one picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels, Samples, floats, stored, strips
from impasto.system.memory import allocate
from impasto.textures.charts import Chart, draw
from impasto.textures.model import Wrap

_MOST = 2.0  # the canvas has at most this many times the charts' texels
_ENLARGED = 3.0  # largest factor by which a texel is enlarged
_KEPT = 0.15  # scales that differ from 1 by less become 1, so that nothing is resampled
_MARGIN = 24  # pixels around a chart, where strokes have their natural size
_LEAST_MARGIN, _LARGEST_MARGIN = 8, 160
_SOFT = 1024  # longer side of the picture in which gaps are filled, in pixels

COVERED, FILLED = 1, 2
"""States of a canvas pixel: it shows the object, or the continuation beyond a chart's border, across a seam."""


@dataclass(frozen=True, eq=False)
class Place:
    """The place of a chart on the canvas, in pixels.

    Attributes:
        left, top, width, height: the rectangle of the chart's texels.
        margin: the width of a border around it, which also belongs to the chart.
    """

    chart: Chart
    left: int
    top: int
    width: int
    height: int
    margin: int

    @property
    def factors(self) -> NDArray[np.float64]:
        """Pixels per texel, horizontally and vertically."""
        return np.array([self.width / self.chart.width, self.height / self.chart.height])

    @property
    def inner(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    @property
    def outer(self) -> tuple[slice, slice]:
        return (
            slice(self.top - self.margin, self.top + self.height + self.margin),
            slice(self.left - self.margin, self.left + self.width + self.margin),
        )

    def pixels(self, texels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert texels of the chart, ... x 2, to pixels of the canvas."""
        found: NDArray[np.float64] = (texels - (self.chart.left, self.chart.top)) * self.factors + (self.left, self.top)
        return found


@dataclass(frozen=True, eq=False)
class Plan:
    """An empty canvas.

    Attributes:
        places: of all charts, in their order.
        width, height: of the canvas.
        extent: the object's longest side in pixels.
    """

    places: list[Place]
    width: int
    height: int
    extent: float


def plan_canvas(charts: Sequence[Chart], areas: Sequence[float], extent: float, natural: float) -> Plan:
    """Choose a scale and a place for each chart.

    Args:
        areas: of each chart on the object.
        extent: the object's longest side, in its units.
        natural: pixels of that side at which strokes have their natural size.
    """
    texels = sum(chart.width * chart.height for chart in charts)
    density = _density(charts, areas, texels)  # pixels per unit
    margin = min(_LARGEST_MARGIN, round(_MARGIN * max(1.0, density * extent / natural)))
    sizes = []
    for chart in charts:
        factors = [1.0, 1.0] if chart.scale is None else [min(_ENLARGED, one * density) for one in chart.scale]
        sides = (chart.width, chart.height)
        kept = [1.0 if abs(one - 1) < _KEPT else one for one in factors]
        sizes.append([max(1, round(side * factor)) for side, factor in zip(sides, kept, strict=True)])
    margins = [min(margin, _LEAST_MARGIN + min(size) // 2) for size in sizes]
    corners, width, height = _packed([(w + 2 * m, h + 2 * m) for (w, h), m in zip(sizes, margins, strict=True)])
    places = [
        Place(chart, left + own, top + own, wide, high, own)
        for chart, (left, top), (wide, high), own in zip(charts, corners, sizes, margins, strict=True)
    ]
    return Plan(places, width, height, density * extent)


def _density(charts: Sequence[Chart], areas: Sequence[float], texels: float) -> float:
    """Return pixels per unit of the object: those of the finest chart, unless the canvas becomes too large."""
    scaled = [(chart, area) for chart, area in zip(charts, areas, strict=True) if chart.scale is not None]
    if not scaled:
        return 1.0
    wanted = [1 / math.sqrt(chart.scale[0] * chart.scale[1]) for chart, _ in scaled if chart.scale]
    order = np.argsort(wanted)
    shares = np.cumsum([scaled[index][1] for index in order])
    finest = wanted[order[int(np.searchsorted(shares, 0.98 * shares[-1]))]]

    def pixels(density: float) -> float:
        return sum(
            math.prod(
                side * min(_ENLARGED, scale * density)
                for side, scale in zip((chart.width, chart.height), chart.scale or (1, 1), strict=True)
            )
            for chart, _ in scaled
        )

    while pixels(finest) > _MOST * texels:
        finest *= 0.95
    return finest


def _packed(sizes: Sequence[tuple[int, int]]) -> tuple[list[tuple[int, int]], int, int]:
    """Pack rectangles into a square of about their area. Return their left and top, and the square's width and height.

    The tallest rectangles come first, each as high up as it fits (skyline heuristic).
    """
    wide = max(max(width for width, _ in sizes), math.ceil(math.sqrt(1.05 * sum(w * h for w, h in sizes))))
    skyline = [(0, 0, wide)]  # left, top and width of the free space below
    found: dict[int, tuple[int, int]] = {}
    for index in sorted(range(len(sizes)), key=lambda index: (-sizes[index][1], -sizes[index][0])):
        width, height = sizes[index]
        best: tuple[int, int, int, int] | None = None
        for first, (left, _, _) in enumerate(skyline):
            last, room, top = first, 0, 0
            while last < len(skyline) and room < width:
                top, room = max(top, skyline[last][1]), room + skyline[last][2]
                last += 1
            if room >= width and (best is None or top < best[0]):
                best = top, left, first, last
        assert best is not None
        top, left, first, last = best
        end = skyline[last - 1][0] + skyline[last - 1][2]
        rest = [(left + width, skyline[last - 1][1], end - left - width)] if end > left + width else []
        skyline[first:last] = [(left, top + height, width), *rest]
        found[index] = left, top
    right = max(left + sizes[index][0] for index, (left, _) in found.items())
    bottom = max(top + sizes[index][1] for index, (_, top) in found.items())
    return [found[index] for index in range(len(sizes))], right, bottom


@dataclass(frozen=True, eq=False)
class Canvas:
    """The charts, with the colors of the textures.

    Attributes:
        plan: the places of the charts.
        colors: H x W x 3.
        state: H x W, `COVERED`, `FILLED` or 0.
    """

    plan: Plan
    colors: Samples
    state: NDArray[np.uint8]


def lay(plan: Plan, textures: Sequence[Samples], budget: int) -> Canvas:
    """Draw the charts on the canvas.

    Args:
        textures: H x W x 3 each, all with the same type of samples.
        budget: bytes; a larger canvas is stored in a file.
    """
    size = plan.height, plan.width
    colors = allocate((*size, 3), textures[0].dtype, budget)
    state = allocate(size, np.uint8, budget)
    for rows in strips(*size):
        colors[rows], state[rows] = 0, 0
    for place in plan.places:
        chart, margin = place.chart, place.margin
        if chart.whole:  # the texture continues beyond its borders
            reach = np.ceil(margin / place.factors).astype(int)
            grown = [round(step * factor) for step, factor in zip(reach, place.factors, strict=True)]
            piece = texels_of(textures[chart.texture], chart, int(reach[0]), int(reach[1]))
            size_ = place.width + 2 * grown[0], place.height + 2 * grown[1]
            cut = tuple(
                slice(one - margin, one + side + margin)
                for one, side in zip(grown[::-1], (place.height, place.width), strict=True)
            )
            colors[place.outer] = _resized(piece, *size_)[cut]
            state[place.outer], state[place.inner] = FILLED, COVERED
            continue
        colors[place.inner] = _resized(texels_of(textures[chart.texture], chart), place.width, place.height)
        state[place.inner] = drawn(place)
    return Canvas(plan, colors, state)


def fill_gaps(canvas: Canvas) -> None:
    """Fill empty pixels with a soft mixture of the colors around them, so that no edge there attracts strokes."""
    height, width = canvas.state.shape
    step = max(1, math.ceil(max(height, width) / _SOFT))
    size = math.ceil(width / step), math.ceil(height / step)
    weight = cv2.resize((canvas.state > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colors = np.empty((size[1], size[0], 3), np.float32)
    for rows in strips(size[1], size[0] * step * step):
        part = slice(rows.start * step, min(height, rows.stop * step))
        piece = floats(canvas.colors[part]) * (canvas.state[part] > 0)[..., None]
        colors[rows] = cv2.resize(piece, (size[0], rows.stop - rows.start), interpolation=cv2.INTER_AREA)
    soft = _pulled(colors, weight)
    for rows in strips(height, width):
        top = max(0, rows.start // step - 1)
        bottom = min(size[1], math.ceil(rows.stop / step) + 1)
        grown = cv2.resize(soft[top:bottom], None, fx=step, fy=step, interpolation=cv2.INTER_LINEAR)
        piece = grown[rows.start - top * step :][: rows.stop - rows.start, :width]
        gap = canvas.state[rows] == 0
        canvas.colors[rows][gap] = stored(piece, canvas.colors.dtype)[gap]


def _pulled(colors: Pixels, weight: Pixels) -> Pixels:
    """Fill in unknown colors from coarser and coarser grids (Gortler et al. 1996, push-pull).

    Args:
        colors: h x w x 3, multiplied by the weight.
        weight: h x w, 0..1, 0 where the color is unknown.
    """
    height, width = weight.shape
    if height * width == 1:
        return (colors / np.maximum(weight, 1e-6)[..., None]).astype(np.float32)
    size = (width + 1) // 2, (height + 1) // 2
    coarse = _pulled(
        cv2.resize(colors, size, interpolation=cv2.INTER_AREA),
        cv2.resize(weight, size, interpolation=cv2.INTER_AREA).clip(0, 1),
    )
    behind = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    found: Pixels = colors + (1 - weight.clip(0, 1))[..., None] * behind
    return found


def drawn(place: Place) -> NDArray[np.uint8]:
    """Return which of a chart's pixels show the object: height x width, `COVERED` or 0, without the margin."""
    corners = place.pixels(place.chart.texels) - (place.left, place.top)
    return (draw(corners, place.width, place.height) > 0).astype(np.uint8) * COVERED


def texels_of(texture: NDArray[Any], chart: Chart, beside: int = 0, above: int = 0) -> NDArray[Any]:
    """Return a chart's rectangle of its texture. Beyond the borders, the texture's wrap mode applies."""
    height, width = texture.shape[:2]
    wraps = chart.wraps
    columns = wrapped(np.arange(chart.left - beside, chart.left + chart.width + beside), width, wraps[0])
    rows = wrapped(np.arange(chart.top - above, chart.top + chart.height + above), height, wraps[1])
    if (np.diff(rows) == 1).all() and (np.diff(columns) == 1).all():
        return texture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return texture[rows[:, None], columns]


def wrapped(places: NDArray[np.int64], side: int | NDArray[np.int64], wrap: Wrap) -> NDArray[np.int64]:
    """Return the texels, 0..side - 1, that a wrap mode shows at places beyond a texture's borders."""
    if wrap == "repeat":
        return places % side
    if wrap == "mirror":
        return np.where(places // side % 2 == 0, places % side, side - 1 - places % side)
    return places.clip(0, side - 1)


def _resized(piece: Samples, width: int, height: int) -> Samples:
    if piece.shape[:2] == (height, width):
        return piece
    smaller = width < piece.shape[1] or height < piece.shape[0]
    return cv2.resize(
        np.ascontiguousarray(piece), (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    )
