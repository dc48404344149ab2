"""Find what lies across a seam: for a pixel near the border of a chart, the same place in another chart."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Samples, floats, stored
from impasto.textures.canvas import COVERED, FILLED, Canvas, Place, Plan
from impasto.textures.charts import Layout
from impasto.textures.islands import Seams

Window: TypeAlias = "tuple[slice, slice]"
_SIDE = 512  # side of a window, in pixels
_STEP = 1.5  # pixels beyond an edge that still belong to the drawn side
_EDGE = 0.1  # color difference across a seam, above which the object has an edge there
_RATIO = 4.0  # largest ratio of the lengths of a seam's sides; beyond it, the sides are not linked


@dataclass(frozen=True, eq=False)
class Links:
    """The seams between two charts, or of a chart with itself, seen from one side, in pixels of the canvas.

    Attributes:
        own, other: the charts' numbers.
        start, along, out: E x 2, on the own side: the beginning of an edge, its direction, and the direction outwards.
            Both directions are unit vectors.
        length: E, of the edge.
        other_start, other_along, other_in: E x 2, the same on the other side: a step along the edge, and a step from
            the edge into the other chart.
        trust: E, 0..1, the degree to which both sides are one surface: low where the object has a color edge.
    """

    own: int
    other: int
    start: NDArray[np.float64]
    along: NDArray[np.float64]
    out: NDArray[np.float64]
    length: NDArray[np.float64]
    other_start: NDArray[np.float64]
    other_along: NDArray[np.float64]
    other_in: NDArray[np.float64]
    trust: NDArray[np.float64]

    def scaled(self, factor: float) -> Links:
        """Return the links on a canvas whose sides are `factor` times as long."""
        return replace(
            self,
            start=self.start * factor,
            length=self.length * factor,
            other_start=self.other_start * factor,
        )

    def at(self, rows: NDArray[np.int64]) -> Links:
        """Return some of the edges."""
        arrays = {one.name: getattr(self, one.name) for one in fields(self) if one.name not in ("own", "other")}
        return replace(self, **{name: values[rows] for name, values in arrays.items()})


class Across(NamedTuple):
    """What lies across a seam, for each pixel of a window: h x w each, float32.

    Attributes:
        other: the chart across the seam.
        window: rows and columns.
        x, y: the same place in the other chart, in the coordinates of OpenCV's `remap`.
        distance: from the seam, in pixels.
        beyond: distance beyond the seam, in pixels; negative on the own side.
        ratio: pixels of the other chart for one pixel of the own chart.
        trust: of the edge, as in `Links`.
    """

    other: int
    window: Window
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    distance: NDArray[np.float32]
    beyond: NDArray[np.float32]
    ratio: NDArray[np.float32]
    trust: NDArray[np.float32]


def find_links(plan: Plan, layout: Layout, seams: Seams) -> list[Links]:
    """Find the seams of a model on its canvas; or its borders, across which its mirror image lies."""
    sides = []
    for triangles, points in (
        (seams.own, (seams.start, seams.end, seams.inside)),
        (seams.other, (seams.other_start, seams.other_end, seams.other_inside)),
    ):
        charts, shift = layout.chart_of[triangles], layout.shift[triangles]
        first = np.array([(p.chart.left, p.chart.top) for p in plan.places], np.float64)[charts]
        factors = np.array([p.factors for p in plan.places])[charts]
        corner = np.array([(p.left, p.top) for p in plan.places], np.float64)[charts]
        sides.append((charts, [(one * shift[..., 0] + shift[..., 1] - first) * factors + corner for one in points]))
    (own, here), (other, there) = sides
    whole = np.array([place.chart.whole for place in plan.places])
    use = (own >= 0) & (other >= 0) & ~whole[own] & ~whole[other]
    return _linked(own[use], other[use], [p[use] for p in here], [p[use] for p in there])


def trusted(canvas: Canvas, links: Sequence[Links]) -> list[Links]:
    """Measure color edges of the object along seams. The two sides of such a seam are not mixed."""
    if not links:
        return []
    names = [one.name for one in fields(Links) if one.name not in ("own", "other")]
    every = Links(0, 0, **{name: np.concatenate([getattr(one, name) for one in links]) for name in names})
    trust = 1 / (1 + (_steps(canvas, every) / _EDGE) ** 2)
    parts = np.split(trust, np.cumsum([len(one.length) for one in links])[:-1])
    return [replace(one, trust=part) for one, part in zip(links, parts, strict=True)]


def _steps(canvas: Canvas, links: Links) -> NDArray[np.float64]:
    """Return the color difference between places slightly inside both charts, E, 0..1."""
    sides = []
    for start, along, into in (
        (links.start, links.along, -links.out),
        (links.other_start, links.other_along, links.other_in),
    ):
        total, count = np.zeros((len(start), 3)), np.zeros((len(start), 1))
        for share, depth in itertools.product((0.2, 0.5, 0.8), (1.0, 2.5, 4.0)):
            places = np.floor(start + (share * links.length)[:, None] * along + depth * into).astype(int)
            x, y = (places[:, axis].clip(0, canvas.state.shape[1 - axis] - 1) for axis in range(2))
            seen = (canvas.state[y, x] == COVERED)[:, None]
            total += np.where(seen, floats(canvas.colors[y, x]), 0)
            count += seen
        sides.append((total / np.maximum(count, 1), count > 0))
    (own, there), (other, also) = sides
    step: NDArray[np.float64] = np.where((there & also)[:, 0], np.abs(own - other).mean(axis=1), 0)
    return step


def find_borders(plan: Plan) -> list[Links]:
    """Find the borders at which repeating textures meet themselves."""
    return [one for index, place in enumerate(plan.places) if place.chart.whole for one in _borders(index, place)]


def _linked(
    own: NDArray[np.int64],
    other: NDArray[np.int64],
    here: Sequence[NDArray[np.float64]],
    there: Sequence[NDArray[np.float64]],
) -> list[Links]:
    start, along, length, out = _frame(*here)
    other_start, other_along, other_length, other_out = _frame(*there)
    good = (length > 1e-3) & (other_length > 1e-3)
    scale = other_length / np.maximum(length, 1e-3)
    good &= (scale < _RATIO) & (scale > 1 / _RATIO)
    ratio = scale[:, None]
    every = Links(
        0, 0, start, along, out, length, other_start, other_along * ratio, -other_out * ratio, np.ones(len(own))
    )
    order = np.flatnonzero(good)[np.lexsort((other[good], own[good]))]
    ends = np.flatnonzero(np.diff(own[order]) | np.diff(other[order])) + 1
    groups = np.split(order, ends) if len(order) else []
    return [replace(every.at(rows), own=int(own[rows[0]]), other=int(other[rows[0]])) for rows in groups]


def _frame(
    start: NDArray[np.float64], end: NDArray[np.float64], inside: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return for edges: start, direction, length, and the direction away from the triangle."""
    way = end - start
    length = np.linalg.norm(way, axis=1)
    along = way / np.maximum(length, 1e-9)[:, None]
    out = np.stack([along[:, 1], -along[:, 0]], axis=1)
    out *= np.where(((inside - start) * out).sum(axis=1) > 0, -1, 1)[:, None]
    return start, along, length, out


