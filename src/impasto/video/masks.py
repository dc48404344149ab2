"""Regions that move: masks that are clips themselves, read beside the clip that is painted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.color import luminance
from impasto.mask import Mask, read_mask
from impasto.picture import SUFFIXES
from impasto.stylizer import Regions
from impasto.video.clip import Clip, Frame


class MovingMasks:
    """The masks of all regions at each time.

    Args:
        regions: {mask: style} or [(mask, style)]; masks that are videos or folders of frames move, others stay.
    Attributes:
        regions: the same with every moving mask's first frame in its place.
        moving: whether any of them does.
    """

    def __init__(self, regions: Regions | None) -> None:
        pairs = list(regions.items()) if isinstance(regions, Mapping) else list(regions or [])
        self.regions: list[Any] = []
        self._masks: list[Mask | _Moving] = []
        for pair in pairs:
            source = pair[0] if isinstance(pair, tuple) and len(pair) == 2 else None
            if isinstance(source, (str, Path)) and _moves(Path(source)):
                moving = _Moving(Path(source))
                self.regions.append((moving.now, pair[1]))
                self._masks.append(moving)
            else:
                self.regions.append(pair)
                if source is not None:
                    self._masks.append(read_mask(source))
        self.moving = any(isinstance(one, _Moving) for one in self._masks)

    def at(self, time: Fraction) -> list[Mask] | None:
        """One mask for each region; None where none of them moves. Times must not go back."""
        if not self.moving:
            return None
        return [one.at(time) if isinstance(one, _Moving) else one for one in self._masks]


def _moves(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and path.suffix.lower() not in SUFFIXES)


class _Moving:
    """A clip of masks: white is inside. Its last frame holds when it ends before the other clip does."""

    def __init__(self, path: Path) -> None:
        self._frames: Iterator[Frame] = Clip(path).frames()
        self._next: Frame | None = next(self._frames)
        self.now = _mask(self._next)

    def at(self, time: Fraction) -> Mask:
        while self._next is not None and self._next.time <= time:
            self.now = _mask(self._next)
            self._next = next(self._frames, None)
        return self.now


def _mask(frame: Frame) -> Mask:
    inside = luminance(frame.pixels)
    return inside if frame.alpha is None else inside * frame.alpha
