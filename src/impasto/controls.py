"""The controls that every engine shares.

Command line options and web widgets are made from the fields of `Controls`. Their defaults, ranges, help and labels
are written here and nowhere else.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

from impasto.pixels.arrays import fit
from impasto.settings import check, setting

NATURAL_SIDE = 640
"""Pixels of a photo's longer side at which strokes look as in a painting."""

_LONGEST = 2  # times as wide as high; a longer panorama has as many pixels as that one

KeepColor = Literal["none", "luminance", "histogram", "coral"]
Tone = Literal["none", "match"]


@dataclass(frozen=True)
class Controls:
    """How a picture is painted, whatever paints it.

    Attributes:
        strength: 0..100. The way from the photo (0, the photo itself) to the style (100).
        keep_color: "luminance": the result's luminance with the photo's colors; "histogram", "coral": the style is
            given the photo's colors before it is painted with; "none".
        tone: "match" brings brightness and contrast of the result to the photo's; "none".
        brush_size: 0.25..4. How large the strokes come out, as a share of the picture: at 1, as paintings are looked at
            and as networks have learned them, whatever the photo's size.
        detail: 0..100. How much of the photo's own fine detail comes back where it is larger than what was painted.
        size: the longer side of the result in pixels; None, the photo's own size.
        seed: for engines that draw random numbers; the painter draws none.
    Raises:
        UsageError: a value of another type or out of its range.

    >>> controls = impasto.Controls(strength=80, size=1200)
    >>> controls.output_size(4000, 3000)
    (1200, 900)
    """

    strength: float = setting(100.0, "The way from the photo (0) to the style (100).", 0, 100, label="Strength")
    keep_color: KeepColor = setting(
        "none",
        "Keep the photo's colors: take only the result's luminance, or match the style's colors to the photo's first "
        "by histogram or by covariance (coral).",
        label="Keep the photo's colors",
    )
    tone: Tone = setting(
        "none", "Match the result's brightness and contrast to the photo's.", label="Brightness and contrast"
    )
    brush_size: float = setting(
        1.0,
        "How large the strokes come out, as a share of the picture; 0.25 paints a large photo finely.",
        0.25,
        4,
        label="Brush size",
    )
    detail: float = setting(
        60.0,
        "How much of the photo's own fine detail comes back in a photo above 640 pixels.",
        0,
        100,
        label="Detail of the photo",
    )
    size: int | None = setting(
        None,
        "Longer side of the result in pixels; the photo's own size if not given.",
        1,
        100_000,
        label="Size of the download, longer side in pixels",
    )
    seed: int = setting(0, "Seed for engines that draw random numbers.", 0, 2**63 - 1, label="Seed")

    def __post_init__(self) -> None:
        check(self)

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """The result's size for a photo of width x height."""
        return (width, height) if self.size is None else fit(width, height, self.size)

    def painted_size(self, width: int, height: int, side: float = NATURAL_SIDE) -> tuple[int, int]:
        """The size at which a photo of width x height is painted: of a smaller photo its own.

        Args:
            side: pixels of the longer side for a brush of 1.
        """
        natural = max(side / max(width, height), side / math.sqrt(_LONGEST * width * height))
        share = natural / self.brush_size
        if share >= 1:
            return width, height
        return max(1, round(width * share)), max(1, round(height * share))

    @property
    def recolors_style(self) -> bool:
        """Whether the style must be matched to the photo's colors before painting."""
        return self.keep_color in ("histogram", "coral")

    def as_dict(self) -> dict[str, object]:
        return asdict(self)
