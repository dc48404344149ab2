"""A photo so large that several copies of it in floats would not fit: its samples stay as they are stored.

Everything is done to a strip or a tile at a time. What must be known of the whole (its colours, its tone) is measured
on a sample of its pixels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto import mask
from impasto.color import LUMA, Pixels, tone_change, with_colors_of
from impasto.controls import Controls
from impasto.memory import room
from impasto.network import Network
from impasto.painter import Painter
from impasto.resample import resized_rows
from impasto.samples import Samples, floats, stored
from impasto.style import Blend
from impasto.tiling import Put

BYTES_PER_PIXEL = 60  # measured peak of a photo that is painted in floats, beside what its network takes
_STRIP_PIXELS = 2_000_000
_SAMPLED = 1_000_000

_PaintInto: TypeAlias = Callable[..., None]
"""Takes a photo, and `put`."""


@dataclass(frozen=True)
class _Part:
    """A picture that counts in the result, and how much where each of the blends holds."""

    paint: _PaintInto
    weights: NDArray[np.float32]


class LargePhoto:
    """A photo, and what it is painted with.

    Args:
        photo: H x W x 3.
        blends: of the ground and of every region; None leaves the photo as it is.
        masks: of the regions.
    """

    def __init__(
        self,
        photo: Samples,
        blends: Sequence[Blend | None],
        masks: Sequence[mask.Mask],
        controls: Controls,
        painter: Painter,
    ) -> None:
        self.photo, self.blends, self.masks = photo, blends, masks
        self.controls, self.painter = controls, painter
        self.strength = np.float32(controls.strength / 100)
        self.left = np.array([blend is None for blend in blends], np.float32)  # which of them leave the photo
        self.height, self.width = photo.shape[:2]

    def painted(self, kind: Any) -> Samples:
        """The finished picture, H x W x 3, stored as `kind`: uint8 or uint16."""
        small = self._small(kind)
        parts = self._parts(kind)
        out = room(self.photo.shape, kind, self.painter.budget)
        if len(parts) == 1 and not self.masks and self.strength == 1 and small is self.photo:
            parts[0].paint(small, put=lambda place, piece: out.__setitem__(place, stored(piece, kind)))
        else:
            total = room(self.photo.shape, _working(kind), self.painter.budget)
            total[:] = 0
            for part in parts:
                self._add(part, small, total)
            for rows in _strips(self.height, self.width):
                out[rows] = stored((floats(total[rows]) + self._kept(rows, small)).clip(0, 1), kind)
        self._finish(out)
        return out

    def _small(self, kind: Any) -> Samples:
        """The photo at the size at which strokes come out as large as wanted: see `painter.controlled`."""
        width, height = (max(1, round(side / self.controls.brush_size)) for side in (self.width, self.height))
        if (width, height) == (self.width, self.height):
            return self.photo
        small = room((height, width, 3), kind, self.painter.budget)
        for rows in _strips(height, width):
            small[rows] = stored(resized_rows(self.photo, width, height, rows), kind)
        return small

    def _parts(self, kind: Any) -> list[_Part]:
        """What `Painter.paint` and `Network.paint` mix, one by one; the photo's own share is `_kept`."""
        sample = _sample(self.photo)
        parts = []
        for index, blend in enumerate(self.blends):
            for weight, network, shares in blend.engines() if blend is not None else ():
                weights = np.zeros(len(self.blends), np.float32)
                weights[index] = weight * self.strength
                paint: _PaintInto
                if network is None:
                    assert blend is not None
                    vector = blend.vector(self.painter, self.controls, sample)
                    paint = functools.partial(self.painter.paint_into, vector=vector)
                else:
                    paint = functools.partial(self._by_network, network, shares, sample, kind)
                parts.append(_Part(paint, weights))
        return parts

    def _by_network(
        self, network: Network, shares: Sequence[float], sample: Pixels, kind: Any, photo: Samples, put: Put
    ) -> None:
        """By way of a picture of its own: its colours may have to be changed, and tiles may be painted twice."""
        picture = room(photo.shape, _working(kind), self.painter.budget)
        network.paint_into(photo, shares, picture.__setitem__, budget=self.painter.budget)
        recolor = self.controls.recoloring(_sample(picture), sample) if self.controls.recolors_style else None
        for rows in _strips(*photo.shape[:2]):
            piece = floats(picture[rows])
            put((rows, slice(0, photo.shape[1])), recolor(piece) if recolor else piece)

    def _add(self, part: _Part, small: Samples, total: Samples) -> None:
        def add(place: tuple[slice, slice], piece: Pixels) -> None:
            total[place] = floats(total[place]) + self._shares(part.weights, place) * piece

        if small is self.photo:
            part.paint(small, put=add)
            return
        picture = room(small.shape, total.dtype, self.painter.budget)
        part.paint(small, put=picture.__setitem__)
        for rows in _strips(self.height, self.width):
            add((rows, slice(0, self.width)), resized_rows(picture, self.width, self.height, rows))

    def _kept(self, rows: slice, small: Samples) -> Pixels:
        """What the result has of the photo itself; with a larger brush, its fine detail, too."""
        place = rows, slice(0, self.width)
        photo = floats(self.photo[rows])
        painted = self._shares(1 - self.left, place)
        held = photo if small is self.photo else resized_rows(small, self.width, self.height, rows)
        kept = (1 - self.strength) * held
        if self.controls.brush_size > 1:
            detail = photo - held
            grey = (detail @ LUMA)[:, :, None]
            kept = kept + grey + (1 - self.strength) * (detail - grey)
        return (painted * kept + (1 - painted) * photo).astype(np.float32)

    def _shares(self, weights: NDArray[np.float32], place: tuple[slice, slice]) -> NDArray[np.float32]:
        """What of each pixel belongs to the blends, weighted: h x w x 1, or one number for all."""
        if not self.masks:
            return weights[:1]
        rows, columns = place
        masks = [mask.fit_mask(one, self.width, self.height, rows)[:, columns] for one in self.masks]
        return np.tensordot(weights, mask.layer(masks), 1)[:, :, None]

    def _finish(self, out: Samples) -> None:
        """The photo's colours, then its tone: see `Controls.finish`; then the photo where it is to be left."""
        rows_of = list(_strips(self.height, self.width))
        if self.controls.keep_color == "luminance":
            for rows in rows_of:
                out[rows] = stored(with_colors_of(floats(out[rows]), floats(self.photo[rows])), out.dtype)
        if self.controls.tone == "match":
            change = tone_change(_sample(out), _sample(self.photo))
            for rows in rows_of:
                out[rows] = stored(change(floats(out[rows])), out.dtype)
        if self.left.any():
            for rows in rows_of:
                share = self._shares(self.left, (rows, slice(0, self.width)))
                piece = floats(out[rows])
                out[rows] = stored(piece + share * (floats(self.photo[rows]) - piece), out.dtype)


def filled(photo: Samples, alpha: Pixels | None) -> Samples:
    """Give what nobody sees the mean of what is seen: its colour must not steer the style of the rest."""
    if alpha is None or alpha.min() > 0 or alpha.max() == 0:
        return photo
    strips = list(_strips(*photo.shape[:2]))
    total = sum(np.tensordot(alpha[rows], floats(photo[rows]), 2) for rows in strips)
    out = photo.copy()
    out[alpha == 0] = stored((total / alpha.sum(dtype=np.float64)).astype(np.float32), photo.dtype)
    return out


def _working(kind: Any) -> type[np.floating[Any]]:
    """Half precision is finer than eight bits."""
    return np.float16 if np.dtype(kind).itemsize == 1 else np.float32


def _strips(height: int, width: int) -> Iterator[slice]:
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield slice(top, min(height, top + rows))


def _sample(samples: Samples) -> Pixels:
    """Every nth pixel of every nth row."""
    step = max(1, math.isqrt(samples.shape[0] * samples.shape[1] // _SAMPLED))
    return floats(samples[::step, ::step])
