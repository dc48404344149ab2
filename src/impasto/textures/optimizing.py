"""Paint a canvas with the optimizer instead of an engine. PyTorch is imported at the first use."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from impasto.controls import NATURAL_SIDE
from impasto.errors import MissingExtra
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import Samples, floats, stored
from impasto.progress import Progress

if TYPE_CHECKING:
    from impasto.optimization.recipe import Recipe


@dataclass(frozen=True)
class Optimizer:
    """Change the pixels of a canvas until its features match the style's statistics.

    Attributes:
        recipe: the losses, and how to minimize them.
        device: as for `impasto.optimize`.
    """

    recipe: Recipe
    device: str = "auto"

    @staticmethod
    def of(recipe: str | Recipe, device: str = "auto") -> Optimizer:
        """Make an optimizer. Raise UsageError for unknown recipes, MissingExtra if PyTorch is not installed."""
        if importlib.util.find_spec("torch") is None:
            raise MissingExtra("torch, which the optimizer needs,", "torch")
        from impasto.optimization.recipe import find_recipe

        return Optimizer(find_recipe(recipe), device)

    def __call__(self, canvas: Samples, stylizer: Stylizer, side: float, on_share: Callable[[float], None]) -> Samples:
        """Paint the canvas. Return H x W x 3 with the same type of samples.

        Args:
            side: the longer side, in pixels, at which a brush of 1 paints.
            on_share: called with the finished share of the work. It may raise.
        """
        from impasto.optimization.run import Run, load_network

        def show(now: Progress) -> None:
            on_share(now.fraction)

        # Paintings are scaled to the picture's size; on a canvas, that is the object's size.
        controls = stylizer.controls
        brush = min(4.0, max(0.25, controls.brush_size * NATURAL_SIDE / side))
        sized = stylizer.with_controls(replace(controls, brush_size=brush))
        run = Run(load_network(None, self.device), self.recipe, sized, on_progress=show)
        return stored(floats(run.photo(Picture(canvas)).samples), canvas.dtype)
