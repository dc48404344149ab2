"""Compose strength, brush size, blends, regions, kept colors and tone. Photos and frames use the same code.

A photo is painted at the size at which strokes look natural, then enlarged, then finished. All work at full size is
done in windows. So a photo of any size needs little more memory than its own samples and those of the result.
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
_UNDER = 0.4  # share of the first painting's grain that is smoothed before the second: it would become coarser
_LEAST_SHARE = np.float32(1e-3)  # painted share of a pixel, below which `painted` returns the photo there

Moved: TypeAlias = Mapping[int, Mask]
"""{region's number: mask}: replaces masks that move or that are found in each photo."""


class Composition:
    """Paint one photo, or all frames of an animation or of a video's shot, in the same way.

    Args:
        layers: the ground, then the regions over it.
        first: one of the frames, H x W x 3. If `keep_color` asks for it, styles are matched to its colors. Transparent
            parts of all frames must be filled in (`impasto.pixels.arrays.filled`).
        budget: bytes that may be used in addition to the frame.
        shot: stores the statistics by which frames are normalized; None: each frame uses its own. Frames of a moving
            shot are resized by faster methods, and without new strokes, which would flicker.
        side: the longer side, in pixels, at which strokes look natural.
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
        self._strength, self._bold = np.float32(controls.strength / 100), np.float32(controls.boldness / 100)
        self._weakens = any(layer.share < 1 for layer in layers)
        self._finds = {index: one.mask for index, one in enumerate(layers[1:]) if isinstance(one.mask, str)}
        self._found: tuple[Samples, dict[int, Mask]] | None = None  # the previous frame, and the masks found in it
        self._measured: dict[tuple[str, tuple[int, int]], NDArray[Any]] = {}

    def __call__(self, frame: Samples, moved: Moved | None = None) -> Pixels:
        """Return a finished frame: H x W x 3, float32, 0..1."""
        return self.finished(self.painted(frame, moved), frame, moved)

    def _with_found(self, frame: Samples, moved: Moved | None) -> Moved | None:
        """Return the moving masks. Find those masks in the frame that the caller has not found already."""
        missing = {index: name for index, name in self._finds.items() if index not in (moved or {})}
        if not missing:
            return moved
        if self._found is None or self._found[0] is not frame:
            from impasto.painting.people import mask_in  # here, because it imports OpenCV

            masks = {name: mask_in(name, frame, warn=self._found is None) for name in set(missing.values())}
            self._found = frame, {index: masks[name] for index, name in missing.items()}
        return {**(moved or {}), **self._found[1]}

    @functools.cached_property
    def _engines(self) -> list[list[tuple[float, Engine, StyleVector]]]:
        """The engines of each blend. All frames use one set of vectors, so that they do not flicker."""
        recolor = None
        if self.controls.recolors_style:
            height, width = self._first.shape[:2]
            seen = reduced(self._first, *painted_size(self.controls, self._layers, width, height, self._side))
            recolor = functools.partial(recolored, controls=self.controls, photo=seen)
        return [[] if layer.blend is None else layer.blend.by_engine(recolor) for layer in self._layers]

    def normalize_by(self, sample: Pixels) -> None:
        """Normalize all frames by the statistics of one picture, instead of their own.

        Args:
            sample: h x w x 3, float32, 0..1, at the size at which frames are painted.
        """
        shot = Shot(frames=1)
        for index, engines in enumerate(self._engines):
            for _, engine, vector in engines:
                self._painted_by(engine, vector, sample, shot, f"style {index}")
        self._shot = Shot(frames=1)  # with no frame of its own, it normalizes all frames by the sample's statistics
        self._shot.means, self._shot.counts = shot.means, shot.counts

    def _paint(self, index: int, frame: Pixels) -> Pixels:
        """Paint a small frame in one blend: mix the pictures of its engines by their shares."""
        pictures = []
        for share, engine, vector in self._engines[index]:
            picture = self._painted_by(engine, vector, frame, self._shot, f"style {index}")
            picture = self._smoothed(picture, engine.smoothing(vector))
            if self.controls.recolors_style and not engine.encodes:  # a network's style cannot be recolored beforehand
                picture = recolored(picture, controls=self.controls, photo=frame)
            pictures.append((np.float32(share), picture))
        if len(pictures) == 1:
            return pictures[0][1]
        return np.sum([share * picture for share, picture in pictures], axis=0, dtype=np.float32)

    def _painted_by(self, engine: Engine, vector: StyleVector, frame: Pixels, shot: Shot | None, run: str) -> Pixels:
        """Paint a small frame, and with boldness a second time over the first painting."""
        picture = engine.paint(frame, vector, shot=shot, run=run)
        if not self._bold:
            return picture
        under = frame + self._bold * (self._smoothed(picture, _UNDER) - frame)
        return engine.paint(under, vector, shot=shot, run=f"{run}, again")

    def _smoothed(self, picture: Pixels, share: float) -> Pixels:
        """Smooth a share of the grain of a photo's picture. Frames keep theirs: other strokes in each would flicker."""
        if self.moving or not share:
            return picture
        from impasto.painting.octaves import smooth  # here, because it imports OpenCV

        return smooth(picture, share)

    def small(self, frame: Samples, layer: Layer | None = None) -> Pixels:
        """Return a frame at the size at which a layer is painted; None: at the size for the finest brush."""
        height, width = frame.shape[:2]
        size = painted_size(self.controls, self._layers if layer is None else [layer], width, height, self._side)
        if self.moving and size != (width, height):
            import cv2

            return floats(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
        return reduced(frame, *size)

    def painted(self, frame: Samples, moved: Moved | None = None) -> Pixels:
        """Paint each style on its own, and mix the pictures by the weights and the masks.

        Args:
            frame: H x W x 3.
        Returns:
            A picture at full strength, at the size for the finest brush.
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
        # In weaker regions `finished` adds the photo. So this mixture contains painted shares only.
        painted = self._strengths(shares)[:, :, None]
        return np.where(painted > _LEAST_SHARE, total / painted.clip(_LEAST_SHARE), small)

    def _paintings(self, shares: NDArray[np.float32]) -> dict[int, NDArray[np.float32]]:
        """Return each painting's share of every pixel. Layers that differ only in strength share one painting."""
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
        """Paint a frame in the style and with the brush of a layer; return it at the size of `small`."""
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
        """Return the painting's share of each pixel, relative to full strength."""
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
        """Bring a painted picture to the frame's size, and apply strength, kept colors and tone.

        Args:
            painted: a result of `painted`, or a mixture of such pictures.
            frame: H x W x 3.
            kind: the type of the result's samples.
            on_window: called with the number of pixels of each finished window, from several threads. It may raise.
        Returns:
            H x W x 3.
        """
        last = _LastSteps(self, painted, frame, moved, kind)
        whole = slice(0, frame.shape[0]), slice(0, frame.shape[1])
        if painted.shape == frame.shape:
            return last(painted, whole)
        from impasto.painting.octaves import enlarge, enlarge_frame  # here: without OpenCV, small photos start sooner

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
        """Return a function that computes single windows of the picture that `finished` returns.

        Args:
            painted, frame: as for `finished`.
            grays: the result of `impasto.painting.octaves.luminances` for the frame; None: compute it.
        Returns:
            A function from rows and columns to that part of the picture: h x w x 3, float32, 0..1.
        """
        last = _LastSteps(self, painted, frame, None, np.float32)
        if painted.shape == frame.shape:
            return lambda place: last(painted[place], place)
        from impasto.painting.octaves import Enlargement

        large = Enlargement(painted, frame, self.controls.detail / 100, self.budget, grays)
        return lambda place: last(large.window(place), place)

    def _colored(self, painted: Pixels, photo: Pixels) -> Pixels:
        """Return a picture at the requested strength, with the photo's colors if `keep_color` is "luminance"."""
        if self._strength < 1:
            painted = photo + self._strength * (painted - photo)
        return with_colors_of(painted, photo) if self.controls.keep_color == "luminance" else painted

    def _tone(self, painted: Pixels, frame: Samples) -> Change | None:
        """Return a function that matches brightness and contrast to the frame's, as measured on small pictures."""
        if self.controls.tone != "match":
            return None
        small = self.small(frame)
        return tone_change(self._colored(painted, small), small)

    def _shares_of(self, frame: Samples, moved: Moved | None) -> NDArray[np.float32] | None:
        """Return each layer's share of every pixel of a small frame."""
        if len(self._layers) < 2:
            return None
        return self._kept("shares", frame, moved, lambda size: self._shares(moved, size, slice(0, size[1])))

    def _left_of(self, frame: Samples, moved: Moved | None) -> NDArray[Any] | None:
        """Return the photo's own share of every pixel, H x W: above 0 where a region leaves the photo or is weaker."""
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
        """Measure a map that depends on masks. Maps of masks that do not move are cached for each size."""
        size = frame.shape[1], frame.shape[0]
        if moved:
            return measure(size)
        if (name, size) not in self._measured:
            self._measured[name, size] = measure(size)
        return self._measured[name, size]


class _LastSteps:
    """The last steps, done to windows at full size: strength, kept colors, tone, and parts that stay photo.

    Attributes:
        change: True if any step changes the picture.
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
    """Return the size at which a photo of width x height is painted by several layers: that for the finest brush."""
    brushes = {layer.brush_size or controls.brush_size for layer in layers if layer.blend is not None}
    finest = min(brushes or {controls.brush_size})
    return replace(controls, brush_size=finest).painted_size(width, height, side)


def recolored(picture: Pixels, *, controls: Controls, photo: Pixels) -> Pixels:
    """Match a picture's colors to the photo's if `keep_color` asks for it. Both are H x W x 3, of any size."""
    if not controls.recolors_style:
        return picture
    change = histogram_change if controls.keep_color == "histogram" else covariance_change
    return change(picture, photo)(picture)


def _left_as_is(painted: Pixels, photo: Pixels, left: NDArray[np.float32] | None, place: tuple[slice, slice]) -> Pixels:
    if left is None:
        return painted
    return (painted + left[place][:, :, None] * (photo - painted)).astype(np.float32)
