"""The controls that every engine shares, and the finishing steps they stand for.

Command line options and web widgets are made from the fields of `Controls`: their defaults, ranges and help are
written here and nowhere else.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from impasto.color import Pixels, match_covariance, match_histogram, match_tone, with_colors_of
from impasto.errors import UsageError
from impasto.resample import fit

KeepColor = Literal["none", "luminance", "histogram", "coral"]
Tone = Literal["none", "match"]


def _control(default: object, text: str, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"help": text, "low": low, "high": high})


@dataclass(frozen=True)
class Controls:
    """How a picture is painted, whatever paints it.

    Attributes:
        strength: 0..100. The way from the photo (0, the photo itself) to the style (100).
        keep_color: "luminance": the result's luminance with the photo's colours; "histogram", "coral": the style is
            given the photo's colours before it is painted with; "none".
        tone: "match" brings brightness and contrast of the result to the photo's; "none".
        brush_size: 0.5..2. How large the strokes come out, 1 as the painter has learned them.
        size: the longer side of the result in pixels; None, the photo's own size.
        seed: for engines that draw random numbers; the painter draws none.
    Raises:
        UsageError: a value of another type or out of its range.
    """

    strength: float = _control(100.0, "The way from the photo (0) to the style (100).", 0, 100)
    keep_color: KeepColor = _control(
        "none",
        "Keep the photo's colours: take only the result's luminance, or match the style's colours to the photo's first "
        "by histogram or by covariance (coral).",
    )
    tone: Tone = _control("none", "Match the result's brightness and contrast to the photo's.")
    brush_size: float = _control(1.0, "How large the strokes come out.", 0.5, 2)
    size: int | None = _control(
        None, "Longer side of the result in pixels; the photo's own size if not given.", 1, 100_000
    )
    seed: int = _control(0, "Seed for engines that draw random numbers.", 0, 2**63 - 1)

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for control in fields(self):
            value = getattr(self, control.name)
            label = control.name.replace("_", " ")
            if get_origin(hints[control.name]) is Literal:
                choices = get_args(hints[control.name])
                if value not in choices:
                    raise UsageError(f"{label} {value!r} is unknown", f"one of {', '.join(choices)}")
                continue
            if value is None and control.default is None:
                continue
            whole = hints[control.name] is not float
            if isinstance(value, bool) or not isinstance(value, (int,) if whole else (int, float)):
                raise UsageError(f"{label} {value!r} is no {'whole ' if whole else ''}number")
            low, high = control.metadata["low"], control.metadata["high"]
            if not math.isfinite(value) or not low <= value <= high:
                raise UsageError(f"{label} {value:g} is not in {low:g}..{high:g}")

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """The result's size for a photo of width x height."""
        return (width, height) if self.size is None else fit(width, height, self.size)

    @property
    def recolors_style(self) -> bool:
        """Whether the style must be matched to the photo's colours before painting."""
        return self.keep_color in ("histogram", "coral")

    def recolor(self, style: Pixels, photo: Pixels) -> Pixels:
        """The style picture in the photo's colours, if `keep_color` asks for it. H x W x 3 each, any sizes."""
        if self.keep_color == "histogram":
            return match_histogram(style, photo)
        if self.keep_color == "coral":
            return match_covariance(style, photo)
        return style

    def finish(self, result: Pixels, photo: Pixels) -> Pixels:
        """What is done to every engine's result: the photo's colours, then its tone. H x W x 3 each, one size."""
        if self.keep_color == "luminance":
            result = with_colors_of(result, photo)
        if self.tone == "match":
            result = match_tone(result, photo)
        return result

    def as_dict(self) -> dict[str, object]:
        return asdict(self)
