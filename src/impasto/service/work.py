"""Work for a worker process, and its result. Everything here can be pickled."""

from __future__ import annotations

import functools
import hashlib
import io
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

from impasto.batch.job import PaintJob
from impasto.batch.painting import Painting, Saving
from impasto.batch.painting import Work as PhotoWork
from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, EngineName, engine_of
from impasto.enlarging.enlarge import Enlarger
from impasto.enlarging.options import EnlargeOptions
from impasto.errors import UsageError
from impasto.painting.regions import Region
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.formats import format_of
from impasto.picture.reading import Head, head_of
from impasto.picture.untrusted import MAX_PIXELS
from impasto.progress import Progress, Stopped
from impasto.styles.gallery import Gallery
from impasto.version import __version__

MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".tif": "image/tiff",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".heic": "image/heic",
}
"""The formats of results, by suffix."""


def format_of_suffix(suffix: str) -> str:
    """Return Pillow's name of the format for a suffix.

    Raises:
        UsageError: the format cannot be written here.
    """
    return format_of(Path(f"picture{suffix}"))


_TELL_EVERY = 0.1  # seconds
_AFTER = {
    "read": Progress(1, 4, 0.08, "painting"),
    "paint": Progress(3, 4, 0.92, "writing the file"),
    "encode": Progress(4, 4, 1.0, ""),
}
"""The progress of the work on a photo after each stage."""

Tell: TypeAlias = Callable[[Progress], bool]
"""Called with the progress; a preview is a `Still`. False asks the work to end early with its current result."""


@dataclass(frozen=True)
class Still:
    """A preview that can be sent to another process: a small JPEG."""

    jpeg: bytes = field(repr=False)

    def __call__(self) -> Picture:
        return Picture.open(self.jpeg)


@dataclass(frozen=True)
class Answer:
    """The result of some work.

    Attributes:
        media_type: of `data`.
        facts: further facts: width, height, engine, style, seconds by stage ({"paint": 0.2}).
        notes: notes for the user about the result.
    """

    data: bytes = field(repr=False)
    media_type: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Work(Protocol):
    """A piece of work for a process."""

    @property
    def megapixels(self) -> float:
        """Return the size of the work, for the queue."""

    def run(self, tell: Tell) -> Answer:
        """Do the work.

        Raises:
            ImpastoError: it cannot be done.
        """


@contextmanager
def notes_of() -> Iterator[list[str]]:
    """Collect the warnings for the user while the context lasts, each once."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield found
        finally:
            said = (str(note.message) for note in caught if issubclass(note.category, UserWarning))
            found.extend(dict.fromkeys(said))


class Stages:
    """Measures how long each stage takes. Call it at the end of each stage.

    Attributes:
        seconds: of each stage.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def __call__(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 6)
        self._last = now


@dataclass(frozen=True)
class Upload:
    """A file that a client has sent.

    Attributes:
        name: name of the file in messages; never a path.
    """

    name: str
    data: bytes = field(repr=False)

    @functools.cached_property
    def head(self) -> Head:
        """Return the facts in the picture's head. Raise a PictureError if it is not a picture."""
        return head_of(self.data, self.name)

    def file(self) -> BinaryIO:
        """Return it as a file in memory, whose name appears in error messages."""
        file = io.BytesIO(self.data)
        file.name = self.name
        return file

    def open(self, max_pixels: int) -> Picture:
        """Decode the picture."""
        return replace(Picture.open(self.file(), max_pixels=max_pixels, untrusted=True), name=self.name)


Wanted: TypeAlias = "str | Upload"
"""A style: a name in the gallery, or a painting. Never a path."""


