"""Regions: parts of a photo, each with a style of its own."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from impasto.errors import UsageError
from impasto.picture import Picture, Source
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.masks import Mask, mask_of, warn_of_extent
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


def read_mask(source: Source, *, max_pixels: int = MAX_PIXELS, untrusted: bool = False) -> Mask:
    """A mask from a picture, as `mask_of` takes it; arrays of labels may be of any integer type.

    Warns where it covers nothing or everything, or is an animation, of which the first frame counts.

    Returns:
        H x W, float32, 0..1, in the mask's own size.
    Raises:
        PictureError: as `Picture.open`.
        UsageError: it is a map of several labels.
    """
    name = f"the mask {source}" if isinstance(source, (str, os.PathLike)) else "the mask"
    picture = Picture.open(_as_samples(source), max_pixels=max_pixels, untrusted=untrusted)
    if picture.frames:
        warnings.warn(f"{name} is an animation; its first frame is the mask", stacklevel=2)
    mask = mask_of(picture.samples, picture.alpha, name)
    warn_of_extent(mask, name)
    return mask


def _as_samples(source: Source) -> Source:
    """An array of labels in a type of samples; anything else as it is."""
    if not isinstance(source, np.ndarray) or source.dtype.kind not in "iu" or not source.size:
        return source
    if source.dtype in (np.uint8, np.uint16) or source.min() < 0 or source.max() > 65535:
        return source
    return source.astype(np.uint8 if source.max() <= 255 else np.uint16)


def region_pairs(regions: Regions | None) -> list[tuple[Any, Any]]:
    """Masks and what holds inside them, in order.

    Raises:
        UsageError: it is neither {mask: style} nor pairs of them.
    """
    pairs = list(regions.items()) if isinstance(regions, Mapping) else list(regions or [])
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise UsageError("regions are {mask: style}, or a list of (mask, style)", code="wrong-type")
    return pairs
