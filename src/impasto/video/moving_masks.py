"""Regions that move: masks that are clips themselves, read beside the clip that is painted."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.painting.regions import Regions, region_pairs
from impasto.picture.formats import SUFFIXES
from impasto.pixels.color import luminance
from impasto.pixels.masks import Mask, mask_of
from impasto.video.reading import Clip, VideoFrame


class MovingMasks:
    """The masks that move, at each time.

    Args:
        regions: {mask: style} or [(mask, style)]; masks that are videos or folders of frames move, others stay.
    Attributes:
        regions: the same with every moving mask's first frame in its place.
        moving: whether any of them does.
    """

    def __init__(self, regions: Regions | None) -> None:
        self.regions: list[tuple[Any, Any]] = []
        self._moving: dict[int, _Moving] = {}
        for index, (source, style) in enumerate(region_pairs(regions)):
            if isinstance(source, (str, Path)) and _moves(Path(source)):
                self._moving[index] = _Moving(Path(source))
                source = self._moving[index].now
            self.regions.append((source, style))

    @property
    def moving(self) -> bool:
        return bool(self._moving)

    def at(self, time: Fraction) -> dict[int, Mask]:
        """The masks that move, by their region's number. Times must not go back."""
        return {index: moving.at(time) for index, moving in self._moving.items()}


def _moves(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and path.suffix.lower() not in SUFFIXES)


class _Moving:
    """A clip of masks, as `mask_of` takes pictures. Its last frame holds when it ends before the other clip does."""

    def __init__(self, path: Path) -> None:
        self._folder, self._name = path.is_dir(), f"the mask {path}"
        self._frames: Iterator[VideoFrame] = Clip(path).frames()
        self._next: VideoFrame | None = next(self._frames)
        self.now = self._mask(self._next)

    def at(self, time: Fraction) -> Mask:
        while self._next is not None and self._next.time <= time:
            self.now = self._mask(self._next)
            self._next = next(self._frames, None)
        return self.now

    def _mask(self, frame: VideoFrame) -> Mask:
        """A film without transparency is shades of gray: labels of 0 and 1 could not be told from its noise."""
        if self._folder or (frame.alpha is not None and frame.alpha.min() < 1):
            return mask_of(frame.samples, frame.alpha, self._name)
        return luminance(frame.pixels)
