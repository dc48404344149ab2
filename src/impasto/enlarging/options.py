"""How a picture is enlarged. Command line options are made from these fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from impasto.errors import UsageError
from impasto.pixels.arrays import fit
from impasto.settings import check, setting

Scale = Literal[2, 3, 4]

KINDS = ("photo", "painting")
"""What ships: networks that have learned photographs, and paintings with painted photographs."""


@dataclass(frozen=True)
class EnlargeOptions:
    """How a picture is enlarged.

    Attributes:
        scale: 2, 3 or 4.
        size: longer side of the result in pixels, in place of the scale.
        kind: "photo" or "painting", or the name of an enlarger of the user's own.
        strength: 0..100. The way from bicubic interpolation (0) to all that the network draws (100).
    Raises:
        UsageError: a value of another type or out of its range.

    >>> impasto.enlarging.options.EnlargeOptions(scale=2).output_size(300, 200)
    (600, 400)
    """

    scale: Scale = setting(4, "How many times as wide and as high.", label="Times as large")
    size: int | None = setting(
        None, "Longer side of the result in pixels, in place of the scale.", 1, 100_000, label="Longer side in pixels"
    )
    kind: str = setting("photo", "photo, painting, or the name of an enlarger of yours.", label="What it shows")
    strength: float = setting(
        100.0, "The way from bicubic interpolation (0) to all that the network draws (100).", 0, 100, label="Strength"
    )

    def __post_init__(self) -> None:
        check(self)

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """The result's size for a picture of width x height.

        Raises:
            UsageError: the picture is larger already.
        """
        if self.size is None:
            return self.scale * width, self.scale * height
        if self.size < max(width, height):
            raise UsageError(
                f"the picture has {width} x {height} pixels, more than --size {self.size}",
                "enlarging does not make pictures smaller",
                code="out-of-range",
            )
        return fit(width, height, self.size)
