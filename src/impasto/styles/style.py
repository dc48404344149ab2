"""A style and a blend of styles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from impasto.controls import Controls
from impasto.engines.base import Engine, StyleVector, mixed
from impasto.engines.network import Network
from impasto.pixels.arrays import Pixels


@dataclass(frozen=True)
class Style:
    """One style: how it is called, and how it is painted: by its vector, or by a network of its own.

    Attributes:
        vector: for the painter; None if there is a network.
        painting: H x W x 3, that the vector can be computed anew from; of an imported network there is none.
        network, part: the network, and which of its styles this is.
    """

    label: str
    vector: StyleVector | None
    painting: Pixels | None
    network: Network | None = None
    part: int = 0

    def recolored(self, painter: Engine, controls: Controls, photo: Pixels) -> StyleVector:
        """The vector of the painting in the photo's colours.

        What the change of colours does to the painting's vector is added to the style's own, which may have been
        fitted. Not so with changes of the network: trained on the painting's colours, with a vector of theirs, they
        bring them back, and the encoder's vector of the recoloured painting takes the place of both.
        """
        assert self.painting is not None
        assert self.vector is not None
        changed = painter.encode(controls.recolor(self.painting, photo))
        if len(self.vector) > painter.vector_size:
            return changed
        return mixed((1, self.vector), (1, changed), (-1, painter.encode(self.painting)))


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
    def has_networks(self) -> bool:
        return any(style.network is not None for style, _ in self.parts)

    def vector(self, painter: Engine, controls: Controls, photo: Pixels) -> StyleVector:
        """The weighted mean of the styles' vectors, each in the photo's colours if the controls ask for that.

        Styles that are networks have none and are left out.
        """
        vectors = [
            (weight, style.recolored(painter, controls, photo) if controls.recolors_style else style.vector)
            for style, weight in self.parts
            if style.vector is not None
        ]
        total = sum(weight for weight, _ in vectors)
        return mixed(*((weight / total, vector) for weight, vector in vectors))

    def engines(self) -> Iterator[tuple[float, Network | None, list[float]]]:
        """What paints its parts: each network with the weights of its styles, then the painter (None) for all vectors.

        The first number is the share of the blend; these sum to 1.
        """
        rest = 1.0
        for network, parts in self.networks().items():
            total = sum(parts.values())
            rest -= total
            yield total, network, [parts.get(index, 0.0) / total for index in range(len(network.facts.styles))]
        if any(style.vector is not None for style, _ in self.parts):
            yield rest, None, []

    def networks(self) -> dict[Network, dict[int, float]]:
        """{network: {which of its styles: weight}}."""
        found: dict[Network, dict[int, float]] = {}
        for style, weight in self.parts:
            if style.network is not None:
                shares = found.setdefault(style.network, {})
                shares[style.part] = shares.get(style.part, 0) + weight
        return found
