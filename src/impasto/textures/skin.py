"""Treat all textures of a model with one role as one picture: lay out, paint, and write back without seams."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from impasto.painting.regions import Region
from impasto.painting.stylizer import Stylizer
from impasto.pixels.arrays import Samples
from impasto.system.memory import allocate
from impasto.textures.canvas import Canvas, fill_gaps, lay, plan_canvas
from impasto.textures.charts import lay_out
from impasto.textures.islands import Mesh, find_islands
from impasto.textures.links import fill_margins, find_borders, find_links, joined, trusted
from impasto.textures.masks import drawn, left_alone
from impasto.textures.model import Surface
from impasto.textures.sample import sample_of
from impasto.textures.sewing import SeamSamples, color_steps, mean_step, sample_seams, sew
from impasto.textures.unpacking import unpack

if TYPE_CHECKING:
    from impasto.textures.optimizing import Optimizer

NATURAL_EXTENT = 640.0
"""Pixels of an object's longest side at which strokes look as on a photo of the whole object."""

_BLENDED = 20.0  # pixels on either side of a seam in which both sides are mixed

Tell = Callable[[float, str], None]
"""Called with the finished share of the work, 0..1, and the next activity."""


class Skin:
    """A model's textures of one role.

    Args:
        surfaces: those that show the textures.
        textures: the model's textures, H x W x 3 each, all with the same type of samples.
    Attributes:
        overlapping: the number of islands that share their place in a texture with others.
        palettes: textures of which only single colors are shown.
    """

    def __init__(self, surfaces: Sequence[Surface], textures: Sequence[Samples]) -> None:
        self.surfaces, self.textures = surfaces, textures
        self.mesh = Mesh.of(surfaces, [(one.shape[1], one.shape[0]) for one in textures])
        self._wraps = [one.wrap for one in surfaces]
        islands, self._seams, self._ends = find_islands(self.mesh)
        self._layout = lay_out(self.mesh, islands, self._wraps)
        self.overlapping, self.palettes = self._layout.overlapping, self._layout.palettes

    def paint(
        self, stylizer: Stylizer, regions: Sequence[Region], optimizer: Optimizer | None, tell: Tell
    ) -> list[Samples]:
        """Paint the textures. Return those of other roles unchanged.

        Args:
            regions: parts of the model with their own style.
            optimizer: paints instead of the stylizer's engine.
        """
        areas = self.mesh.areas
        of_charts = [float(areas[chart.triangles].sum()) for chart in self._layout.charts]
        plan = plan_canvas(self._layout.charts, of_charts, self.mesh.extent, NATURAL_EXTENT)
        canvas = lay(plan, self.textures, stylizer.painter.budget)
        links = trusted(canvas, find_links(plan, self._layout, self._seams) + find_borders(plan))
        ends = find_links(plan, self._layout, self._ends)
        fill_margins(canvas, links + ends, lambda: tell(0.05, "looking across the seams"))
        fill_gaps(canvas)
        stylizer = stylizer.with_regions([drawn(one, canvas, self.mesh, self.surfaces) for one in regions])
        tell(0.15, "painting")
        side = NATURAL_EXTENT * max(plan.width, plan.height) / max(plan.extent, 1e-9)
        if optimizer is not None:
            picture = optimizer(canvas.colors, stylizer, side, lambda share: tell(0.15 + 0.65 * share, "optimizing"))
        else:
            picture = self._painted(
                canvas,
                stylizer,
                side,
                tell,
                lambda one: joined(one, canvas, links, _BLENDED, lambda: tell(0.4, "strokes")),
            )
        joined(picture, canvas, links, _BLENDED, lambda: tell(0.8, "joining the seams"))
        painted = [_copied(one, stylizer.painter.budget) for one in self.textures]
        written = unpack(picture, plan, painted, left_alone(stylizer.layers))
        sew(self.seam_samples, painted, self._source_steps, written)
        tell(1.0, "joining the seams")
        return painted

    def _painted(
        self, canvas: Canvas, stylizer: Stylizer, side: float, tell: Tell, join: Callable[[Samples], None]
    ) -> Samples:
        compose = stylizer.for_frames(canvas.colors, side=side)
        small = compose.small(canvas.colors)
        shown = cv2.resize(canvas.state, small.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
        compose.normalize_by(sample_of(small, shown))
        painted = compose.painted(canvas.colors)
        join(painted)
        tell(0.5, "strokes at full size")
        return compose.finished(
            painted,
            canvas.colors,
            kind=canvas.colors.dtype,
            on_window=lambda _pixels: tell(0.5, "strokes at full size"),
        )

    @functools.cached_property
    def seam_samples(self) -> SeamSamples:
        return sample_seams(self.mesh, self._seams, self._wraps)

    @functools.cached_property
    def _source_steps(self) -> NDArray[np.float32]:
        return color_steps(self.seam_samples, self.textures)

    def steps(self, textures: Sequence[Samples]) -> tuple[float, float]:
        """Return the length of the seams, and the mean color step across them, 0..1."""
        return float(self.seam_samples.weights.sum()), mean_step(self.seam_samples, textures)


def _copied(texture: Samples, budget: int) -> Samples:
    found: Samples = allocate(texture.shape, texture.dtype, budget)
    found[:] = texture
    return found
