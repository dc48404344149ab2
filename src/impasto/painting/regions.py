"""Regions: parts of a photo, each with a style of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from impasto.errors import UsageError
from impasto.picture import Picture, Source
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.color import luminance
from impasto.pixels.masks import Mask
from impasto.styles.resolve import StyleRequest
from impasto.styles.style import Blend

Regions: TypeAlias = "Mapping[Any, StyleRequest] | Iterable[tuple[Source, StyleRequest]]"
"""Masks and what holds inside them: a style, or "none", which leaves that part of the photo as it is."""


@dataclass(frozen=True)
class Region:
    """A part of the photo and its style; None leaves it as it is."""

    mask: Mask
    style: Blend | None

    @property
    def label(self) -> str:
        return "none" if self.style is None else self.style.label


def read_mask(source: Source, *, max_pixels: int = MAX_PIXELS) -> Mask:
    """A mask from a picture: white is inside, black outside, gray a feathered edge; what is transparent is outside.

    Returns:
        H x W, float32, 0..1, in the mask's own size.
    Raises:
        PictureError: as `Picture.open`.
    """
    picture = Picture.open(source, max_pixels=max_pixels)
    inside = luminance(picture.pixels)
    return inside if picture.alpha is None else inside * picture.alpha


def region_pairs(regions: Regions | None) -> list[tuple[Any, Any]]:
    """Masks and what holds inside them, in order.

    Raises:
        UsageError: it is neither {mask: style} nor pairs of them.
    """
    pairs = list(regions.items()) if isinstance(regions, Mapping) else list(regions or [])
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise UsageError("regions are {mask: style}, or a list of (mask, style)", code="wrong-type")
    return pairs
