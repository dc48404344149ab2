"""Regions: parts of a photo with a style of their own."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from impasto.errors import PictureError, UsageError
from impasto.picture import Picture, Source
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.masks import FOUND, Mask, mask_of, warn_of_extent
from impasto.settings import check, setting
from impasto.styles.resolve import StyleRequest
from impasto.styles.style import Blend


@dataclass(frozen=True)
class Region:
    """A part of a photo with its own style, strength and brush size.

    Attributes:
        mask: a picture, white inside; or "person", "background" or "faces", which Impasto finds in each photo. Write
            "./person" for a file of such a name.
        style: as for `impasto.stylize`. "" uses the picture's style; "none" or None leaves the photo unpainted.
        strength: 0..100, in percent of the picture's strength.
        brush_size: 0.25..4; None uses the picture's brush size.
    Raises:
        UsageError: strength or brush size is out of range, or there is no mask.

    >>> faces, sky = impasto.Region("faces", strength=40), impasto.Region("sky.png", "udnie", brush_size=2)
    >>> faces.automatic, sky.automatic
    (True, False)
    """

    mask: Any = setting(None, "A picture, white inside; or person, background, faces.")
    style: Any = setting("", "The region's style; none leaves the photo unpainted.")
    strength: float = setting(100.0, "The region's strength, in percent of the picture's strength.", 0, 100)
    brush_size: float | None = setting(None, "The region's brush size; default: the picture's.", 0.25, 4)

    def __post_init__(self) -> None:
        if self.mask is None or (isinstance(self.mask, str) and not self.mask):
            raise UsageError("a region has no mask", code="nothing-given")
        if self.style is None:
            object.__setattr__(self, "style", "none")
        check(self)

    @property
    def automatic(self) -> bool:
        """True if the mask is found in each photo."""
        return isinstance(self.mask, str) and self.mask in FOUND

    @property
    def settings(self) -> str:
        """Strength and brush size in the command line's notation, where they differ from the picture's."""
        strength = "" if self.strength == 100 else f"strength={self.strength:g}"
        brush_size = "" if self.brush_size is None else f"brush-size={self.brush_size:g}"
        return ",".join(filter(None, (strength, brush_size)))


Regions: TypeAlias = "Mapping[Any, StyleRequest] | Iterable[Region | tuple[Source, StyleRequest]]"
"""{mask: style}, or a list of `Region`s and pairs (mask, style). Later regions lie over earlier ones."""


@dataclass(frozen=True)
class Layer:
    """A part of the photo with its style, ready to paint. The first layer is the ground.

    Attributes:
        blend: the style; None leaves the photo unpainted.
        mask: H x W; or the name of a mask that is found in each photo; None for the ground.
        strength: 0..1, relative to the picture's strength.
        brush_size: the layer's own brush size; None uses the picture's.
        label: for the picture's metadata.
        as_ground: the layer uses the style of the ground.
    """

    blend: Blend | None
    mask: Mask | str | None = None
    strength: float = 1.0
    brush_size: float | None = None
    label: str = ""
    as_ground: bool = False

    @property
    def share(self) -> np.float32:
        """The painting's share of the layer, relative to full strength."""
        return np.float32(0 if self.blend is None else self.strength)


def read_mask(source: Source, *, max_pixels: int = MAX_PIXELS, untrusted: bool = False) -> Mask:
    """Read a mask from a picture, as `mask_of` does. Arrays of labels may have any integer type.

    Warn if the mask covers nothing or everything, or if it is an animation, of which the first frame is used.

    Returns:
        H x W, float32, 0..1, at the mask's own size.
    Raises:
        PictureError: as `Picture.open`.
        UsageError: the picture is a map of several labels.
    """
    name = f"the mask {source}" if isinstance(source, (str, os.PathLike)) else "the mask"
    try:
        picture = Picture.open(_as_samples(source), max_pixels=max_pixels, untrusted=untrusted)
    except PictureError as error:
        if error.code == "no-such-file" and not error.hint:
            hint = "a mask is a picture, or person, background or faces"
            raise PictureError(error.message, hint, code=error.code) from None
        raise
    if picture.frames:
        warnings.warn(f"{name} is an animation; its first frame is used", stacklevel=2)
    mask = mask_of(picture.samples, picture.alpha, name)
    warn_of_extent(mask, name)
    return mask


def _as_samples(source: Source) -> Source:
    """Convert an array of labels to a sample type. Return anything else unchanged."""
    if not isinstance(source, np.ndarray) or source.dtype.kind not in "iu" or not source.size:
        return source
    if source.dtype in (np.uint8, np.uint16) or source.min() < 0 or source.max() > 65535:
        return source
    return source.astype(np.uint8 if source.max() <= 255 else np.uint16)


def as_regions(regions: Regions | None) -> list[Region]:
    """Convert regions of any form to a list of `Region`, in order.

    Raises:
        UsageError: the value is neither {mask: style} nor a list of regions or pairs.
    """
    given: list[Any] = list(regions.items()) if isinstance(regions, Mapping) else list(regions or [])
    if not all(isinstance(one, Region) or (isinstance(one, tuple) and len(one) == 2) for one in given):
        hint = "pass {mask: style}, or a list of (mask, style) and impasto.Region"
        raise UsageError("regions have the wrong type", hint, code="wrong-type")
    return [one if isinstance(one, Region) else Region(*one) for one in given]