def _borders(index: int, place: Place) -> list[Links]:
    """Link the borders of a repeating texture with the opposite ones."""
    left, top = place.left, place.top
    right, bottom = left + place.width, top + place.height
    sides = {"left": (left, top, left, bottom), "right": (right, top, right, bottom)}
    sides |= {"top": (left, top, right, top), "bottom": (left, bottom, right, bottom)}
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}
    middle = np.array([[(left + right) / 2, (top + bottom) / 2]])
    found = []
    for name, side in sides.items():
        if place.chart.wraps[name in ("top", "bottom")] == "repeat":
            ends = [np.array([side[:2]], float), np.array([side[2:]], float), middle]
            far = sides[opposite[name]]
            others = [np.array([far[:2]], float), np.array([far[2:]], float), middle]
            found += _linked(np.array([index]), np.array([index]), ends, others)
    return found


def windows(plan: Plan, size: tuple[int, ...], links: Sequence[Links]) -> Iterator[tuple[int, Window, list[Across]]]:
    """Yield the windows of a canvas near seams: the chart, rows and columns, and what lies across each seam.

    Args:
        size: height and width of the canvas: the plan's, or others of the same proportions. Links are in its pixels.
    """
    factor = size[1] / plan.width
    by_chart: dict[int, list[Links]] = {}
    for one in links:
        by_chart.setdefault(one.own, []).append(one)
    for index, near in by_chart.items():
        reach = plan.places[index].margin * factor + 1
        rows, columns = (
            slice(int(part.start * factor), min(int(np.ceil(part.stop * factor)), side))
            for part, side in zip(plan.places[index].outer, size, strict=False)
        )
        for top in range(rows.start, rows.stop, _SIDE):
            for left in range(columns.start, columns.stop, _SIDE):
                bottom, right = min(top + _SIDE, rows.stop), min(left + _SIDE, columns.stop)
                window = slice(top, bottom), slice(left, right)
                parts = [part for one in near if (part := _near(one, (left, top, right, bottom), reach)) is not None]
                found = [seen for part in parts if (seen := across(part, window, reach)) is not None]
                if found:
                    yield index, window, found


