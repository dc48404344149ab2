"""A style and a blend of styles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from impasto.engines.base import Engine, StyleVector
from impasto.pixels.arrays import Pixels


@dataclass(frozen=True)
class Style:
    """One style: how it is called, and what paints it.

    Attributes:
        vector: the style as `engine` knows it.
        painting: H x W x 3, that the vector can be computed anew from; of an imported network there is none.
    """

    label: str
    engine: Engine
    vector: StyleVector
    painting: Pixels | None

    def recolored(self, recolor: Callable[[Pixels], Pixels]) -> StyleVector:
        """The vector of the painting in other colors; the vector itself where the engine reads no paintings.

        What the change of colors does to the painting's vector is added to the style's own, which may have been
        fitted. Not so with changes of the network: trained on the painting's colors, with a vector of theirs, they
        bring them back, and the encoder's vector of the recolored painting takes the place of both.
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
        """What paints it, every engine once."""
        return list(dict.fromkeys(style.engine for style, _ in self.parts))

    def by_engine(self, recolor: Callable[[Pixels], Pixels] | None = None) -> list[tuple[float, Engine, StyleVector]]:
        """The share of every engine in the blend, and the weighted mean of its styles' vectors.

        Args:
            recolor: changes the colors of paintings; None leaves them.
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
