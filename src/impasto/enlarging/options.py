"""Options of enlarging. Command line options are generated from these fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from impasto.errors import UsageError
from impasto.pixels.arrays import fit
from impasto.settings import check, setting

Scale = Literal[2, 3, 4]

KINDS = ("photo", "painting")
"""The kinds that ship: networks trained on photographs, and on paintings with painted photographs."""


@dataclass(frozen=True)
class EnlargeOptions:
    """Set how a picture is enlarged.

    Attributes:
        scale: 2, 3 or 4.
        size: the longer side of the result in pixels, instead of the scale.
        kind: "photo" or "painting", or the name of the user's own enlarger.
        strength: 0..100. Blend between bicubic interpolation (0) and the network's result (100).
    Raises:
        UsageError: a value has the wrong type or is out of its range.

    >>> impasto.enlarging.options.EnlargeOptions(scale=2).output_size(300, 200)
    (600, 400)
    """

    scale: Scale = setting(4, "Factor of width and height.", label="Times as large")
    size: int | None = setting(
        None, "Longer side of the result in pixels, instead of the scale.", 1, 100_000, label="Longer side in pixels"
    )
    kind: str = setting("photo", "photo, painting, or the name of your own enlarger.", label="What it shows")
    strength: float = setting(
        100.0, "Blend between bicubic interpolation (0) and the network's result (100).", 0, 100, label="Strength"
    )

    def __post_init__(self) -> None:
        check(self)

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the result's size for a picture of width x height.

        Raises:
            UsageError: the picture is larger than the requested size.
        """
        if self.size is None:
            return self.scale * width, self.scale * height
        if self.size < max(width, height):
            raise UsageError(
                f"the picture has {width} x {height} pixels, more than --size {self.size}",
                "give a larger --size: impasto enlarge does not reduce pictures",
                code="out-of-range",
            )
        return fit(width, height, self.size)