def _near(links: Links, box: tuple[int, int, int, int], reach: float) -> Links | None:
    """Return the edges that lie within `reach` of a rectangle."""
    end = links.start + links.along * links.length[:, None]
    low, high = np.minimum(links.start, end) - reach, np.maximum(links.start, end) + reach
    rows = np.flatnonzero((low[:, 0] < box[2]) & (high[:, 0] > box[0]) & (low[:, 1] < box[3]) & (high[:, 1] > box[1]))
    if not len(rows):
        return None
    return links.at(rows)


def across(links: Links, window: Window, reach: float) -> Across | None:
    """Find what lies across the nearest edge, for the part of a window with an edge within `reach` pixels."""
    ends = links.start + links.along * links.length[:, None]
    points = np.concatenate([links.start, ends])
    low, high = np.floor(points.min(axis=0) - reach).astype(int), np.ceil(points.max(axis=0) + reach).astype(int)
    columns, rows = (
        slice(max(part.start, int(low[axis])), min(part.stop, int(high[axis])))
        for axis, part in enumerate((window[1], window[0]))
    )
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    margin = int(np.ceil(reach)) + 1
    left, top = columns.start - margin, rows.start - margin
    size = rows.stop - rows.start + 2 * margin, columns.stop - columns.start + 2 * margin
    drawn = np.zeros(size, np.int32)
    for number, (start, end) in enumerate(zip(links.start - (left, top), ends - (left, top), strict=True), 1):
        cv2.line(drawn, _pixel(start), _pixel(end), number, 1)
    if not drawn.any():
        return None
    empty = (drawn == 0).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    numbers = np.zeros(labels.max() + 1, np.int64)
    numbers[labels[empty == 0]] = drawn[empty == 0] - 1
    edge = numbers[labels[margin:-margin, margin:-margin]]
    origin = np.array([columns.start, rows.start]) - 0.5  # keeps numbers small, for float32
    table = [links.start - origin, links.along, links.out, links.length[:, None]]
    table += [links.other_start, links.other_along, links.other_in, links.trust[:, None]]
    near = np.concatenate(table, axis=1).astype(np.float32)[edge]
    x = np.arange(edge.shape[1], dtype=np.float32)[None] + 1 - near[..., 0]
    y = np.arange(edge.shape[0], dtype=np.float32)[:, None] + 1 - near[..., 1]
    step = x * near[..., 2] + y * near[..., 3]
    beyond = x * near[..., 4] + y * near[..., 5]
    over = np.maximum(0, np.maximum(-step, step - near[..., 6]))
    x = near[..., 7] + step * near[..., 9] + beyond * near[..., 11] - np.float32(0.5)
    y = near[..., 8] + step * near[..., 10] + beyond * near[..., 12] - np.float32(0.5)
    ratio = np.hypot(near[..., 9], near[..., 10])
    return Across(links.other, (rows, columns), x, y, np.hypot(beyond, over), beyond, ratio, near[..., 13])


def _pixel(point: NDArray[np.float64]) -> tuple[int, int]:
    """Convert a point to integers for OpenCV, within its range."""
    x, y = np.floor(point).clip(-30000, 30000).astype(int).tolist()
    return x, y


def fill_margins(canvas: Canvas, links: Sequence[Links], on_window: Callable[[], None] = lambda: None) -> None:
    """Fill the margins of all charts with what lies across their seams. Run twice, for charts narrower than a margin.

    Args:
        on_window: called after every part of the work. It may raise.
    """
    plan, colors, state = canvas.plan, canvas.colors, canvas.state
    for _ in range(2):
        for index, window, near in windows(plan, state.shape, links):
            on_window()
            if state[window].all():
                continue
            nearest = np.full(state[window].shape, np.inf, np.float32)
            for found in near:
                part = inside(found.window, window)
                shown = _read(state, found, cv2.INTER_NEAREST)
                shown *= _lies_in(found, plan.places[found.other])
                use = (state[found.window] == 0) & (found.beyond > 0) & (shown > 0) & (found.distance < nearest[part])
                use &= found.distance <= plan.places[index].margin
                if use.any():
                    piece = _read(colors, found)
                    colors[found.window][use] = piece[use]
                    nearest[part][use] = found.distance[use]
            state[window][np.isfinite(nearest)] = FILLED


