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
from impasto.pixels.masks import FOUND, Mask, mask_of, warn_of_extent
from impasto.settings import check, setting
from impasto.styles.resolve import StyleRequest
from impasto.styles.style import Blend


@dataclass(frozen=True)
class Region:
    """A part of a photo with a style and settings of its own.

    Attributes:
        mask: a picture, white inside; or "person", "background", "faces", which are found in each photo by themselves.
            A file of such a name is "./person".
        style: as for `impasto.stylize`; "", the picture's own style; "none", or None, leaves the photo.
        strength: 0..100, percent of the picture's own strength.
        brush_size: 0.25..4 in place of the picture's own; None, that one.
    Raises:
        UsageError: strength or brush size is out of range.

    >>> region = impasto.Region("faces", strength=40)
    >>> impasto.stylize("photo.jpg", "starry-night", regions=[region], size=48)
    <Picture 48x27>
    """

    mask: Any = setting(None, "A picture, white inside; or person, background, faces.")
    style: Any = setting("", "The region's style; none leaves the photo.")
    strength: float = setting(100.0, "The region's strength, in percent of the picture's own.", 0, 100)
    brush_size: float | None = setting(None, "The region's brush size; the picture's own if not given.", 0.25, 4)

    def __post_init__(self) -> None:
        if self.mask is None or (isinstance(self.mask, str) and not self.mask):
            raise UsageError("a region has no mask", code="nothing-given")
        if self.style is None:
            object.__setattr__(self, "style", "none")
        check(self)

    @property
    def automatic(self) -> bool:
        """Whether each photo has a mask of its own."""
        return isinstance(self.mask, str) and self.mask in FOUND

    @property
    def settings(self) -> str:
        """Strength and brush size as the command line writes them, as far as they are not the picture's."""
        strength = "" if self.strength == 100 else f"strength={self.strength:g}"
        brush_size = "" if self.brush_size is None else f"brush-size={self.brush_size:g}"
        return ",".join(filter(None, (strength, brush_size)))


Regions: TypeAlias = "Mapping[Any, StyleRequest] | Iterable[Region | tuple[Source, StyleRequest]]"
"""{mask: style}, or a list of `Region`s and (mask, style). Later ones lie over earlier ones."""


@dataclass(frozen=True)
class Layer:
    """What paints a part of the photo, read and found; the ground is the first one.

    Attributes:
        blend: the style; None leaves the photo.
        mask: H x W; the name of one that each photo has; None for the ground.
        strength: 0..1 of the picture's own.
        brush_size: in place of the picture's own; None, that one.
        label: for the picture's metadata.
        as_ground: it has the ground's style, whatever that is.
    """

    blend: Blend | None
    mask: Mask | str | None = None
    strength: float = 1.0
    brush_size: float | None = None
    label: str = ""
    as_ground: bool = False

    @property
    def share(self) -> np.float32:
        """How much of the painting there is, of full strength."""
        return np.float32(0 if self.blend is None else self.strength)


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


def as_regions(regions: Regions | None) -> list[Region]:
    """Regions in order, whatever form they have.

    Raises:
        UsageError: it is neither {mask: style} nor a list of regions or pairs.
    """
    given: list[Any] = list(regions.items()) if isinstance(regions, Mapping) else list(regions or [])
    if not all(isinstance(one, Region) or (isinstance(one, tuple) and len(one) == 2) for one in given):
        hint = "{mask: style}, or a list of (mask, style) and impasto.Region"
        raise UsageError("the regions are no regions", hint, code="wrong-type")
    return [one if isinstance(one, Region) else Region(*one) for one in given]
