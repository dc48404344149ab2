"""Regions that move: masks that are clips themselves, or that are found in every frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from impasto.errors import PictureError
from impasto.painting.regions import Region, Regions, as_regions
from impasto.picture import Picture
from impasto.picture.formats import ANIMATED, READABLE, SUFFIXES
from impasto.pixels.arrays import Samples
from impasto.pixels.color import luminance
from impasto.pixels.masks import Mask, mask_of
from impasto.video.found_masks import MaskFinder
from impasto.video.reading import Clip, VideoFrame
from impasto.video.steady import Motion


class MovingMasks:
    """The masks that move, at each time.

    Args:
        regions: {mask: style} or [(mask, style)]; masks that are videos, animations or folders of frames move, others
            stay.
        untrusted: somebody else chose the masks: links and folders are refused.
    Attributes:
        regions: the same with every moving mask's first frame in its place; masks that are found keep their names.
        moving: whether any of them does.
    """

    def __init__(self, regions: Regions | None, *, untrusted: bool = False) -> None:
        self.regions: list[Region] = []
        self._found: dict[int, str] = {}
        self._finder = MaskFinder()
        self._moving: dict[int, _Moving] = {}
        for index, region in enumerate(as_regions(regions)):
            if region.automatic:
                self._found[index] = region.mask
            elif isinstance(region.mask, (str, Path)) and _moves(Path(region.mask), untrusted):
                self._moving[index] = _Moving(Path(region.mask), untrusted)
                region = replace(region, mask=self._moving[index].now)
            self.regions.append(region)

    @property
    def moving(self) -> bool:
        return bool(self._moving)

    @property
    def notes(self) -> list[str]:
        """What was damaged or mended in them, or not found."""
        notes = [note for moving in self._moving.values() for note in moving.clip.notes]
        return [*notes, *self._finder.notes(self._found.values())]

    def at(self, time: Fraction, frame: Samples, motion: Motion) -> dict[int, Mask]:
        """The masks that move, by their region's number. Times must not go back.

        Args:
            frame: at that time, H x W x 3.
            motion: back to the frame before.
        """
        masks = {index: moving.at(time) for index, moving in self._moving.items()}
        if self._found:
            found = self._finder(set(self._found.values()), frame, motion)
            masks |= {index: found[name] for index, name in self._found.items()}
        return masks

    @property
    def memory(self) -> dict[str, NDArray[np.float32]]:
        """What the next frame's masks depend on, besides the frame."""
        return dict(self._finder.before)

    @memory.setter
    def memory(self, before: Mapping[str, NDArray[np.float32]]) -> None:
        self._finder.before = dict(before)


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