def _read(canvas: NDArray[Any], found: Across, how: int = cv2.INTER_LINEAR) -> NDArray[Any]:
    """Read the canvas across a seam. OpenCV gets only the needed part, because it is limited to 2 GB."""
    height, width = canvas.shape[:2]
    left, right = (int(one.clip(0, width - 1)) for one in (found.x.min() - 1, found.x.max() + 2))
    top, bottom = (int(one.clip(0, height - 1)) for one in (found.y.min() - 1, found.y.max() + 2))
    part = canvas[top : bottom + 1, left : right + 1]
    x, y = found.x - np.float32(left), found.y - np.float32(top)
    return cv2.remap(np.ascontiguousarray(part), x, y, how, borderMode=cv2.BORDER_REPLICATE)


def inside(part: Window, window: Window) -> Window:
    """Return a part of a window relative to the window's corner."""
    rows, columns = (
        slice(one.start - whole.start, one.stop - whole.start) for one, whole in zip(part, window, strict=True)
    )
    return rows, columns


def joined(
    picture: Samples,
    canvas: Canvas,
    links: Sequence[Links],
    width: float,
    on_window: Callable[[], None] = lambda: None,
) -> None:
    """Mix the two painted sides of each seam, in place. At the seam both sides become equal.

    Beyond a seam, a chart's margin becomes a copy of the other side.

    Args:
        picture: H x W x 3, the painted canvas, in its size or another of the same proportions.
        width: distance from the seam, in pixels of the picture, from which on a side is not mixed.
        on_window: called after every part of the work. It may raise.
    """
    plan = canvas.plan
    factor = picture.shape[1] / plan.width
    scaled = [one.scaled(factor) for one in links]
    changed: list[tuple[Window, Samples]] = []
    for index, window, near in windows(plan, picture.shape, scaled):
        on_window()
        covered = _state_in(canvas, window, picture.shape) == COVERED
        own = floats(picture[window])
        total, weight = own.copy(), np.ones(covered.shape, np.float32)
        nearest = np.full(covered.shape, np.inf, np.float32)
        margin = plan.places[index].margin * factor
        for found in near:
            part = inside(found.window, window)
            there = _lies_in(found, plan.places[found.other], factor)
            painted = max(1.0, 0.75 * plan.places[found.other].margin * factor)  # farther out, strokes lack context
            away = found.distance * np.maximum(found.ratio / min(painted, width), 1 / width)
            share = np.where(there, _falling(away), 0)
            mixed = share * found.trust
            within = covered[part] & (found.beyond < _STEP) & (mixed > 0)
            out = (
                there & ~covered[part] & (found.beyond > -_STEP) & (found.distance < np.minimum(nearest[part], margin))
            )
            if not within.any() and not out.any():
                continue
            piece = floats(_read(picture, found))
            total[part] += np.where(within, mixed, 0)[..., None] * piece
            weight[part] += np.where(within, mixed, 0)
            total[part] = np.where(out[..., None], share[..., None] * own[part] + piece, total[part])
            weight[part] = np.where(out, 1 + share, weight[part])
            nearest[part] = np.where(out, found.distance, nearest[part])
        if (weight != 1).any():
            changed.append((window, stored(total / weight[..., None], picture.dtype)))
    for window, piece in changed:
        picture[window] = piece


def _lies_in(found: Across, place: Place, factor: float = 1.0) -> NDArray[np.bool_]:
    """Return True for pixels whose place lies within the margin of another chart."""
    rows, columns = place.outer
    inside_ = (found.x >= columns.start * factor) & (found.x <= columns.stop * factor - 1)
    return inside_ & (found.y >= rows.start * factor) & (found.y <= rows.stop * factor - 1)


def _falling(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fall smoothly from 1 at 0 to 0 at 1 and above."""
    rest = 1 - share.clip(0, 1)
    return rest * rest * (3 - 2 * rest)


def _state_in(canvas: Canvas, window: Window, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the state of a window's pixels, for a canvas of that shape."""
    rows, columns = (
        ((np.arange(part.start, part.stop) + 0.5) * (side / new)).astype(int).clip(0, side - 1)
        for part, side, new in zip(window, canvas.state.shape, shape, strict=False)
    )
    return canvas.state[rows[:, None], columns]
