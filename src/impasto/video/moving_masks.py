"""Regions that move: masks that are clips themselves, read beside the clip that is painted."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.errors import PictureError
from impasto.painting.regions import Regions, region_pairs
from impasto.picture import Picture
from impasto.picture.formats import ANIMATED, READABLE, SUFFIXES
from impasto.pixels.color import luminance
from impasto.pixels.masks import Mask, mask_of
from impasto.video.reading import Clip, VideoFrame


class MovingMasks:
    """The masks that move, at each time.

    Args:
        regions: {mask: style} or [(mask, style)]; masks that are videos, animations or folders of frames move, others
            stay.
        untrusted: somebody else chose the masks: links and folders are refused.
    Attributes:
        regions: the same with every moving mask's first frame in its place.
        moving: whether any of them does.
    """

    def __init__(self, regions: Regions | None, *, untrusted: bool = False) -> None:
        self.regions: list[tuple[Any, Any]] = []
        self._moving: dict[int, _Moving] = {}
        for index, (source, style) in enumerate(region_pairs(regions)):
            if isinstance(source, (str, Path)) and _moves(Path(source), untrusted):
                self._moving[index] = _Moving(Path(source), untrusted)
                source = self._moving[index].now
            self.regions.append((source, style))

    @property
    def moving(self) -> bool:
        return bool(self._moving)

    @property
    def notes(self) -> list[str]:
        """What was damaged or mended in them."""
        return [note for moving in self._moving.values() for note in moving.clip.notes]

    def at(self, time: Fraction) -> dict[int, Mask]:
        """The masks that move, by their region's number. Times must not go back."""
        return {index: moving.at(time) for index, moving in self._moving.items()}


def _moves(path: Path, untrusted: bool) -> bool:
    ending = path.suffix.lower()
    if path.is_dir() or (path.is_file() and ending not in READABLE):
        return True
    return path.is_file() and SUFFIXES.get(ending) in ANIMATED and bool(Picture.open(path, untrusted=untrusted).frames)


class _Moving:
    """A clip of masks, as `mask_of` takes pictures. Its last frame holds when it ends before the other clip does."""

    def __init__(self, path: Path, untrusted: bool) -> None:
        self._exact, self._name = path.is_dir() or path.suffix.lower() in READABLE, f"the mask {path}"
        self.clip = Clip(path, untrusted=untrusted)
        self._frames = self.clip.frames()
        self._next = next(self._frames, None)
        if self._next is None:
            raise PictureError(f"{path} holds no frame that can be read", code="no-frames")
        self.now = self._mask(self._next)

    def at(self, time: Fraction) -> Mask:
        while self._next is not None and self._next.time <= time:
            self.now = self._mask(self._next)
            self._next = next(self._frames, None)
        return self.now

    def _mask(self, frame: VideoFrame) -> Mask:
        """A video without transparency is shades of gray: labels of 0 and 1 could not be told from its noise."""
        if self._exact or (frame.alpha is not None and frame.alpha.min() < 1):
            return mask_of(frame.samples, frame.alpha, self._name)
        return luminance(frame.pixels)
