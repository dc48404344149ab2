"""From a photo and a style to a painted picture: what every caller of the fast engine runs."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from impasto.controls import Controls
from impasto.engines.base import Engine
from impasto.engines.by_name import DEFAULT, EngineName, engine_of
from impasto.engines.network import Network
from impasto.engines.shot import Shot
from impasto.errors import OutOfMemory
from impasto.painting.compose import BYTES_PER_PIXEL, FramePainter, Paint
from impasto.painting.regions import Region, Regions, read_mask, region_pairs
from impasto.picture import Picture, Source
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.arrays import Pixels, Samples, filled, reduced
from impasto.settings import make
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest, resolve
from impasto.styles.style import Blend
from impasto.version import __version__


class Stylizer:
    """Paints photos with one style and one set of controls; styles and masks are read once.

    May be called from several threads at once.

    Args:
        style: a name, a painting, or several with weights: see `impasto.styles.resolve.StyleRequest`.
        regions: {mask: style}; later ones lie over earlier ones. The style "none" leaves the photo.
        controls: strength, colour, tone, brush size, detail, output size.
        gallery: where names are looked up.
        max_pixels: the limit for paintings and masks.
    Raises:
        UsageError, PictureError, StyleError: as `resolve` (`impasto.styles`) and `read_mask`.

    >>> paint = impasto.Stylizer({"starry-night": 0.7, "painting.jpg": 0.3}, controls=impasto.Controls(strength=80))
    >>> paint(impasto.Picture.open("photo.jpg"))
    <Picture 64x36>
    """

    def __init__(
        self,
        style: StyleRequest,
        *,
        regions: Regions | None = None,
        controls: Controls | None = None,
        gallery: Gallery | None = None,
        painter: Engine | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.controls = controls or Controls()
        self.painter = painter or engine_of()
        gallery = gallery or Gallery(painter=self.painter)
        if gallery.painter is not self.painter:
            gallery = Gallery(gallery.folder, self.painter)
        self.style = _resolve(style, gallery, self.painter, max_pixels)
        self.regions = [
            Region(
                read_mask(source, max_pixels=max_pixels),
                None
                if isinstance(wanted, str) and wanted == "none"
                else _resolve(wanted, gallery, self.painter, max_pixels),
            )
            for source, wanted in region_pairs(regions)
        ]

    def prepare(self) -> None:
        """Begin to load what paints, so that it is there when the first photo is."""
        (style, _), *others = self.style.parts
        if style.vector is not None and not others:
            self.painter.prepare(style.vector)

    def __call__(self, photo: Picture) -> Picture:
        """The photo, painted: every frame of it, with the photo's metadata and alpha.

        Raises:
            OutOfMemory: it takes more memory than there is.
        """
        try:
            return self._painted(photo)
        except MemoryError as error:
            megapixels = photo.width * photo.height / 1e6
            raise OutOfMemory(
                f"painting {megapixels:.1f} megapixels takes more memory than is free",
                "--size makes the picture smaller",
            ) from error

    def _painted(self, photo: Picture) -> Picture:
        photo = photo.resized(*self.controls.output_size(photo.width, photo.height))
        if self.controls.strength == 0:
            return replace(photo, made_with=self.made_with())
        if photo.frames:
            paint = self.for_frames(photo.pixels, photo.alpha, Shot(frames=1))
            return replace(photo.with_frames(paint), made_with=self.made_with())
        kind: Any = np.float32
        if photo.width * photo.height * BYTES_PER_PIXEL > self.painter.budget:
            kind = np.uint8 if photo.samples.dtype == np.uint8 else np.uint16
        paint = self.for_frames(photo.samples, photo.alpha)
        samples = paint.finished(paint.painted(photo.samples), photo.samples, kind=kind)
        return replace(photo, samples=samples, made_with=self.made_with())

    def for_frames(self, first: Samples, alpha: Pixels | None = None, shot: Shot | None = None) -> FramePainter:
        """What paints every frame of an animation or of a video's shot, in the same way.

        Args:
            first: one of its frames, H x W x 3; the style is brought to its colours and strength if that is asked for.
            alpha: H x W, of all frames.
            shot: remembers how frames are normalised; None, each by itself.
        """
        if self.controls.recolors_style:
            first = reduced(filled(first, alpha), *self.controls.painted_size(first.shape[1], first.shape[0]))
        # One set of vectors for all frames, so that they do not flicker.
        runs = [
            None if blend is None else self._runs(blend, first, shot, f"style {index}")
            for index, blend in enumerate(self._blends)
        ]
        masks = [region.mask for region in self.regions]
        moving = shot is not None and shot.frames > 1
        return FramePainter(self.controls, runs, masks, alpha, self.painter.budget, moving)

    def with_controls(self, controls: Controls) -> Stylizer:
        """The same styles and regions with other controls."""
        other = copy.copy(self)
        other.controls = controls
        return other

    def made_with(self) -> dict[str, object]:
        """What is written into a picture's metadata."""
        regions = {"regions": [region.label for region in self.regions]} if self.regions else {}
        return {
            "program": "Impasto",
            "version": __version__,
            "engine": self.engine,
            "style": self.style.label,
            **regions,
            "controls": self.controls.as_dict(),
        }

    @property
    def uses_networks(self) -> bool:
        return any(blend is not None and blend.has_networks for blend in self._blends)

    @property
    def engine(self) -> str:
        """What paints: "painter" (or "light", "adain", "wct"), "network", or both."""
        parts = [style for blend in self._blends if blend is not None for style, _ in blend.parts]
        names = dict.fromkeys(self.painter.name if style.network is None else "network" for style in parts)
        return " + ".join(names)

    @property
    def _blends(self) -> list[Blend | None]:
        return [self.style, *(region.style for region in self.regions)]

    def _runs(self, blend: Blend, photo: Samples, shot: Shot | None, run: str) -> list[tuple[float, Paint]]:
        """What paints the parts of a blend, and the weight of each: every network, and all vectors as one."""
        found: list[tuple[float, Paint]] = []
        for weight, network, weights in blend.engines():
            if network is not None:
                paint = functools.partial(self._in_photo_colors, network, weights)
            else:
                vector = blend.vector(self.painter, self.controls, photo)
                paint = functools.partial(self.painter.paint, vector=vector, shot=shot, run=run)
            found.append((weight, paint))
        return found

    def _in_photo_colors(self, network: Network, weights: Sequence[float], frame: Pixels) -> Pixels:
        """A network's picture; its style cannot get the photo's colours before, so the picture does after."""
        return self.controls.recolor(network.paint(frame, weights, budget=self.painter.budget), frame)


