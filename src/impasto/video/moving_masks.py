"""Moving regions: masks that are clips, or that are found in every frame."""

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
    """The moving masks at each time.

    Args:
        regions: {mask: style} or [(mask, style)]. Masks that are videos, animations or folders of frames move; others
            do not.
        untrusted: a stranger chose the masks: refuse links and folders.
    Attributes:
        regions: the regions, with the first frame of every moving mask. Masks that are found keep their names.
        moving: True if any mask is a clip.
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
        """Notes on damaged, repaired or not found masks."""
        notes = [note for moving in self._moving.values() for note in moving.clip.notes]
        return [*notes, *self._finder.notes(self._found.values())]

    def at(self, time: Fraction, frame: Samples, motion: Motion) -> dict[int, Mask]:
        """Return the moving masks by their region's number. Times must not decrease.

        Args:
            frame: at that time, H x W x 3.
            motion: back to the previous frame.
        """
        masks = {index: moving.at(time) for index, moving in self._moving.items()}
        if self._found:
            found = self._finder(set(self._found.values()), frame, motion)
            masks |= {index: found[name] for index, name in self._found.items()}
        return masks

    @property
    def memory(self) -> dict[str, NDArray[np.float32]]:
        """The state, besides the frame, that determines the next frame's masks."""
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
    """A clip of masks, read as by `mask_of`. If it ends before the painted clip, its last frame stays."""

    def __init__(self, path: Path, untrusted: bool) -> None:
        self._exact, self._name = path.is_dir() or path.suffix.lower() in READABLE, f"the mask {path}"
        self.clip = Clip(path, untrusted=untrusted)
        self._frames = self.clip.frames()
        self._next = next(self._frames, None)
        if self._next is None:
            raise PictureError(f"{path} contains no readable frame", "use another mask", code="no-frames")
        self.now = self._mask(self._next)

    def at(self, time: Fraction) -> Mask:
        while self._next is not None and self._next.time <= time:
            self.now = self._mask(self._next)
            self._next = next(self._frames, None)
        return self.now

    def _mask(self, frame: VideoFrame) -> Mask:
        """Return a frame as a mask. Videos without alpha are read as gray: noise would hide labels of 0 and 1."""
        if self._exact or (frame.alpha is not None and frame.alpha.min() < 1):
            return mask_of(frame.samples, frame.alpha, self._name)
        return luminance(frame.pixels)
