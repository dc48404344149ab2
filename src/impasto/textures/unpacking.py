"""Write the painted canvas back into the textures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Samples
from impasto.pixels.masks import Mask
from impasto.textures.canvas import Place, Plan
from impasto.textures.charts import draw

_ROWS = 1024  # texel rows processed at a time
_LEFT = 0.999  # unpainted share, above which a texel is not changed
_BLEED = 64  # the margin is 1 / 64 of a texture's longer side, because mipmaps mix it in


def unpack(
    picture: Samples, plan: Plan, textures: Sequence[Samples], left: Mask | None = None
) -> list[NDArray[np.bool_]]:
    """Write the painted canvas over the textures, in place: the charts, and around them their margins.

    Args:
        picture: H x W x 3, the painted canvas.
        textures: H x W x 3 each.
        left: h x w, for the canvas, of any size: textures do not change where it is 1; None: they change everywhere.
    Returns:
        For each texture, H x W: True for painted texels.
    """
    found = []
    for number, texture in enumerate(textures):
        height, width = texture.shape[:2]
        bleed = max(4, max(height, width) // _BLEED)
        near = np.full((height, width), 255, np.uint8)  # distance from the nearest chart, in texels
        written = np.zeros((height, width), np.bool_)
        for place in plan.places:
            if place.chart.texture == number:
                _write(picture, place, texture, near, written, bleed, _stays(place, plan, left))
        found.append(written)
    return found


def _stays(place: Place, plan: Plan, left: Mask | None) -> Callable[[NDArray[np.int64], NDArray[np.int64]], Any]:
    """Return a function from rows and columns to True for texels of a chart that do not change."""
    if left is None:
        return lambda rows, columns: np.zeros((len(rows), len(columns)), np.bool_)
    share = np.array([left.shape[1] / plan.width, left.shape[0] / plan.height])

    def ask(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        x, y = (
            place.pixels(np.stack([one + 0.5, one + 0.5], axis=1))[:, axis] * share[axis]
            for axis, one in enumerate((columns, rows))
        )
        x, y = (one.astype(int).clip(0, side - 1) for one, side in zip((x, y), left.shape[::-1], strict=True))
        return left[y[:, None], x] > _LEFT

    return ask


def _write(
    picture: Samples,
    place: Place,
    texture: Samples,
    near: NDArray[np.uint8],
    written: NDArray[np.bool_],
    bleed: int,
    stays: Callable[[NDArray[np.int64], NDArray[np.int64]], Any],
) -> None:
    chart = place.chart
    height, width = texture.shape[:2]
    reach = 0 if chart.whole else max(0, min(bleed, int(place.margin / place.factors.max()) - 1))
    beside, above = (  # a margin must not wrap around to the chart itself
        max(0, min(reach, (side - own) // 2)) for side, own in ((width, chart.width), (height, chart.height))
    )
    left, right = chart.left - beside, chart.left + chart.width + beside
    columns = np.arange(left, right)
    for top in range(chart.top - above, chart.top + chart.height + above, _ROWS):
        bottom = min(top + _ROWS, chart.top + chart.height + above)
        rows = np.arange(top, bottom)
        piece = _piece(picture, place, left, top, right - left, bottom - top)
        if chart.whole:
            distance = np.full((len(rows), len(columns)), 254, np.uint8)  # all other charts lie over it
        else:
            distance = _distance(chart.texels - (left, top - reach), right - left, bottom - top + 2 * reach)
            distance = distance[reach : reach + bottom - top]
        inside = [
            np.flatnonzero((places >= 0) & (places < side) | (wrap == "repeat"))
            for places, side, wrap in zip((rows, columns), (height, width), chart.wraps[::-1], strict=True)
        ]
        distance, piece = (one[inside[0][:, None], inside[1]] for one in (distance, piece))
        shown = rows[inside[0]], columns[inside[1]]
        at = shown[0][:, None] % height, shown[1] % width
        use = (distance < near[at]) & ((distance <= reach) | chart.whole)
        paint = use & ~stays(*shown)
        texture[at] = np.where(paint[..., None], piece, texture[at])
        written[at] = np.where(use, paint, written[at])
        near[at] = np.where(use, distance, near[at])


def _distance(corners: NDArray[np.float64], width: int, height: int) -> NDArray[np.uint8]:
    """Return each pixel's distance from the triangles: 0 on them, at most 255."""
    near = (corners[..., 1].max(axis=1) >= 0) & (corners[..., 1].min(axis=1) <= height)
    empty = (draw(corners[near], width, height) == 0).astype(np.uint8)
    return cv2.distanceTransform(empty, cv2.DIST_L2, 3).clip(0, 255).astype(np.uint8)


def _piece(picture: Samples, place: Place, left: int, top: int, width: int, height: int) -> Samples:
    """Return a rectangle of texels, read from the canvas."""
    start = place.pixels(np.array([left, top], np.float64))
    factors = place.factors
    if (factors == 1).all():
        x, y = np.round(start).astype(int)
        if x >= 0 and y >= 0 and y + height <= picture.shape[0] and x + width <= picture.shape[1]:
            return picture[y : y + height, x : x + width]
    low = np.floor(start).astype(int) - 4
    high = np.ceil(start + (width, height) * factors).astype(int) + 4
    low, high = np.maximum(low, 0), np.minimum(high, picture.shape[1::-1])
    piece = np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]])
    if factors.max() > 1.2:
        piece = cv2.GaussianBlur(piece, (0, 0), sigmaX=max(0.1, 0.4 * factors[0]), sigmaY=max(0.1, 0.4 * factors[1]))
    offset = start - low + factors / 2 - 0.5
    way = np.array([[factors[0], 0, offset[0]], [0, factors[1], offset[1]]])
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(piece, way, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
