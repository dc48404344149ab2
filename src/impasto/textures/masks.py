"""Find the part of the canvas that a region covers: a material, a part of the model, a vertex group, or a picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.errors import UsageError
from impasto.painting.regions import Layer, Region, read_mask
from impasto.pixels.arrays import Pixels, fit, spread
from impasto.pixels.masks import Mask, fit_mask, layer
from impasto.textures.canvas import COVERED, Canvas, Place, texels_of
from impasto.textures.charts import draw
from impasto.textures.islands import Mesh
from impasto.textures.model import Surface

KINDS = ("material", "part", "group")
"""Words before a region's colon: a material; a mesh, node or object (part); a vertex group or joint (group)."""

_LONGEST = 2048  # longer side of a mask, in pixels


def check_regions(regions: Iterable[Region], surfaces: Sequence[Surface]) -> None:
    """Refuse regions that a model does not have.

    Raises:
        UsageError: there is no such material, part or group; or the mask is for photos only.
    """
    for region in regions:
        kind, name = _named(region)
        if not kind:
            _check_picture(region)
            continue
        names = sorted({one for surface in surfaces for one in _names(surface, kind) if one})
        if name not in names:
            hint = (
                ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") if names else f"it has no {kind} with a name"
            )
            raise UsageError(f"the model has no {kind} {name!r} with a texture", hint, code="unknown-choice")


def _check_picture(region: Region) -> None:
    hint = "use material:NAME, part:NAME, group:NAME, or a mask with the layout of the textures"
    if region.automatic:
        raise UsageError(f"the mask {region.mask} exists for photos, not for models", hint, code="conflict")
    if isinstance(region.mask, (str, os.PathLike)) and not os.path.exists(region.mask):
        raise UsageError(f"there is no file {region.mask}, and no such part", hint, code="no-such-file")


def drawn(region: Region, canvas: Canvas, mesh: Mesh, surfaces: Sequence[Surface]) -> Region:
    """Return the region with its mask drawn on the canvas, at most `_LONGEST` pixels a side."""
    plan = canvas.plan
    width, height = fit(plan.width, plan.height, min(_LONGEST, max(plan.width, plan.height)))
    share = np.array([width / plan.width, height / plan.height])
    kind, name = _named(region)
    if kind:
        values = np.concatenate([_values(surface, kind, name) for surface in surfaces])
        mask, seen = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
        for place in plan.places:
            _draw(place, values[place.chart.triangles], mesh, share, mask, seen)
    else:
        mask, seen = _laid(read_mask(region.mask), canvas, mesh, width, height)
    near: Mask = np.ascontiguousarray(spread(mask[:, :, None], seen)[:, :, 0])
    return replace(region, mask=near)


def left_alone(layers: Sequence[Layer]) -> Mask | None:
    """Return the unpainted share of each pixel of the canvas, from regions without style or strength.

    Args:
        layers: the ground and the regions, with masks of one size.
    Returns:
        H x W, 0..1; None if everything is painted.
    """
    if all(one.share > 0 for one in layers):
        return None
    shares = layer([one.mask for one in layers[1:] if isinstance(one.mask, np.ndarray)])
    left: Mask = sum(share for share, one in zip(shares, layers, strict=True) if not one.share)
    return left


def _named(region: Region) -> tuple[str, str]:
    """Return kind and name of a region; ("", "") if its mask is a picture."""
    kind, colon, name = region.mask.partition(":") if isinstance(region.mask, str) else ("", "", "")
    return (kind, name) if colon and kind in KINDS else ("", "")


def _names(surface: Surface, kind: str) -> Iterable[str]:
    if kind == "material":
        return [surface.material]
    return surface.parts if kind == "part" else surface.groups


def _values(surface: Surface, kind: str, name: str) -> NDArray[np.float32]:
    """Return each triangle's share of a region, T, 0..1."""
    if kind == "group" and name in surface.groups:
        return surface.groups[name].mean(axis=1)
    return np.full(len(surface.positions), name in _names(surface, kind), np.float32)


def _draw(
    place: Place, values: NDArray[np.float32], mesh: Mesh, share: NDArray[np.float64], mask: Pixels, seen: Pixels
) -> None:
    height, width = mask.shape
    rows, columns = (
        slice(max(0, int(part.start * one)), min(side, int(np.ceil(part.stop * one))))
        for part, one, side in zip(place.inner, share[::-1], (height, width), strict=True)
    )
    if place.chart.whole:
        areas = mesh.areas[place.chart.triangles]
        mask[rows, columns], seen[rows, columns] = np.average(values, weights=areas + 1e-30).round(), 1
        return
    corners = place.pixels(place.chart.texels) * share - (columns.start, rows.start)
    size = columns.stop - columns.start, rows.stop - rows.start
    order = np.argsort(values, kind="stable")  # where islands overlap, draw the region last
    seen[rows, columns] = draw(corners, *size) > 0
    mask[rows, columns] = draw(corners[order], *size, values[order].astype(np.float64)) / np.float32(255)


def _laid(given: Mask, canvas: Canvas, mesh: Mesh, width: int, height: int) -> tuple[Pixels, Pixels]:
    """Return a picture with the layout of the textures as a mask on the canvas."""
    whole = np.zeros((canvas.plan.height, canvas.plan.width), np.float32)
    for place in canvas.plan.places:
        columns, rows = mesh.sizes[place.chart.texture]
        piece = texels_of(fit_mask(given, int(columns), int(rows)), place.chart)
        whole[place.inner] = cv2.resize(np.ascontiguousarray(piece), (place.width, place.height))
    seen = (canvas.state == COVERED).astype(np.float32)
    mask, share = (cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in (whole * seen, seen))
    return mask / np.maximum(share, 1e-6), share
