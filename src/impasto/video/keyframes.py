"""Styles that change over a clip: what holds at certain seconds, and between them the way from one to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from impasto.errors import UsageError
from impasto.style import Blend
from impasto.stylizer import Stylizer


@dataclass(frozen=True)
class Keyframe:
    """At `time` seconds the style is this, at this strength; None, the one that the controls say."""

    time: float
    style: str
    strength: float | None = None


def parse_keyframes(text: str) -> list[Keyframe]:
    """SECONDS:STYLE or SECONDS:STYLE:SHARE, several with commas between; the share, 0..1, is of the strength.

    >>> parse_keyframes("0:starry-night,5:great-wave:0.5")[1]
    Keyframe(time=5.0, style='great-wave', strength=50.0)

    Raises:
        UsageError: no number where one should be, a time that is not later than the one before, or a share out of 0..1.
    """
    found: list[Keyframe] = []
    for part in text.split(","):
        time_text, _, rest = part.strip().partition(":")
        style, colon, share_text = rest.rpartition(":")
        share = math.nan
        if colon:
            try:
                share = float(share_text)
            except ValueError:
                style, colon = rest, ""  # a file's name with a colon in it
        else:
            style = rest
        try:
            time = float(time_text)
        except ValueError:
            time = math.nan
        if not style or not math.isfinite(time) or time < 0 or (colon and not 0 <= share <= 1):
            raise UsageError(f"--keyframes {part}: no time and style", "--keyframes 0:starry-night,5:great-wave:0.5")
        if found and time <= found[-1].time:
            raise UsageError(f"--keyframes: {time:g} s does not come after {found[-1].time:g} s")
        found.append(Keyframe(time, style, share * 100 if colon else None))
    return found


class Keyframes:
    """What paints at each time.

    Args:
        frames: in the order of their times.
        stylizers: one for each, all with the same regions and controls.
    Raises:
        UsageError: a style that is a network: it cannot become another one step by step.
    """

    def __init__(self, frames: list[Keyframe], stylizers: list[Stylizer]) -> None:
        self.frames, self.stylizers = frames, stylizers
        for stylizer in stylizers:
            if stylizer.uses_networks:
                raise UsageError(f"{stylizer.style.label} is a network and cannot be a keyframe")

    def at(self, time: Fraction) -> Stylizer:
        """The stylizer of a moment: vectors and strength on the straight way between the neighbours."""
        later = next((index for index, frame in enumerate(self.frames) if frame.time > time), len(self.frames))
        one, other = max(0, later - 1), min(later, len(self.frames) - 1)
        span = self.frames[other].time - self.frames[one].time
        share = 0.0 if span <= 0 else min(1.0, max(0.0, (float(time) - self.frames[one].time) / span))
        first, second = self.stylizers[one], self.stylizers[other]
        strengths = [
            stylizer.controls.strength if frame.strength is None else frame.strength
            for frame, stylizer in ((self.frames[one], first), (self.frames[other], second))
        ]
        strength = strengths[0] + share * (strengths[1] - strengths[0])
        parts = [(style, weight * (1 - share)) for style, weight in first.style.parts]
        parts += [(style, weight * share) for style, weight in second.style.parts]
        mixed = first.with_controls(replace(first.controls, strength=strength))
        mixed.style = Blend(tuple((style, weight) for style, weight in parts if weight > 0))
        return mixed
