"""The controls that all engines share.

Command line options and web widgets are generated from the fields of `Controls`. Defaults, ranges, help texts and
labels are defined here and nowhere else.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

from impasto.pixels.arrays import fit
from impasto.settings import check, setting

NATURAL_SIDE = 640
"""The longer side of a photo, in pixels, at which strokes have their natural size."""

_LONGEST = 2  # aspect ratio; a longer panorama is painted with as many pixels as one of 2:1

KeepColor = Literal["none", "luminance", "histogram", "coral"]
Tone = Literal["none", "match"]


@dataclass(frozen=True)
class Controls:
    """Set how a picture is painted, with any engine.

    Attributes:
        strength: 0..100. Blend between the photo (0) and the style (100). At 0 the result is the photo itself.
        keep_color: "none"; "luminance": the result's luminance with the photo's colors; "histogram" or "coral": match
            the style's colors to the photo's before painting.
        tone: "none"; "match": match the result's brightness and contrast to the photo's.
        brush_size: 0.25..4. The size of the strokes, relative to the picture. At 1 strokes have their natural size,
            whatever the photo's size.
        boldness: 0..100. Above 0 the picture is painted a second time, over the first painting. Strokes and outlines
            become stronger, and details of the photo fewer. At 100 the second painting sees nothing of the photo.
            Painting takes up to twice as long.
        detail: 0..100. The share of the photo's own fine detail that is added to the result. It has an effect where the
            photo is larger than what was painted.
        size: the longer side of the result in pixels; None, the photo's own size.
        seed: for engines that draw random numbers. The painter draws none.
    Raises:
        UsageError: a value has the wrong type or is out of its range.

    >>> controls = impasto.Controls(strength=80, size=1200)
    >>> controls.output_size(4000, 3000)
    (1200, 900)
    """

    strength: float = setting(100.0, "Blend between the photo (0) and the style (100).", 0, 100, label="Strength")
    keep_color: KeepColor = setting(
        "none",
        "Keep the photo's colors: take only the result's luminance, or first match the style's colors to the photo's "
        "by histogram or by covariance (coral).",
        label="Keep the photo's colors",
    )
    tone: Tone = setting(
        "none", "Match the result's brightness and contrast to the photo's.", label="Brightness and contrast"
    )
    brush_size: float = setting(
        1.0,
        "Size of the strokes, relative to the picture; 0.25 paints a large photo finely.",
        0.25,
        4,
        label="Brush size",
    )
    boldness: float = setting(
        0.0,
        "Paint a second time over the first painting, for bolder strokes and fewer details; takes up to twice as long.",
        0,
        100,
        label="Boldness",
    )
    detail: float = setting(
        60.0,
        "Share of the photo's own fine detail to add, in photos above 640 pixels.",
        0,
        100,
        label="Detail of the photo",
    )
    size: int | None = setting(
        None,
        "Longer side of the result in pixels; default: the photo's own size.",
        1,
        100_000,
        label="Size of the download, longer side in pixels",
    )
    seed: int = setting(0, "Seed for engines that draw random numbers.", 0, 2**63 - 1, label="Seed")

    def __post_init__(self) -> None:
        check(self)

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the result's width and height, in pixels, for a photo of width x height."""
        return (width, height) if self.size is None else fit(width, height, self.size)

    def painted_size(self, width: int, height: int, side: float = NATURAL_SIDE) -> tuple[int, int]:
        """Return the width and height at which a photo of width x height is painted.

        Smaller photos keep their own size.

        Args:
            side: the longer side, in pixels, for a brush of 1.
        """
        natural = max(side / max(width, height), side / math.sqrt(_LONGEST * width * height))
        share = natural / self.brush_size
        if share >= 1:
            return width, height
        return max(1, round(width * share)), max(1, round(height * share))

    @property
    def recolors_style(self) -> bool:
        """True if the style must be matched to the photo's colors before painting."""
        return self.keep_color in ("histogram", "coral")

    def as_dict(self) -> dict[str, object]:
        return asdict(self)
