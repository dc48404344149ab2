"""Styles, and blends of styles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from impasto.engines.base import Engine, StyleVector
from impasto.pixels.arrays import Pixels


@dataclass(frozen=True)
class Style:
    """One style, and the engine that paints it.

    Attributes:
        label: the style's name, for people.
        vector: the style in the form of `engine`.
        painting: H x W x 3, from which the vector can be recomputed; None for an imported network without one.
    """

    label: str
    engine: Engine
    vector: StyleVector
    painting: Pixels | None

    def recolored(self, recolor: Callable[[Pixels], Pixels]) -> StyleVector:
        """Return the vector of the painting in other colors; the vector itself if the engine does not encode paintings.

        The change of the encoded vector is added to the style's own vector, which may have been fitted. A vector with
        changes of the network is different: its training has fixed the painting's colors. It is replaced by the
        encoder's vector of the recolored painting.
        """
        if self.painting is None or not self.engine.encodes:
            return self.vector
        encoded = self.engine.encode(recolor(self.painting))
        if self.vector.changes.size:
            return encoded
        return self.vector + encoded + -1.0 * self.engine.encode(self.painting)


@dataclass(frozen=True)
class Blend:
    """Styles with weights that sum to 1."""

    parts: tuple[tuple[Style, float], ...]

    @property
    def label(self) -> str:
        if len(self.parts) == 1:
            return self.parts[0][0].label
        return " + ".join(f"{style.label}:{weight:.3g}" for style, weight in self.parts)

    @property
    def engines(self) -> list[Engine]:
        """The engines that paint the blend, each once."""
        return list(dict.fromkeys(style.engine for style, _ in self.parts))

    def by_engine(self, recolor: Callable[[Pixels], Pixels] | None = None) -> list[tuple[float, Engine, StyleVector]]:
        """Return the share of each engine of the blend, and the weighted mean of that engine's style vectors.

        Args:
            recolor: changes the colors of paintings; None keeps them.
        """
        found = []
        for engine in self.engines:
            parts = [(style, weight) for style, weight in self.parts if style.engine is engine]
            share = sum(weight for _, weight in parts)
            vectors = [
                (weight / share) * (style.recolored(recolor) if recolor else style.vector) for style, weight in parts
            ]
            found.append((share, engine, sum(vectors[1:], start=vectors[0])))
        return found
