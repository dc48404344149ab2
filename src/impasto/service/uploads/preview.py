"""A preview: what the finished picture looks like, reduced; or a part of it as it is. In a worker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TypeAlias

from impasto.controls import Controls
from impasto.errors import ImpastoError
from impasto.painting.compose import Composition
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels, Samples, filled, fit, reduced, resize
from impasto.progress import Progress
from impasto.service.uploads.caches import PAINTED, STYLIZERS, VIEWS
from impasto.service.uploads.kept import Kept
from impasto.service.uploads.looking import unpacked
from impasto.service.work import Answer, PaintWork, Stages, Tell, notes_of
from impasto.styles.gallery import Gallery

Size: TypeAlias = tuple[int, int]
"""Width and height."""

DRAFT = 320
"""Pixels of the longer side of a view at which, and below which, it is painted at half the size."""
_DRAFT_SHARE = 0.5


class Stopped(ImpastoError):
    """Nobody waits for the preview any more."""


@dataclass(frozen=True)
class ShowPhoto:
    """An upload's photo, or a clip's frame, reduced and not painted.

    Attributes:
        canvas: the upload's reduced picture.
        size: of the upload.
        side: of the longer side, at most.
    """

    canvas: Kept
    size: Size
    side: int
    megapixels: float = 0.1

    def run(self, tell: Tell) -> Answer:  # noqa: ARG002  it has no steps to tell of
        clock, size = Stages(), view_size(self.size, self.side)
        return encoded(VIEWS.of((self.canvas.digest, *size), lambda: _view(self.canvas, size)), clock)

    def digest(self, _gallery: Gallery) -> str:
        """What tells the view from all others."""
        return _digest("photo", self.canvas.digest, self.size, self.side)


@dataclass(frozen=True)
class PreviewWork:
    """The finished picture of an upload, fitted to a side.

    The photo is painted at the size at which the whole picture's is; what was painted is kept for the next preview,
    which may differ in what comes after painting: strength, detail, tone, the view's size.

    Attributes:
        paint: styles, regions and controls; its photo is empty.
        file: the upload.
        canvas: its reduced picture, or that of a clip's frame.
        size: the upload's.
        side: of the view's longer side, at most.
    """

    paint: PaintWork
    file: Kept
    canvas: Kept
    size: Size
    side: int

    @property
    def megapixels(self) -> float:
        return max(0.1, self.side**2 / 1.5e6)

    def digest(self, gallery: Gallery) -> str:
        """What tells the view from all others."""
        return _digest("painted", self.canvas.digest, self.size, self.side, self.paint.digest(gallery))

    def run(self, tell: Tell) -> Answer:
        clock = Stages()
        with notes_of() as notes:
            controls = self.paint.controls
            final = controls.output_size(*self.size)
            view = view_size(final, self.side)
            photo = VIEWS.of((self.canvas.digest, *view), lambda: _view(self.canvas, view))
            stylizer = stylizer_of(self.paint).with_controls(replace(controls, size=None))
            clock("read")
            if not tell(Progress(0, 2)):
                raise Stopped("nobody waits")
            if controls.strength:
                photo = replace(photo, samples=self._painted(stylizer, photo, final, clock, tell))
            clock("finish")
        answer = encoded(photo, clock)
        facts = {"engine": stylizer.engine, "style": stylizer.style.label}
        return replace(answer, facts={**answer.facts, **facts}, notes=tuple(notes))

    def _painted(self, stylizer: Stylizer, photo: Picture, final: Size, clock: Stages, tell: Tell) -> Samples:
        seen = filled(photo.samples, photo.alpha)
        composition = stylizer.for_frames(seen)
        size = painted_size(stylizer.controls, final, (photo.width, photo.height))
        painted = painted_small(self.paint, stylizer, composition, self.canvas, size)
        clock("paint")
        if not tell(Progress(1, 2)):
            raise Stopped("nobody waits")
        if painted.shape[0] > photo.height or painted.shape[1] > photo.width:
            painted = reduced(painted, photo.width, photo.height)
        return composition.finished(painted, seen)


def _digest(*said: object) -> str:
    return hashlib.blake2b(repr(said).encode(), digest_size=20).hexdigest()


def painted_size(controls: Controls, final: Size, view: Size) -> Size:
    """The size at which a picture is painted for a view of it: the whole picture's own; half of it for a draft."""
    size = controls.painted_size(*final)
    if max(view) > DRAFT or max(size) <= DRAFT:
        return size
    return fit(*size, max(1, round(max(size) * _DRAFT_SHARE)))


def painted_small(paint: PaintWork, stylizer: Stylizer, composition: Composition, canvas: Kept, size: Size) -> Pixels:
    """What is painted at a size, remembered until it is needed again."""
    look = replace(paint, controls=Controls(), suffix="", saving=type(paint.saving)())
    colors = stylizer.controls.keep_color if stylizer.controls.recolors_style else ""
    key = canvas.digest, size, look.digest(Gallery()), colors

    def make() -> Pixels:
        small = VIEWS.of((canvas.digest, *size), lambda: _view(canvas, size))
        return composition.painted(filled(small.samples, small.alpha))

    return PAINTED.of(key, make)


def stylizer_of(paint: PaintWork) -> Stylizer:
    """What paints, with its styles and masks read; remembered."""
    look = replace(paint, controls=Controls(), suffix="", saving=type(paint.saving)())
    return STYLIZERS.of(look.digest(Gallery()), look.stylizer)


def view_size(size: Size, side: int) -> Size:
    """A picture's size, fitted to a side if it is larger."""
    return size if max(size) <= side else fit(*size, side)


def _view(canvas: Kept, size: Size) -> Picture:
    """The upload's picture at a size."""
    picture = VIEWS.of(canvas.digest, lambda: unpacked(canvas.read()))
    if picture.alpha is not None:
        return picture.resized(*size)
    if (picture.width, picture.height) == size:
        return picture
    shrinks = size[0] < picture.width
    return Picture((reduced if shrinks else resize)(picture.samples, *size))


def encoded(view: Picture, clock: Stages) -> Answer:
    """A view as a file: a JPEG, or a PNG if something shows through."""
    clear = view.alpha is not None and float(view.alpha.min()) < 1
    picture = view if clear else replace(view, alpha=None)
    kind = "PNG" if clear else "JPEG"
    data = picture.encode(kind, quality=92, mark=False, metadata=False, animated=False)
    clock("encode")
    facts = {"width": view.width, "height": view.height, "seconds": clock.seconds}
    return Answer(data, "image/png" if clear else "image/jpeg", facts)
