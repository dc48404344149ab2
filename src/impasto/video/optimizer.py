"""Paint a clip with the slow engine. Every frame starts from the previous picture, warped, and stays near it.

Ruder, Dosovitskiy, Brox: Artistic Style Transfer for Videos, GCPR 2016: initialization (section 4.1), short-term loss
(eq. 7) and long-term loss (eq. 9 and 10). Here the two losses share one combined target picture.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from impasto.optimization.recipe import Recipe
from impasto.optimization.run import Anchor, Run, load_network, worked_size
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels
from impasto.pixels.flow import warp
from impasto.video.steady import Motion, follow

_WEIGHT = 200.0  # of the squared difference from the target picture, at full steadiness
_LATER = 3  # later frames of a shot get a third of the first frame's evaluations, because they start near their result


class FrameOptimizer:
    """Paint the frames of a clip in order, with one loss network.

    Args:
        stylizer: styles, regions and controls.
        steady: 0..1.
        long_term: stay also near the picture this many frames ago, where the previous one shows something else; 0: off.
    """

    def __init__(self, stylizer: Stylizer, recipe: Recipe, steady: float, long_term: int = 0) -> None:
        self.stylizer, self.recipe, self.steady = stylizer, recipe, steady
        self.net = load_network()
        self.later = replace(recipe, pyramid=1.0, iterations=max(1, recipe.iterations // _LATER))
        self._before: deque[tuple[Pixels, Pixels]] = deque(maxlen=max(1, long_term))  # frames and their pictures

    def worked_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size at which a frame of width x height is optimized."""
        return worked_size(self.stylizer.controls, self.recipe, width, height)

    def __call__(self, frame: Pixels, motion: Motion, last: Pixels | None) -> Pixels:
        """Paint a frame.

        Args:
            frame: at the size at which it is optimized.
            motion: back to the previous frame, at that size.
            last: the picture of the previous frame; None at the start of a shot.
        """
        anchor = None
        if last is None:
            self._before.clear()
        elif motion.flow is not None and motion.trust is not None and self.steady:
            anchor = self._anchor(frame, warp(last, motion.flow), motion.trust)
        recipe = self.recipe if anchor is None else self.later
        painted = Run(self.net, recipe, self.stylizer).photo(Picture(frame), anchor=anchor).pixels
        self._before.append((frame, painted))
        return painted

    def _anchor(self, frame: Pixels, carried: Pixels, trust: NDArray[np.float32]) -> Anchor:
        if len(self._before) > 1:
            there, picture = self._before[0]
            earlier = follow(frame, there)
            assert earlier.flow is not None
            assert earlier.trust is not None
            more = np.maximum(earlier.trust - trust, 0)
            total = np.maximum(trust + more, 1e-6)[:, :, None]
            carried = (trust[:, :, None] * carried + more[:, :, None] * warp(picture, earlier.flow)) / total
            trust = trust + more
        return Anchor(carried.astype(np.float32), trust.astype(np.float32), _WEIGHT * self.steady)