def stylize(
    photo: Source,
    style: StyleRequest,
    *,
    regions: Regions | None = None,
    engine: EngineName = DEFAULT,
    gallery: Gallery | None = None,
    max_pixels: int = MAX_PIXELS,
    **controls: Any,
) -> Picture:
    """Paint a photo in the style of a painting, or of several.

    Args:
        photo: a path, bytes, a file object, a PIL image, an array or a `Picture`.
        style: a built-in or own style's name, a painting, or several: {"starry-night": .6, "my.jpg": .4}.
        regions: {mask: style}: white of the mask gets that style; the style "none" leaves the photo there.
        engine: "painter"; "light", five times as fast and plainer; "adain", "wct" (see `impasto.engines.adain_wct`).
        gallery: where names are looked up; the built-in styles and the user's own if not given.
        max_pixels: refuse larger pictures.
        controls: the fields of `impasto.Controls`: strength, keep_color, tone, brush_size, detail, size, seed.
    Returns:
        A picture of the photo's size, or of `size`: `.save("out.png")`, `.to_pil()`, `.to_numpy()`.
    Raises:
        UsageError: an unknown style or control, or a value out of range.
        PictureError: a file that is missing, damaged, too large, or no picture.

    >>> impasto.stylize("photo.jpg", "starry-night", engine="light", size=48)
    <Picture 48x27>
    """
    chosen = make(Controls, controls, "control")
    painter = engine_of(engine)
    stylizer = Stylizer(
        style, regions=regions, controls=chosen, gallery=gallery, painter=painter, max_pixels=max_pixels
    )
    return stylizer(Picture.open(photo, max_pixels=max_pixels, at_most=chosen.size))


def _resolve(request: StyleRequest, gallery: Gallery, painter: Engine, max_pixels: int) -> Blend:
    return resolve(request, gallery, painter, max_pixels=max_pixels)
