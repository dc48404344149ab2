"""The one composition: strength, brush size, blends, regions, kept colors and tone, for photos and frames alike.

A photo is painted at the size at which strokes look natural, enlarged, and finished. Everything that happens at full
size is done to a window at a time, so a photo of any size takes little more memory than its own samples and the
result's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.controls import NATURAL_SIDE, Controls
from impasto.engines.base import Engine, StyleVector
from impasto.engines.shot import Shot
from impasto.painting.regions import Layer
from impasto.pixels.arrays import STRIP_PIXELS, Pixels, Samples, floats, reduced, stored, strips
from impasto.pixels.color import Change, covariance_change, histogram_change, tone_change, with_colors_of
from impasto.pixels.masks import Mask, check_proportions, fit_mask, layer
from impasto.system.memory import allocate

BYTES_PER_PIXEL = 30  # of a photo that is finished in floats
_LEAST_SHARE = np.float32(1e-3)  # of a pixel that is painted, below which the photo stands for the paint

Moved: TypeAlias = Mapping[int, Mask]
"""{region's number: mask} in place of masks that move, or that each photo has by itself."""


class Composition:
    """Paints one photo, or the frames of an animation or of a video's shot, all in the same way.

    Args:
        layers: the ground, and the regions over it.
        first: one of the frames, H x W x 3; styles are brought to its colors if that is asked for. Like all frames it
            is filled in where it is not seen (`impasto.pixels.arrays.filled`).
        budget: bytes that may be taken beside the frame.
        shot: remembers how frames are normalized; None, each by itself. Frames of a moving shot are reduced and
            enlarged faster, and without strokes that would flicker.
        side: pixels of the longer side at which strokes look natural.
    """

    def __init__(
        self,
        controls: Controls,
        layers: Sequence[Layer],
        first: Samples,
        *,
        budget: int,
        shot: Shot | None = None,
        side: float = NATURAL_SIDE,
    ) -> None:
        self.controls, self.budget, self._side = controls, budget, side
        self.moving = shot is not None and shot.frames > 1
        self._layers, self._first, self._shot = layers, first, shot
        self._strength = np.float32(controls.strength / 100)
        self._weakens = any(layer.share < 1 for layer in layers)
        self._finds = {index: one.mask for index, one in enumerate(layers[1:]) if isinstance(one.mask, str)}
        self._found: tuple[Samples, dict[int, Mask]] | None = None  # in the last frame
        self._measured: dict[tuple[str, tuple[int, int]], NDArray[Any]] = {}

    def __call__(self, frame: Samples, moved: Moved | None = None) -> Pixels:
        """A frame, finished: H x W x 3, float32, 0..1."""
        return self.finished(self.painted(frame, moved), frame, moved)

    def _with_found(self, frame: Samples, moved: Moved | None) -> Moved | None:
        """The masks that move, with those that are found in the frame unless the caller has found them."""
        missing = {index: name for index, name in self._finds.items() if index not in (moved or {})}
        if not missing:
            return moved
        if self._found is None or self._found[0] is not frame:
            from impasto.painting.people import mask_in  # and OpenCV

            masks = {name: mask_in(name, frame, warn=self._found is None) for name in set(missing.values())}
            self._found = frame, {index: masks[name] for index, name in missing.items()}
        return {**(moved or {}), **self._found[1]}

    @functools.cached_property
    def _engines(self) -> list[list[tuple[float, Engine, StyleVector]]]:
        """What paints each blend: one set of vectors for all frames, so that they do not flicker."""
        recolor = None
        if self.controls.recolors_style:
            height, width = self._first.shape[:2]
            seen = reduced(self._first, *painted_size(self.controls, self._layers, width, height, self._side))
            recolor = functools.partial(recolored, controls=self.controls, photo=seen)
        return [[] if layer.blend is None else layer.blend.by_engine(recolor) for layer in self._layers]

    def normalize_by(self, sample: Pixels) -> None:
        """Normalize all frames by the statistics of a picture, in place of their own.

        Args:
            sample: h x w x 3, float32, 0..1, in the size in which frames are painted.
        """
        shot = Shot(frames=1)
        for index, engines in enumerate(self._engines):
            for _, engine, vector in engines:
                engine.paint(sample, vector, shot=shot, run=f"style {index}")
        self._shot = Shot(frames=1)  # it has seen no frame yet, so all that come are normalized by what is known
        self._shot.means, self._shot.counts = shot.means, shot.counts

    def _paint(self, index: int, frame: Pixels) -> Pixels:
        """A small frame in one of the blends: every engine's picture, mixed by its share."""
        pictures = []
        for share, engine, vector in self._engines[index]:
            picture = engine.paint(frame, vector, shot=self._shot, run=f"style {index}")
            if self.controls.recolors_style and not engine.encodes:  # its style could not be recolored before
                picture = recolored(picture, controls=self.controls, photo=frame)
            pictures.append((np.float32(share), picture))
        if len(pictures) == 1:
            return pictures[0][1]
        return np.sum([share * picture for share, picture in pictures], axis=0, dtype=np.float32)

    def small(self, frame: Samples, layer: Layer | None = None) -> Pixels:
        """A frame in the size in which a layer is painted; None, in that of the finest brush."""
        height, width = frame.shape[:2]
        size = painted_size(self.controls, self._layers if layer is None else [layer], width, height, self._side)
        if self.moving and size != (width, height):
            import cv2

            return floats(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
        return reduced(frame, *size)

    def painted(self, frame: Samples, moved: Moved | None = None) -> Pixels:
        """Each style in a run of its own, the pictures mixed as the weights and the masks say.

        Args:
            frame: H x W x 3.
        Returns:
            A picture of the size in which the finest brush paints, at full strength.
        """
        masks = [layer.mask for layer in self._layers[1:] if isinstance(layer.mask, np.ndarray)]
        check_proportions(masks, frame.shape[1], frame.shape[0])
        small = self.small(frame)
        shares = self._shares_of(small, self._with_found(frame, moved))
        if shares is None:
            return self._paint(0, small)
        total = np.zeros_like(small)
        for index, share in self._paintings(shares).items():
            if share.any():
                total += share[:, :, None] * self._painted_layer(index, frame, small)
        if not self._weakens:
            return total
        # Where a region is weaker, `finished` puts the photo there: here the painted shares are all there is.
        painted = self._strengths(shares)[:, :, None]
        return np.where(painted > _LEAST_SHARE, total / painted.clip(_LEAST_SHARE), small)

    def _paintings(self, shares: NDArray[np.float32]) -> dict[int, NDArray[np.float32]]:
        """What each painting gets of every pixel; layers that differ in strength alone share the first one's."""
        first: dict[tuple[int, float], int] = {}
        found: dict[int, NDArray[np.float32]] = {}
        for index, (one, share) in enumerate(zip(self._layers, shares, strict=True)):
            if not one.share:
                continue
            painting = first.setdefault((id(one.blend), one.brush_size or self.controls.brush_size), index)
            part = share if one.share == 1 else one.share * share
            found[painting] = found[painting] + part if painting in found else part
        return found

    def _painted_layer(self, index: int, frame: Samples, small: Pixels) -> Pixels:
        """A frame in the style and with the brush of a layer, at the size of `small`."""
        own = self.small(frame, self._layers[index])
        if own.shape == small.shape:
            return self._paint(index, small)
        from impasto.painting.octaves import enlarge, enlarge_frame

        painted, detail = self._paint(index, own), self.controls.detail / 100
        if self.moving:
            return enlarge_frame(painted, small, detail)
        large = np.empty_like(small)
        enlarge(painted, small, detail, large.__setitem__, self.budget)
        return large

    def _strengths(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """How much of the painting each pixel gets, of full strength."""
        strengths = np.array([layer.share for layer in self._layers], np.float32)
        found: NDArray[np.float32] = np.einsum("k,kij->ij", strengths, shares)
        return found

    def finished(
        self,
        painted: Pixels,
        frame: Samples,
        moved: Moved | None = None,
        kind: Any = np.float32,
        on_window: Callable[[int], None] = lambda _: None,
    ) -> Samples:
        """What was painted, at the frame's size, in its colors and tone if that is asked for.

        Args:
            painted: what `painted` gives, or a mixture of such pictures.
            frame: H x W x 3.
            kind: of the result's samples.
            on_window: called with the pixels of each window that is done, from several threads; it may raise.
        Returns:
            H x W x 3.
        """
        last = _LastSteps(self, painted, frame, moved, kind)
        whole = slice(0, frame.shape[0]), slice(0, frame.shape[1])
        if painted.shape == frame.shape:
            return last(painted, whole)
        from impasto.painting.octaves import enlarge, enlarge_frame  # and OpenCV: a small photo starts sooner without

        detail = self.controls.detail / 100
        if self.moving:
            large = enlarge_frame(painted, frame, detail)
            is_done = large.dtype == kind and not last.change
            return large if is_done else last(floats(large), whole)
        out = allocate(frame.shape, kind, self.budget)

        def keep(place: tuple[slice, slice], piece: Pixels) -> None:
            out[place] = last(piece, place)
            on_window(piece.shape[0] * piece.shape[1])

        enlarge(painted, frame, detail, keep, self.budget)
        return out

    def windows(
        self, painted: Pixels, frame: Samples, grays: Sequence[Pixels] | None = None
    ) -> Callable[[tuple[slice, slice]], Pixels]:
        """What computes windows of the picture that `finished` gives, each by itself.

        Args:
            painted, frame: as for `finished`.
            grays: `impasto.painting.octaves.luminances` of the frame; computed if not given.
        Returns:
            Called with rows and columns, it gives that part: h x w x 3, float32, 0..1.
        """
        last = _LastSteps(self, painted, frame, None, np.float32)
        if painted.shape == frame.shape:
            return lambda place: last(painted[place], place)
        from impasto.painting.octaves import Enlargement

        large = Enlargement(painted, frame, self.controls.detail / 100, self.budget, grays)
        return lambda place: last(large.window(place), place)

    def _colored(self, painted: Pixels, photo: Pixels) -> Pixels:
        """A picture at the strength that is asked for, in the photo's colors if they are kept."""
        if self._strength < 1:
            painted = photo + self._strength * (painted - photo)
        return with_colors_of(painted, photo) if self.controls.keep_color == "luminance" else painted

    def _tone(self, painted: Pixels, frame: Samples) -> Change | None:
        """What gives the picture the frame's brightness and contrast, told by the small ones."""
        if self.controls.tone != "match":
            return None
        small = self.small(frame)
        return tone_change(self._colored(painted, small), small)

    def _shares_of(self, frame: Samples, moved: Moved | None) -> NDArray[np.float32] | None:
        """What each of the blends gets of every pixel of a small frame."""
        if len(self._layers) < 2:
            return None
        return self._kept("shares", frame, moved, lambda size: self._shares(moved, size, slice(0, size[1])))

    def _left_of(self, frame: Samples, moved: Moved | None) -> NDArray[Any] | None:
        """What the photo itself gets of every pixel, where a region leaves it or is weaker: H x W."""
        if not self._weakens:
            return None

        def measure(size: tuple[int, int]) -> NDArray[Any]:
            left = allocate(
                (size[1], size[0]), np.float32 if size[0] * size[1] < STRIP_PIXELS else np.float16, self.budget
            )
            for rows in strips(size[1], size[0]):
                left[rows] = 1 - self._strengths(self._shares(moved, size, rows))
            return left

        return self._kept("left", frame, moved, measure)

    def _shares(self, moved: Moved | None, size: tuple[int, int], rows: slice) -> NDArray[np.float32]:
        masks: list[Any] = [(moved or {}).get(index, one.mask) for index, one in enumerate(self._layers[1:])]
        return layer([fit_mask(one, *size, rows) for one in masks])

    def _kept(
        self, name: str, frame: Samples, moved: Moved | None, measure: Callable[[tuple[int, int]], NDArray[Any]]
    ) -> NDArray[Any]:
        """What follows from masks that stand still is measured once for a size."""
        size = frame.shape[1], frame.shape[0]
        if moved:
            return measure(size)
        if (name, size) not in self._measured:
            self._measured[name, size] = measure(size)
        return self._measured[name, size]


class _LastSteps:
    """Strength, kept colors, tone, and the photo where it is left: what is done to windows at full size.

    Attributes:
        change: whether they change anything.
    """

    def __init__(self, of: Composition, painted: Pixels, frame: Samples, moved: Moved | None, kind: Any) -> None:
        self._of, self._frame, self._kind = of, frame, kind
        self._left = of._left_of(frame, of._with_found(frame, moved))
        self._tone = of._tone(painted, frame)
        self._mixes = of._strength < 1 or of.controls.keep_color == "luminance" or self._left is not None
        self.change = self._mixes or self._tone is not None

    def __call__(self, piece: Pixels, place: tuple[slice, slice]) -> Samples:
        photo = floats(self._frame[place]) if self._mixes else piece
        piece = self._of._colored(piece, photo)
        if self._tone is not None:
            piece = self._tone(piece)
        return stored(_left_as_is(piece, photo, self._left, place), self._kind)


def painted_size(
    controls: Controls, layers: Sequence[Layer], width: int, height: int, side: float = NATURAL_SIDE
) -> tuple[int, int]:
    """The size at which a photo of width x height is painted by several layers: that of the finest brush."""
    brushes = {layer.brush_size or controls.brush_size for layer in layers if layer.blend is not None}
    finest = min(brushes or {controls.brush_size})
    return replace(controls, brush_size=finest).painted_size(width, height, side)


def recolored(picture: Pixels, *, controls: Controls, photo: Pixels) -> Pixels:
    """A picture in the photo's colors, if `keep_color` asks for that before painting. H x W x 3 each, any sizes."""
    if not controls.recolors_style:
        return picture
    change = histogram_change if controls.keep_color == "histogram" else covariance_change
    return change(picture, photo)(picture)


def _left_as_is(painted: Pixels, photo: Pixels, left: NDArray[np.float32] | None, place: tuple[slice, slice]) -> Pixels:
    if left is None:
        return painted
    return (painted + left[place][:, :, None] * (photo - painted)).astype(np.float32)
