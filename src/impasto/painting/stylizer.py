"""Paint a photo in a style. Every caller of the fast engine uses this module."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np

from impasto.controls import NATURAL_SIDE, Controls
from impasto.engines.base import Engine
from impasto.engines.by_name import DEFAULT, EngineName, engine_of
from impasto.engines.shipped import ShippedEngine
from impasto.engines.shot import Shot
from impasto.enlarging.enlarge import resized, steps_of
from impasto.errors import OutOfMemory
from impasto.painting.compose import BYTES_PER_PIXEL, Composition, painted_size
from impasto.painting.regions import Layer, Region, Regions, as_regions, read_mask
from impasto.picture import Picture, Source
from impasto.picture.contents import Kind
from impasto.picture.reading import MAX_PIXELS
from impasto.pixels.arrays import Samples, filled
from impasto.progress import OnProgress, Progress, Steps
from impasto.settings import make
from impasto.styles.gallery import Gallery
from impasto.styles.resolve import StyleRequest, resolve
from impasto.styles.style import Blend
from impasto.version import __version__

_PAINTED = 0.15  # share of the time until the small picture is painted
_LARGER = 0.6  # share of the time for enlarging the photo, if the picture is to be larger than the photo


class Stylizer:
    """Paint photos with one style and one set of controls. Styles and masks are read only once.

    Several threads may call it at once.

    Args:
        style: a name, a painting, or several with weights: see `impasto.styles.resolve.StyleRequest`.
        regions: {mask: style}, or a list of `impasto.Region`. Later regions lie over earlier ones. The masks "person",
            "background" and "faces" are found in each photo. The style "none" leaves the photo unpainted.
        controls: strength, color, tone, brush size, boldness, detail, output size.
        gallery: where style names are looked up.
        painter: the engine that paints; None: the painter.
        max_pixels: refuse paintings and masks with more pixels.
        untrusted: strangers sent the files: see `Picture.open`. Networks are not read from files.
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
        painter: ShippedEngine | None = None,
        max_pixels: int = MAX_PIXELS,
        untrusted: bool = False,
    ) -> None:
        self.controls = controls or Controls()
        self.painter = painter or engine_of()
        gallery = gallery or Gallery(painter=self.painter)
        if gallery.painter is not self.painter:
            gallery = Gallery(gallery.folder, self.painter)
        self.style = resolve(style, gallery, self.painter, max_pixels=max_pixels, untrusted=untrusted)
        how: dict[str, Any] = {"max_pixels": max_pixels, "untrusted": untrusted}
        self._gallery, self._how = gallery, how
        self.regions = [self._read(region) for region in as_regions(regions)]

    def _read(self, region: Region) -> Layer:
        """Read the mask and the style of a region."""
        gallery, how = self._gallery, self._how
        mask = region.mask if region.automatic else read_mask(region.mask, **how)
        plain = region.style if isinstance(region.style, str) and region.style in ("", "none") else None
        blend = None if plain is not None else resolve(region.style, gallery, self.painter, **how)
        style = blend.label if blend else str(plain)
        label = ",".join(filter(None, (style, region.settings)))
        if region.automatic:
            label = f"{region.mask}={label}"
        return Layer(blend, mask, region.strength / 100, region.brush_size, label, as_ground=plain == "")

    def prepare(self) -> None:
        """Start to load the engine in the background, so that it is ready for the first photo."""
        (style, _), *others = self.style.parts
        if not others:
            style.engine.prepare(style.vector)

    def __call__(self, photo: Picture, on_progress: OnProgress | None = None) -> Picture:
        """Paint a photo, with all frames. The result has the photo's metadata and alpha.

        Args:
            on_progress: called while a large photo is painted, from several threads.
        Raises:
            OutOfMemory: painting needs more memory than is available.
            Stopped: `on_progress` returned False.
        """
        try:
            return self._painted(photo, on_progress or (lambda _: None))
        except MemoryError as error:
            megapixels = photo.width * photo.height / 1e6
            raise OutOfMemory(
                f"painting {megapixels:.1f} megapixels takes more memory than is free",
                "--size 2000 paints a smaller picture",
            ) from error

    def _painted(self, photo: Kind, on_progress: OnProgress) -> Kind:
        size = self.controls.output_size(photo.width, photo.height)
        if size[0] > photo.width:
            steps = steps_of(photo, size, _part(on_progress, 0, _LARGER))
            photo = resized(photo, *size, budget=self.painter.budget, steps=steps)
            on_progress = _part(on_progress, _LARGER, 1)
        else:
            photo = photo.resized(*size)
        if self.controls.strength == 0:
            return replace(photo, made_with=self.made_with())
        if photo.frames:
            paint = self.for_frames(next(photo.every_frame()), Shot(frames=1))
            cover = None if photo.cover is None else self._painted(photo.cover, on_progress)
            return replace(photo.with_frames(paint), cover=cover, made_with=self.made_with())
        kind: Any = np.float32
        if photo.width * photo.height * BYTES_PER_PIXEL > self.painter.budget:
            kind = np.uint8 if photo.samples.dtype == np.uint8 else np.uint16
        seen = filled(photo.samples, photo.alpha)
        paint = self.for_frames(seen)
        steps = Steps(photo.width * photo.height, on_progress, "strokes at full size", _PAINTED)
        painted = paint.painted(seen)
        steps(0)
        samples = paint.finished(painted, seen, kind=kind, on_window=steps)
        return replace(photo, samples=samples, made_with=self.made_with())

    def for_frames(self, first: Samples, shot: Shot | None = None, side: float = NATURAL_SIDE) -> Composition:
        """Return a composition that paints all frames of an animation, or of a video's shot, in the same way.

        Args:
            first: one of the frames, H x W x 3. If `keep_color` asks for it, the style is matched to its colors.
                Transparent parts of all frames must be filled in (`impasto.pixels.arrays.filled`).
            shot: stores the statistics by which frames are normalized; None: each frame uses its own.
            side: the longer side, in pixels, at which strokes look natural.
        """
        return Composition(self.controls, self.layers, first, budget=self.painter.budget, shot=shot, side=side)

    @property
    def at_most(self) -> int | None:
        """The longer side, in pixels, at which photos may be read; None: their own size."""
        return self.controls.size

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the picture's size for a photo of width x height."""
        return self.controls.output_size(width, height)

    @property
    def label(self) -> str:
        """The style's name, for messages."""
        return self.style.label

    def painted_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the size at which a photo of width x height is painted."""
        return painted_size(self.controls, self.layers, width, height)

    def with_controls(self, controls: Controls) -> Stylizer:
        """Return a stylizer with the same style and regions, and other controls."""
        other = copy.copy(self)
        other.controls = controls
        return other

    def with_regions(self, regions: Regions) -> Stylizer:
        """Return a stylizer with the same style and controls, and other regions."""
        other = copy.copy(self)
        other.regions = [self._read(region) for region in as_regions(regions)]
        return other

    def made_with(self) -> dict[str, object]:
        """Return the painting's entry in a picture's metadata."""
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
        """True if a style is a trained network."""
        return not all(engine.encodes for engine in self._engines)

    @property
    def engine(self) -> str:
        """The names of the engines: "painter" (or "light", "adain", "wct"), "network", or both."""
        return " + ".join(dict.fromkeys(engine.name for engine in self._engines))

    @property
    def layers(self) -> list[Layer]:
        """The ground and the regions over it."""
        over = [replace(one, blend=self.style) if one.as_ground else one for one in self.regions]
        return [Layer(self.style), *over]

    @property
    def blends(self) -> list[Blend | None]:
        """The styles of the ground and of each region; None leaves the photo unpainted."""
        return [layer.blend for layer in self.layers]

    @property
    def _engines(self) -> list[Engine]:
        return [engine for blend in self.blends if blend is not None for engine in blend.engines]


def _part(on_progress: OnProgress, begin: float, end: float) -> OnProgress:
    """Report a part of the work as a share of the whole, from `begin` to `end`, both in 0..1."""

    def tell(now: Progress) -> bool | None:
        return on_progress(replace(now, fraction=begin + (end - begin) * now.fraction))

    return tell


def stylize(
    photo: Source,
    style: StyleRequest,
    *,
    regions: Regions | None = None,
    engine: EngineName = DEFAULT,
    gallery: Gallery | None = None,
    max_pixels: int = MAX_PIXELS,
    strip_location: bool = False,
    strip_metadata: bool = False,
    untrusted: bool = False,
    on_progress: OnProgress | None = None,
    **controls: Any,
) -> Picture:
    """Paint a photo in the style of a painting, or of several.

    Args:
        photo: a path, bytes, a file object, a PIL image, an array or a `Picture`.
        style: the name of a style, a painting, or several with weights: {"starry-night": .6, "my.jpg": .4}.
        regions: {mask: style}. The white part of the mask gets the style; the style "none" leaves the photo unpainted.
            The masks "person", "background" and "faces" are found in the photo: {"person": "none"}. Or a list of
            `impasto.Region`, which have their own strength and brush size.
        engine: "painter"; "light", five times as fast, with plainer results; "adain" or "wct" (see
            `impasto.engines.adain_wct`).
        gallery: where style names are looked up; None: the built-in styles and the user's own.
        max_pixels: refuse pictures with more pixels.
        strip_location: remove the place where the photo was taken from the metadata.
        strip_metadata: remove all of the photo's metadata.
        untrusted: strangers sent photo, paintings and masks: see `Picture.open`.
        on_progress: called while it paints. Returning False stops it, and raises `impasto.progress.Stopped`.
        controls: the fields of `impasto.Controls`: strength, keep_color, tone, brush_size, boldness, detail, size,
            seed.
    Returns:
        A picture of the photo's size, or of `size`: `.save("out.png")`, `.to_pil()`, `.to_numpy()`.
    Raises:
        UsageError: a style or control is unknown, or a value is out of range.
        PictureError: a file is missing, damaged, too large, or not a picture.

    >>> impasto.stylize("photo.jpg", "starry-night", engine="light", size=48)
    <Picture 48x27>
    """
    chosen = make(Controls, controls, "control")
    painter = engine_of(engine)
    stylizer = Stylizer(
        style,
        regions=regions,
        controls=chosen,
        gallery=gallery,
        painter=painter,
        max_pixels=max_pixels,
        untrusted=untrusted,
    )
    opened = Picture.open(photo, max_pixels=max_pixels, at_most=chosen.size, untrusted=untrusted)
    painted = stylizer(opened, on_progress)
    return painted.stripped(location=strip_location, metadata=strip_metadata)