@dataclass(frozen=True)
class PaintWork:
    """A photo to paint.

    Attributes:
        styles: each with its weight.
        regions: masks are files or names of `FOUND`. Styles are `Wanted`, "" or "none".
        kept: a mask picture. The photo stays unchanged where it is opaque.
        suffix: determines the result's format, for example ".png".
    """

    photo: Upload
    styles: tuple[tuple[Wanted, float], ...]
    regions: tuple[Region, ...] = ()
    controls: Controls = field(default_factory=Controls)
    engine: EngineName = DEFAULT
    suffix: str = ".png"
    saving: Saving = field(default_factory=Saving)
    max_pixels: int = MAX_PIXELS
    kept: Upload | None = None

    @functools.cached_property
    def megapixels(self) -> float:
        head = self.photo.head
        width, height = self.controls.output_size(head.width, head.height)
        return max(head.width * head.height, width * height) * head.frames / 1e6

    def digest(self, gallery: Gallery) -> str:
        """Return a digest that identifies the result. Works with the same digest give the same bytes."""
        said = hashlib.blake2b(digest_size=20)
        for setting in (__version__, self.controls, self.engine, self.suffix, self.saving):
            said.update(f"{setting!r}\n".encode())
        regions = [(one.mask, one.style, one.strength, one.brush_size or 0.0) for one in self.regions]
        for parts in ((self.photo,), (self.kept or 0.0,), *self.styles, *regions):
            for part in parts:
                _add(said, part, gallery)
        return said.hexdigest()

    def run(self, tell: Tell) -> Answer:
        return answer(self.photo, self.stylizer, self.saving, self.suffix, self.max_pixels, tell)

    def stylizer(self) -> Stylizer:
        """Return the stylizer for the work. This reads the paintings and masks."""
        painter = engine_of(self.engine)
        return Stylizer(
            self.style_request(),
            regions=self.region_request(),
            controls=self.controls,
            gallery=Gallery(painter=painter),
            painter=painter,
            max_pixels=self.max_pixels,
            untrusted=True,
        )

    def style_request(self) -> list[tuple[str | Picture, float]]:
        """Return the styles in the form for the library."""
        return [(self._source(style), weight) for style, weight in self.styles]

    def region_request(self) -> list[Region]:
        """Return the regions in the form for the library."""
        found = [
            replace(one, mask=one.mask if one.automatic else one.mask.file(), style=self._source(one.style))
            for one in self.regions
        ]
        if self.kept is not None:
            mask = self.kept.open(self.max_pixels)
            if mask.alpha is None or mask.alpha.min() == 1:
                hint = "make the part to paint transparent"
                raise UsageError("the mask is opaque everywhere", hint, code="nothing-given")
            found.append(Region(mask.alpha, "none"))
        return found

    def _source(self, style: Wanted) -> str | Picture:
        """Return a style in the form for the library. An uploaded painting keeps its name."""
        if isinstance(style, str):
            return style
        return style.open(self.max_pixels)


@dataclass(frozen=True)
class EnlargeWork:
    """A picture to enlarge.

    Attributes:
        suffix: determines the result's format, for example ".png".
    """

    photo: Upload
    options: EnlargeOptions = field(default_factory=EnlargeOptions)
    suffix: str = ".png"
    saving: Saving = field(default_factory=Saving)
    max_pixels: int = MAX_PIXELS

    @functools.cached_property
    def megapixels(self) -> float:
        width, height = self.options.output_size(self.photo.head.width, self.photo.head.height)
        return width * height * self.photo.head.frames / 1e6

    def digest(self) -> str:
        """Return a digest that identifies the result. Works with the same digest give the same bytes."""
        said = hashlib.blake2b(digest_size=20)
        for setting in (__version__, self.options, Enlarger(self.options).facts(), self.suffix, self.saving):
            said.update(f"{setting!r}\n".encode())
        said.update(f"{self.photo.name!r}\n".encode() + self.photo.data)
        return said.hexdigest()

    def run(self, tell: Tell) -> Answer:
        make = functools.partial(Enlarger, self.options)
        return answer(self.photo, make, self.saving, self.suffix, self.max_pixels, tell)


def answer(
    photo: Upload, make: Callable[[], PhotoWork], saving: Saving, suffix: str, max_pixels: int, tell: Tell
) -> Answer:
    """Paint or enlarge one photo, and return the file.

    Args:
        make: makes the stylizer or enlarger. This reads what it needs.
    """
    written: list[bytes] = []
    clock = Stages()
    with notes_of() as notes:
        painting = Painting(make(), max_pixels, saving, untrusted=True)
        clock("style")
        steps = _Steps(tell, clock)
        job = PaintJob(photo.name, f"picture{suffix}")
        result = painting.paint(job, written.append, photo.data, steps.ended, steps.on)
    assert result.size is not None
    facts = {"width": result.size[0], "height": result.size[1], "engine": result.engine, "style": result.style}
    return Answer(written[0], MEDIA_TYPES[suffix], facts | {"seconds": clock.seconds}, tuple(notes))


class _Steps:
    """Reports the stages of a photo: reading, painting, enlarging to full size, writing."""

    def __init__(self, tell: Tell, clock: Stages) -> None:
        self._tell, self._clock, self._next = tell, clock, 0.0

    def ended(self, stage: str) -> None:
        """Note the end of a stage. Raise Stopped if the other stages are no longer wanted."""
        self._clock(stage)
        if not self._tell(_AFTER[stage]):
            raise Stopped

    def on(self, now: Progress) -> bool:
        """Report the progress of the painting. Return False if it should stop."""
        moment = time.monotonic()
        if moment < self._next:
            return True
        self._next = moment + _TELL_EVERY
        begun, over = _AFTER["read"].fraction, _AFTER["paint"].fraction
        return self._tell(replace(now, step=1 + now.step, total=4, fraction=begun + (over - begun) * now.fraction))


def _add(said: hashlib.blake2b, part: Wanted | float, gallery: Gallery) -> None:
    """Hash a file's name and content, a number, or the name of a style and, for a user's style, its state."""
    if isinstance(part, Upload):
        said.update(f"{part.name!r} {len(part.data)}\n".encode())
        said.update(part.data)
    else:
        said.update(f"{part!r} {gallery.state(part) if isinstance(part, str) else ''}\n".encode())
