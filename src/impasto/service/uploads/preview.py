"""Make a preview in a worker: the finished picture, reduced, or a part of it at full size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from impasto.controls import Controls
from impasto.painting.compose import Composition
from impasto.painting.octaves import octaves
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels, Samples, filled, fit, reduced, resize
from impasto.progress import Progress, Stopped
from impasto.service.uploads.caches import PAINTED, PHOTOS, STYLIZERS, VIEWS, WINDOWS
from impasto.service.uploads.kept import Kept, Size
from impasto.service.uploads.looking import unpacked
from impasto.service.uploads.whole import whole_photo
from impasto.service.work import Answer, PaintWork, Stages, Tell, notes_of
from impasto.styles.gallery import Gallery

Crop: TypeAlias = tuple[int, int, int, int]
"""Column, row, width and height in pixels."""

DRAFT = 320
"""Largest longer side in pixels of a view that is a draft, painted at a third of the size."""
_DRAFT_SHARE = 0.35
EXACT = 1000
"""Smallest longer side in pixels of a view that is the exact finished picture, reduced."""


@dataclass(frozen=True)
class ShowPhoto:
    """An upload's photo, or a clip's frame, reduced and unpainted.

    Attributes:
        canvas: the upload's reduced picture.
        size: of the upload.
        side: largest longer side of the view.
    """

    canvas: Kept
    size: Size
    side: int
    megapixels: float = 0.1

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002  noqa: ARG002  it has no steps to report
        clock, size = Stages(), view_size(self.size, self.side)
        return encoded(VIEWS.of((self.canvas.digest, *size), lambda: view_of(self.canvas, size)), clock)

    def digest(self, _gallery: Gallery) -> str:
        """Return a digest that identifies the view."""
        return digest_of("photo", self.canvas.digest, self.size, self.side)


@dataclass(frozen=True)
class PreviewWork:
    """The finished picture of an upload, reduced to a side.

    The photo is painted at the size at which the final picture is painted. The painting is cached for the next preview,
    which may differ in the steps after painting: strength, detail, tone, size of the view.

    Attributes:
        paint: styles, regions and controls. Its photo is empty.
        file: the upload.
        canvas: the reduced picture of the upload or of a clip's frame.
        size: of the upload.
        side: largest longer side of the view.
        second: for a clip: the second of the frame.
        crop: column, row, width and height of the part to show at full size, in pixels of the finished picture.
    """

    paint: PaintWork
    file: Kept
    canvas: Kept
    size: Size
    side: int
    second: float | None = None
    crop: Crop | None = None

    @property
    def megapixels(self) -> float:
        return max(0.1, self.side**2 / 1.5e6) if self.crop is None else self.size[0] * self.size[1] / 1e6

    def digest(self, gallery: Gallery) -> str:
        """Return a digest that identifies the view."""
        return digest_of("painted", self.canvas.digest, self.size, self.side, self.crop, self.paint.digest(gallery))

    def run(self, tell: Tell) -> Answer:
        clock = Stages()
        with notes_of() as notes:
            final = self.paint.controls.output_size(*self.size)
            if self.crop is not None:
                shown = self._cropped(self.crop, final, clock, tell)
            else:
                shown = self._whole(final, clock, tell)
        return replace(encoded(shown, clock), notes=tuple(notes))

    def _whole(self, final: Size, clock: Stages, tell: Tell) -> Picture:
        """Return the finished picture, reduced."""
        view = view_size(final, self.side)
        photo = VIEWS.of((self.canvas.digest, *view), lambda: view_of(self.canvas, view))
        controls = replace(self.paint.controls, size=None)
        stylizer = stylizer_of(self.paint).with_controls(controls)
        clock("read")
        if not tell(Progress(0, 2)):
            raise Stopped
        if controls.strength:
            photo = replace(photo, samples=self._painted(stylizer, photo, final, clock, tell))
        clock("finish")
        return photo

    def _cropped(self, crop: Crop, final: Size, clock: Stages, tell: Tell) -> Picture:
        """Return a part of the finished picture at full size."""
        photo, grays_of = whole_photo(self.file, self.second, final, self.paint.max_pixels)
        place = slice(crop[1], crop[1] + crop[3]), slice(crop[0], crop[0] + crop[2])
        controls = replace(self.paint.controls, size=None)
        clock("read")
        if not tell(Progress(0, 3)):
            raise Stopped
        samples = photo.samples[place]
        if controls.strength:
            key = self.file.digest, self.second, final, look_digest(self.paint), controls

            def make() -> Callable[[tuple[slice, slice]], Pixels]:
                stylizer = stylizer_of(self.paint).with_controls(controls)
                seen = filled(photo.samples, photo.alpha)
                composition, size = stylizer.for_frames(seen), stylizer.painted_size(*final)
                painted = painted_small(self, stylizer, composition, size, final)
                return composition.windows(painted, seen, grays_of(size) if size != final else None)

            samples = WINDOWS.of(key, make)(place)
        clock("paint")
        alpha = None if photo.alpha is None else photo.alpha[place]
        return Picture(samples, alpha)

    def _painted(self, stylizer: Stylizer, photo: Picture, final: Size, clock: Stages, tell: Tell) -> Samples:
        seen = filled(photo.samples, photo.alpha)
        composition = stylizer.for_frames(seen)
        size = draft_size(stylizer.painted_size(*final), (photo.width, photo.height))
        painted = painted_small(self, stylizer, composition, size, final)
        clock("paint")
        if not tell(Progress(1, 2)):
            raise Stopped
        if painted.shape[0] > photo.height or painted.shape[1] > photo.width:
            painted = reduced(painted, photo.width, photo.height)
        elif max(photo.width, photo.height) <= DRAFT:  # without its own strokes, which would double the time
            painted = resize(painted, photo.width, photo.height)
        octave = octave_size((painted.shape[1], painted.shape[0]), final, (photo.width, photo.height))
        if octave == (photo.width, photo.height):
            return composition.finished(painted, seen)
        large = VIEWS.of((self.canvas.digest, *octave), lambda: view_of(self.canvas, octave))
        return reduced(composition.finished(painted, filled(large.samples, large.alpha)), photo.width, photo.height)


def octave_size(painted: Size, final: Size, view: Size) -> Size:
    """Return the size to which a painting is enlarged for a view.

    For a large view, it is the next size above the view's at which the finished picture's strokes form. Reduced, both
    are the same. Smaller views, for sliders and thumbnails, are enlarged only to their own size, which takes less time.
    """
    if max(view) < EXACT or max(view) >= max(final) or max(painted) >= max(view):
        return view
    return next(size for size in octaves(painted, final) if max(size) >= max(view))


def digest_of(*said: object) -> str:
    return hashlib.blake2b(repr(said).encode(), digest_size=20).hexdigest()


def draft_size(size: Size, view: Size) -> Size:
    """Return the size at which a picture is painted for a view: the final size, or a third of it for a draft."""
    if max(view) > DRAFT or max(size) <= DRAFT:
        return size
    return fit(*size, max(1, round(max(size) * _DRAFT_SHARE)))


def painted_small(work: PreviewWork, stylizer: Stylizer, composition: Composition, size: Size, final: Size) -> Pixels:
    """Return the painting at a size, from the cache if possible.

    If the whole photo is cached, it is painted from that, as for an export. Otherwise, and for drafts, the canvas is
    used.
    """
    controls = stylizer.controls
    own = (controls.keep_color if controls.recolors_style else "", controls.boldness)
    place = (work.file.digest, work.second, *final)
    is_draft = size != stylizer.painted_size(*final)
    whole = None if is_draft else PHOTOS.get(place)

    def make() -> Pixels:
        if whole is not None:
            photo = whole.photo
            seen = filled(photo.samples, photo.alpha)
            return composition.painted(VIEWS.of((*place, *size), lambda: Picture(reduced(seen, *size))).samples)
        small = VIEWS.of((work.canvas.digest, *size), lambda: view_of(work.canvas, size))
        return composition.painted(filled(small.samples, small.alpha))

    return PAINTED.of((work.canvas.digest, whole is not None, place, size, look_digest(work.paint), *own), make)


def look_digest(paint: PaintWork) -> str:
    """Return a digest that identifies styles and regions, without the controls and the format."""
    return replace(paint, controls=Controls(), suffix="", saving=type(paint.saving)()).digest(Gallery())


def stylizer_of(paint: PaintWork) -> Stylizer:
    """Return the stylizer with its styles and masks, from the cache if possible."""
    return STYLIZERS.of(look_digest(paint), replace(paint, controls=Controls()).stylizer)


def view_size(size: Size, side: int) -> Size:
    """Return a picture's size, reduced to a side if it is larger."""
    return size if max(size) <= side else fit(*size, side)


def view_of(canvas: Kept, size: Size) -> Picture:
    """Return the upload's picture at a size."""
    picture = VIEWS.of(canvas.digest, lambda: unpacked(canvas.read()))
    if picture.alpha is not None:
        return picture.resized(*size)
    if (picture.width, picture.height) == size:
        return picture
    shrinks = size[0] < picture.width
    return Picture((reduced if shrinks else resize)(picture.samples, *size))


def encoded(view: Picture, clock: Stages) -> Answer:
    """Encode a view as a JPEG, or as a PNG if it is transparent."""
    clear = view.alpha is not None and float(view.alpha.min()) < 1
    picture = view if clear else replace(view, alpha=None)
    kind = "PNG" if clear else "JPEG"
    data = picture.encode(kind, quality=95, mark=False, strip_metadata=True, animated=False)
    clock("encode")
    facts = {"width": view.width, "height": view.height, "seconds": clock.seconds}
    return Answer(data, "image/png" if clear else "image/jpeg", facts)
