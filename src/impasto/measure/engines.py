"""Paint with everything that can be measured: every engine, and the optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from impasto.controls import Controls
from impasto.engines import by_name
from impasto.engines.shipped import ShippedEngine
from impasto.errors import UsageError
from impasto.painting.compose import Composition
from impasto.painting.regions import Layer
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.styles.style import Blend

OPTIMIZER = "optimize"
ENGINES = (*by_name.ENGINES, OPTIMIZER)


def check_engines(names: Sequence[str]) -> None:
    """Refuse a name that is not in `ENGINES`.

    Raises:
        UsageError: there is no such engine.
    """
    for name in names:
        if name not in ENGINES:
            raise UsageError(f"unknown engine {name!r}", f"engines: {', '.join(ENGINES)}", code="unknown-choice")


class Paint(Protocol):
    """Paint a photo in the style of a painting's file at a strength of 0..100."""

    def __call__(self, style: Path, photo: Picture, strength: float) -> Picture: ...


def painting_with(name: str) -> Paint:
    """Paint with one of `ENGINES`. An engine encodes a painting once for all its photos and strengths.

    The optimizer paints with its default recipe.
    """
    return _optimize if name == OPTIMIZER else EnginePaint(by_name.engine_of(name))


class EnginePaint:
    """Paints with an engine, which encodes a painting once for all its photos, strengths and blends."""

    def __init__(self, engine: ShippedEngine) -> None:
        self._engine = engine
        self._stylizers: dict[Path, Stylizer] = {}

    def __call__(self, style: Path, photo: Picture, strength: float) -> Picture:
        return self._stylizer(style).with_controls(Controls(strength=strength))(photo)

    def blend(self, first: Path, second: Path, photo: Picture, weight: float) -> Picture:
        """Paint an opaque photo at full strength in a blend of two paintings; `weight` is the second one's, 0..1."""
        shares = ((first, 1 - weight), (second, weight))
        parts = tuple((self._stylizer(file).style.parts[0][0], share) for file, share in shares if share > 0)
        pixels = photo.samples
        return Picture(Composition(Controls(), [Layer(Blend(parts))], pixels, budget=self._engine.budget)(pixels))

    def _stylizer(self, style: Path) -> Stylizer:
        if style not in self._stylizers:
            self._stylizers[style] = Stylizer(style, painter=self._engine)
        return self._stylizers[style]


def _optimize(style: Path, photo: Picture, strength: float) -> Picture:
    from impasto.optimization.optimize import optimize  # PyTorch is loaded only for it

    return optimize(photo, style, strength=strength).picture
