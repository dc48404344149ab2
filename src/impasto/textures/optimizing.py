"""Paint a canvas by the optimizer in place of an engine. PyTorch is imported when it begins."""

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
    """Changes the pixels of a canvas until its features have the style's statistics.

    Attributes:
        recipe: what is minimized, and how.
        device: as for `impasto.optimize`.
    """

    recipe: Recipe
    device: str = "auto"

    @staticmethod
    def of(recipe: str | Recipe, device: str = "auto") -> Optimizer:
        """Raises: UsageError: no such recipe. MissingExtra: PyTorch is not installed."""
        if importlib.util.find_spec("torch") is None:
            raise MissingExtra("torch, which the optimizer needs,", "torch")
        from impasto.optimization.recipe import find_recipe

        return Optimizer(find_recipe(recipe), device)

    def __call__(self, canvas: Samples, stylizer: Stylizer, side: float, on_share: Callable[[float], None]) -> Samples:
        """The canvas, painted: H x W x 3, of the same kind.

        Args:
            side: pixels of the longer side at which a brush of 1 paints.
            on_share: called with the share of the work that is done; it may raise.
        """
        from impasto.optimization.run import Run, load_network

        def show(now: Progress) -> None:
            on_share(now.fraction)

        # Paintings are scaled to the picture's size: on a canvas, to the object's.
        controls = stylizer.controls
        brush = min(4.0, max(0.25, controls.brush_size * NATURAL_SIDE / side))
        sized = stylizer.with_controls(replace(controls, brush_size=brush))
        run = Run(load_network(None, self.device), self.recipe, sized, on_progress=show)
        return stored(floats(run.photo(Picture(canvas)).samples), canvas.dtype)
