"""Styles that change over a clip: keyframes, and interpolation between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from impasto.errors import UsageError
from impasto.painting.stylizer import Stylizer
from impasto.styles.style import Blend


@dataclass(frozen=True)
class Keyframe:
    """Style, strength and brush size at `time` seconds. None uses the value of the controls."""

    time: float
    style: str
    strength: float | None = None
    brush_size: float | None = None


def parse_keyframes(text: str) -> list[Keyframe]:
    """Parse SECONDS:STYLE[:SHARE[:BRUSH SIZE]], separated by commas. SHARE is 0..1, a factor of the strength.

    >>> parse_keyframes("0:starry-night,5:great-wave:0.5")[1]
    Keyframe(time=5.0, style='great-wave', strength=50.0, brush_size=None)

    Raises:
        UsageError: a number is invalid, a time is not later than the one before, a share is not in 0..1, or a brush
            size is not in 0.25..4.
    """
    found: list[Keyframe] = []
    for part in text.split(","):
        time_text, _, rest = part.strip().partition(":")
        style, numbers = rest, list[float]()
        while len(numbers) < 2:
            before, colon, last = style.rpartition(":")
            number = _number(last)
            if not colon or number is None:  # a file name may contain a colon
                break
            style, numbers = before, [number, *numbers]
        time = _number(time_text)
        share, brush_size = [*numbers, None, None][:2]
        fits = (share is None or 0 <= share <= 1) and (brush_size is None or 0.25 <= brush_size <= 4)
        if not style or time is None or time < 0 or not fits:
            raise UsageError(
                f"--keyframes {part}: not SECONDS:STYLE[:SHARE[:BRUSH SIZE]]",
                "--keyframes 0:starry-night,5:great-wave:0.5",
                code="malformed",
            )
        if found and time <= found[-1].time:
            raise UsageError(
                f"--keyframes: {time:g} s does not come after {found[-1].time:g} s",
                "sort the keyframes by time",
                code="out-of-order",
            )
        found.append(Keyframe(time, style, None if share is None else share * 100, brush_size))
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class Keyframes:
    """The stylizers over time.

    Args:
        frames: sorted by time.
        stylizers: one for each frame, all with the same regions and controls.
    Raises:
        UsageError: a style is a trained network, which cannot be interpolated.
    """

    def __init__(self, frames: list[Keyframe], stylizers: list[Stylizer]) -> None:
        self.frames, self.stylizers = frames, stylizers
        for stylizer in stylizers:
            if stylizer.uses_networks:
                raise UsageError(
                    f"{stylizer.style.label} is a network and cannot be a keyframe",
                    "use paintings or built-in styles in --keyframes",
                    code="network-style",
                )

    @property
    def label(self) -> str:
        """The keyframes as text, with only the file names of paintings."""
        parts = []
        for frame, stylizer in zip(self.frames, self.stylizers, strict=True):
            share = None if frame.strength is None else frame.strength / 100
            numbers = [f":{value:g}" for value in (share, frame.brush_size) if value is not None]
            parts.append(f"{frame.time:g}:{stylizer.style.label}{''.join(numbers)}")
        return ",".join(parts)

    def at(self, time: Fraction) -> Stylizer:
        """Return the stylizer at a time: vectors, strength and brush size are interpolated linearly."""
        later = next((index for index, frame in enumerate(self.frames) if frame.time > time), len(self.frames))
        one, other = max(0, later - 1), min(later, len(self.frames) - 1)
        span = self.frames[other].time - self.frames[one].time
        share = 0.0 if span <= 0 else min(1.0, max(0.0, (float(time) - self.frames[one].time) / span))
        first, second = self.stylizers[one], self.stylizers[other]
        controls = self._controls(one, first), self._controls(other, second)
        strength, brush_size = (start + share * (end - start) for start, end in zip(*controls, strict=True))
        parts = [(style, weight * (1 - share)) for style, weight in first.style.parts]
        parts += [(style, weight * share) for style, weight in second.style.parts]
        mixed = first.with_controls(replace(first.controls, strength=strength, brush_size=brush_size))
        mixed.style = Blend(tuple((style, weight) for style, weight in parts if weight > 0))
        return mixed

    def _controls(self, index: int, stylizer: Stylizer) -> tuple[float, float]:
        """Return strength and brush size at a keyframe."""
        frame, controls = self.frames[index], stylizer.controls
        return (
            controls.strength if frame.strength is None else frame.strength,
            controls.brush_size if frame.brush_size is None else frame.brush_size,
        )
