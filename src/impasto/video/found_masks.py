"""Find masks in every frame of a clip, and smooth them over time along the motion."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.painting.people import Seen, masks_of, nothing_found, see
from impasto.pixels.arrays import Samples, floats
from impasto.pixels.flow import warp
from impasto.pixels.masks import Mask
from impasto.video.steady import Motion

_KEPT = 0.75  # share of the previous frame's masks that is kept where the motion is trusted


class MaskFinder:
    """Find people, background and faces in consecutive frames.

    The networks' output is mixed with that for the previous frame, warped along the motion. Then the edges are aligned
    with the frame's own. So masks neither jump nor lag behind.

    Attributes:
        before: output for the previous frame: logits of people, shares of faces.
    """

    def __init__(self) -> None:
        self.before: dict[str, NDArray[np.float32]] = {}
        self._ever: set[str] = set()
        self._asked = False

    def __call__(self, names: set[str], frame: Samples, motion: Motion) -> dict[str, Mask]:
        """Return the masks of those names, H x W each.

        Args:
            frame: H x W x 3.
            motion: back to the previous frame, of any size.
        """
        photo = floats(frame)
        seen = see(photo, faces="faces" in names)
        people = self._steadied("people", seen.people, motion)
        faces = None if seen.faces is None else self._steadied("faces", seen.faces, motion)
        found = masks_of(names, Seen(people, faces), photo)
        self._asked = True
        self._ever |= {name for name, mask in found.items() if (1 - mask if name == "background" else mask).any()}
        return found

    def notes(self, names: Iterable[str]) -> list[str]:
        """Return notes on masks that were requested but found in no frame."""
        missing = [name for name in dict.fromkeys(names) if name not in self._ever]
        return [nothing_found(name, "clip") for name in missing] if self._asked else []

    def _steadied(self, name: str, seen: NDArray[np.float32], motion: Motion) -> NDArray[np.float32]:
        before = self.before.get(name)
        if before is not None and motion.flow is not None and motion.trust is not None and before.shape == seen.shape:
            size = seen.shape[1], seen.shape[0]
            scale = np.array([size[0] / motion.flow.shape[1], size[1] / motion.flow.shape[0]], np.float32)
            flow = cv2.resize(motion.flow, size, interpolation=cv2.INTER_LINEAR) * scale
            share = cv2.resize(motion.trust, size, interpolation=cv2.INTER_LINEAR) * np.float32(_KEPT)
            seen = seen + share * (warp(before, flow) - seen)
        self.before[name] = seen
        return seen
