"""A feed-forward network of one style or of several, in ONNX Runtime: trained by the user, or imported.

It has one input for pictures, 1 x 3 x H x W, and may have a second, 1 x K, the weights of its K styles.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from impasto.engines.base import Array, SizeRequirements, StyleVector, default_budget
from impasto.engines.shot import Shot, Statistics
from impasto.engines.tiles import paint_within
from impasto.errors import PictureError, StyleError
from impasto.pixels.arrays import Pixels, Samples, planes, resize
from impasto.system.sessions import Model

METADATA = "impasto"  # the key under which a file's facts lie
_GIVEN = "given", "trust"  # the statistics that it is normalized by, and how much they count
_BYTES_PER_PIXEL = 900  # measured with 32 channels at full size, memory given back after every layer
_ARENA_BYTES_PER_PIXEL = 1300


@dataclass(frozen=True)
class Facts:
    """What a network's file says of itself, or what a trial run has shown.

    Attributes:
        low, high: the values that stand for black and white in its input and output.
        styles: the names of its styles; one for a network of a single style.
        card: how it was made: style, data, recipe, losses, licence, version.
    """

    low: float = 0.0
    high: float = 1.0
    styles: tuple[str, ...] = ("style",)
    card: dict[str, Any] | None = None

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


class Network:
    """An engine from a file: it paints its own styles and reads no paintings.

    A style's embedding is the weights of the network's styles, summing to 1. It may be called from several threads at
    once.

    Args:
        path: an .onnx file.
        trial: gives a photo. What the network makes of it tells which values stand for black and white in a file
            that does not say so.
        budget: see `Engine`; None, what `default_budget` says. A file that takes no statistics paints a photo as a
            whole.
    Raises:
        PictureError: the file is missing.
        StyleError: it holds no network that paints pictures.
    """

    name = "network"
    encodes = False

    def __init__(self, path: Path, trial: Callable[[], Pixels], budget: int | None = None) -> None:
        if not path.is_file():
            raise PictureError(f"there is no file {path}", code="no-such-file")
        self.path, self.budget, self._trial = path, budget or default_budget(), trial
        self._model = Model(path.read_bytes, _BYTES_PER_PIXEL, _ARENA_BYTES_PER_PIXEL)
        try:
            session = self._model.session()
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            first = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            raise StyleError(f"{path} is no ONNX network that can be run", first, code="not-a-network") from error
        pictures = [value for value in session.get_inputs() if len(value.shape) == 4]
        others = [value for value in session.get_inputs() if len(value.shape) != 4 and value.name not in _GIVEN]
        self._statistics = next((value.shape[0] for value in session.get_inputs() if value.name == _GIVEN[0]), 0)
        if len(pictures) != 1 or len(others) > 1 or pictures[0].type != "tensor(float)":
            raise StyleError(
                f"{path} has other inputs than one picture", "1 x 3 x H x W in float32", code="other-network"
            )
        self._picture, self._weights = pictures[0].name, others[0].name if others else None
        shape = pictures[0].shape
        sides = shape[2:] if all(isinstance(side, int) for side in shape[2:]) else None
        self.size = SizeRequirements(only=(sides[1], sides[0]) if sides else None)
        self.facts = self._read_facts(session.get_modelmeta().custom_metadata_map)

    def __reduce__(self) -> tuple[object, ...]:
        """What another process makes it from; on another machine the file must lie at the same place."""
        return Network, (self.path, self._trial, self.budget)

    def style(self, name: str | None = None) -> StyleVector:
        """One of its styles.

        Args:
            name: None, the only one.
        Raises:
            ValueError: it has no such style.
        """
        weights = np.zeros(len(self.facts.styles), np.float32)
        weights[0 if name is None else self.facts.styles.index(name)] = 1
        return StyleVector(weights)

    def prepare(self, style: StyleVector | None = None) -> None:
        """Nothing is left to load."""

    def encode(self, painting: Samples) -> StyleVector:  # noqa: ARG002
        raise StyleError(f"{self.path} is a network and reads no paintings", code="network-style")

    def paint(
        self,
        photo: Pixels,
        style: StyleVector,
        *,
        shot: Shot | None = None,  # noqa: ARG002  each frame is normalized by its own statistics
        run: str = "style",  # noqa: ARG002
    ) -> Pixels:
        """As `Engine.paint`.

        Raises:
            PictureError: the photo needs more memory than there is, and the network's file takes no statistics.
        """
        weights = style.embedding
        height, width = photo.shape[:2]
        if self.size.only is not None:
            painted, _ = self._run(resize(photo, *self.size.only), weights)
            return resize(self._clamp(painted), width, height)

        def paint(part: Pixels, given: Statistics | None, _: tuple[int, int]) -> tuple[Pixels, Statistics]:
            painted, statistics = self._run(self.size.padded(part), weights, given)
            return self._clamp(painted)[: part.shape[0], : part.shape[1]], statistics

        budget = self.budget if self._statistics else photo.size * _ARENA_BYTES_PER_PIXEL  # the latter: as a whole
        painted = np.empty_like(photo)
        paint_within(photo, budget, _ARENA_BYTES_PER_PIXEL, paint, painted.__setitem__, size=self.size)
        return painted

    def _run(
        self,
        photo: Pixels,
        weights: Array,
        given: Statistics | None = None,
        span: tuple[float, float] | None = None,
    ) -> tuple[Pixels, Statistics]:
        """The network's own values for a photo, and what it is normalized by where the file tells."""
        low, high = span or (self.facts.low, self.facts.high)
        feeds = {self._picture: planes(photo) * np.float32(high - low) + np.float32(low)}
        if self._weights is not None:
            feeds[self._weights] = weights[None]
        if self._statistics:
            feeds["given"] = np.zeros(self._statistics, np.float32) if given is None else given
            feeds["trust"] = np.array(given is not None, np.float32)
        painted, *more = self._model.run(feeds, photo.shape[0] * photo.shape[1])
        height, width = photo.shape[:2]
        beyond = [there - here for there, here in zip(painted.shape[2:], (height, width), strict=False)]
        if (
            painted.shape[:2] != (1, 3)
            or len(beyond) != 2
            or not all(0 <= side < self.size.multiple for side in beyond)
        ):
            shape = " x ".join(map(str, painted.shape))
            raise StyleError(
                f"{self.path} makes {shape} values of 1 x 3 x {height} x {width}, no picture of that size",
                code="other-network",
            )
        statistics = more[-1] if self._statistics else np.zeros(0, np.float32)
        return np.ascontiguousarray(painted[0].transpose(1, 2, 0)[:height, :width]), statistics

    def _clamp(self, values: Pixels) -> Pixels:
        scaled = (values - np.float32(self.facts.low)) / np.float32(self.facts.high - self.facts.low)
        return scaled.clip(0, 1)

    def _read_facts(self, metadata: dict[str, str]) -> Facts:
        if METADATA in metadata:
            try:
                facts = json.loads(metadata[METADATA])
                return Facts(
                    float(facts["low"]), float(facts["high"]), tuple(map(str, facts["styles"])), facts.get("card")
                )
            except (ValueError, KeyError, TypeError) as error:
                raise StyleError(f"{self.path} is damaged: its metadata cannot be read", code="damaged-file") from error
        if self._weights is not None:
            raise StyleError(f"{self.path} has a second input and does not say what for", code="other-network")
        return self._try()

    def _try(self) -> Facts:
        """Which values stand for black and white is told from what a photo becomes."""
        photo = self._trial()
        try:
            seen = photo if self.size.only is None else resize(photo, *self.size.only)
            values, _ = self._run(seen, np.ones(1, np.float32), span=(0.0, 1.0))
        except StyleError:
            raise
        except Exception as error:
            first = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
            raise StyleError(f"{self.path} cannot paint a photo", first, code="not-a-network") from error
        darkest, brightest = np.percentile(values, (5, 95))
        if brightest > 8:
            return Facts(0.0, 255.0)
        return Facts(-1.0, 1.0) if darkest < -0.25 else Facts()
