"""The long kinds of work: the optimizer, clips, and learning a style."""

from __future__ import annotations

import importlib.util
import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from impasto.engines.by_name import DEFAULT, EngineName, engine_of
from impasto.errors import ImpastoError, MissingExtra, UsageError
from impasto.picture import Picture
from impasto.picture.limits import check_size
from impasto.progress import Progress, Stopped
from impasto.service.jobs.folders import private_folder
from impasto.service.jobs.previews import Teller, still
from impasto.service.looking import check_pixels
from impasto.service.work import MEDIA_TYPES, Answer, PaintWork, Tell, Upload, format_of_suffix, notes_of
from impasto.styles.gallery import KEPT_SIDE, Gallery
from impasto.video.options import VideoOptions

if TYPE_CHECKING:
    from impasto.optimization.recipe import Recipe
    from impasto.video.reading import Clip

CLIPS = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/matroska",
    ".webm": "video/webm",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".apng": "image/apng",
}
"""The formats of painted clips, by suffix."""

_SENT = {*CLIPS, ".m4v", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".3gp", ".png"}


def need(module: str, what: str, extra: str) -> None:
    """Raise MissingExtra if a module is not installed."""
    if importlib.util.find_spec(module) is None:
        raise MissingExtra(what, extra)


@dataclass(frozen=True)
class OptimizeWork:
    """A photo for the optimizer.

    Attributes:
        paint: the photo, its styles and controls.
    """

    paint: PaintWork
    recipe: Recipe

    @property
    def megapixels(self) -> float:
        return self.paint.megapixels

    def run(self, tell: Tell) -> Answer:
        from impasto.optimization.run import Run, load_network

        began, paint, saving = time.perf_counter(), self.paint, self.paint.saving
        file_format = format_of_suffix(paint.suffix)
        with notes_of() as notes:
            photo = Picture.open(paint.photo.data, max_pixels=paint.max_pixels, untrusted=True)
            photo = replace(photo, name=paint.photo.name)
            check_size(file_format, *paint.controls.output_size(photo.width, photo.height), paint.photo.name)
            run = Run(load_network(), self.recipe, paint.stylizer(), on_progress=Teller(tell))
            picture = run.photo(photo, max_pixels=paint.max_pixels)
            data = picture.encode(
                file_format,
                quality=saving.quality,
                bits=saving.bits,
                mark=saving.mark,
                strip_location=saving.strip_location,
                strip_metadata=saving.strip_metadata,
            )
        facts: dict[str, Any] = {"width": picture.width, "height": picture.height, "engine": "optimize"}
        facts |= {"style": run.stylizer.style.label, "evaluations": len(run.losses)}
        facts["seconds"] = {"all": round(time.perf_counter() - began, 3)}
        return Answer(data, MEDIA_TYPES[paint.suffix], facts, tuple(notes))


@dataclass(frozen=True)
class ClipWork:
    """A clip to paint.

    Attributes:
        paint: styles, regions and controls. Its photo is the clip.
        suffix: one of `CLIPS`.
        max_frames, max_seconds: limits of the result. They are checked before painting, and again while painting in
            case the file's header is wrong.
    """

    paint: PaintWork
    options: VideoOptions
    suffix: str = ".mp4"
    max_frames: int = 3000
    max_seconds: float = 60

    @property
    def megapixels(self) -> float:
        return 0.0

    def run(self, tell: Tell) -> Answer:
        from impasto.video.paint_video import paint_video

        paint: PaintWork = self.paint
        controls: dict[str, Any] = paint.controls.as_dict()
        options = replace(self.options, untrusted=True, keep_partial=True)
        with private_folder() as folder, notes_of() as notes:
            ending = PurePath(paint.photo.name).suffix.lower()
            source = folder / f"clip{ending if ending in _SENT else ''}"
            source.write_bytes(paint.photo.data)
            target = folder / f"painted{self.suffix}"
            try:
                telling = _Frames(Teller(tell), self.max_frames, self._first(source, options))
                painted = paint_video(
                    source,
                    paint.style_request(),
                    target,
                    options=options,
                    regions=paint.region_request(),
                    gallery=Gallery(painter=engine_of(options.engine if options.engine != "optimize" else DEFAULT)),
                    mark=paint.saving.mark,
                    max_pixels=paint.max_pixels,
                    on_progress=telling,
                    **controls,
                )
            except ImpastoError as error:
                raise _without_folder(error, folder, paint.photo.name) from error
            if telling.too_many:
                raise _too_long(f"more than {self.max_frames} frames")
            if painted.path is None:
                raise Stopped
            data = target.read_bytes()
            said = [note.replace(str(source), paint.photo.name) for note in (*painted.notes, *notes)]
        facts = {"frames": painted.frames, "shots": painted.shots, "engine": options.engine}
        seconds = {name: round(value, 3) for name, value in painted.seconds.items()}
        return Answer(data, CLIPS[self.suffix], facts | {"seconds": seconds}, tuple(dict.fromkeys(said)))

    def _first(self, source: Path, options: VideoOptions) -> Picture | None:
        """Return the clip's first frame, after checking its length.

        Raises:
            PictureError: the clip cannot be read or is too long.
        """
        from impasto.video.reading import Clip

        clip = Clip(source, options.start, options.end, options.fps, untrusted=True, max_pixels=self.paint.max_pixels)
        self._check_length(clip)
        frame = next(clip.frames(), None)
        if frame is None:
            return None
        first = Picture(frame.samples)
        width, height = self.paint.controls.output_size(first.width, first.height)
        check_pixels("a frame of the result would have", width * height, self.paint.max_pixels)
        return first

    def _check_length(self, clip: Clip) -> None:
        seconds = float(clip.count / clip.rate)
        if clip.count > self.max_frames:
            raise _too_long(f"about {clip.count} frames, more than {self.max_frames}")
        if seconds > self.max_seconds + 0.5:
            raise _too_long(f"{seconds:.1f} seconds, more than {self.max_seconds:g}")


class _Frames:
    """Reports the frames of a clip, with the first one unpainted, and ends the work if there are too many."""

    def __init__(self, tell: Teller, most: int, first: Picture | None) -> None:
        self.tell, self.most, self.too_many = tell, most, False
        self._preview = None if first is None else still(first)

    def __call__(self, now: Progress) -> bool:
        self.too_many = now.step > self.most
        return not self.too_many and self.tell(replace(now, preview=self._preview))


def _too_long(what: str) -> UsageError:
    return UsageError(f"the clip has {what}", "to paint only its beginning, add end=SECONDS", code="too-large")


def _without_folder(error: ImpastoError, folder: Path, name: str) -> ImpastoError:
    """Return the error without the name of the temporary folder, because the client has sent a file, not a path."""
    texts = [error.message, error.hint]
    for place in sorted(folder.glob("clip*")):
        texts = [text.replace(str(place), name) for text in texts]
    message, hint = (text.replace(f"{folder}/", "").replace(str(folder), "") for text in texts)
    return type(error)(message, hint, code=error.code) if not isinstance(error, MissingExtra) else error


@dataclass(frozen=True)
class LearnWork:
    """A painting that becomes a style of the gallery.

    Attributes:
        painting: None to continue to train the style of this name in the gallery.
        seconds: time of the training; 0 for none.
        about: title, artist, year, license.
        owner: see `impasto.styles.store.Entry`.
        boldness: as for `impasto.learn`.
    """

    painting: Upload | None
    name: str
    seconds: float = 0.0
    engine: EngineName = DEFAULT
    about: dict[str, str] = field(default_factory=dict)
    owner: str = ""
    max_pixels: int = 100_000_000
    boldness: float | None = None

    @property
    def megapixels(self) -> float:
        return 0.0

    def run(self, tell: Tell) -> Answer:
        gallery = Gallery(painter=engine_of(self.engine))
        with notes_of() as notes:
            if self.painting is not None:
                self._add(gallery, Picture.open(self.painting.data, max_pixels=self.max_pixels, untrusted=True))
            if self.seconds:
                from impasto.training.lessons import learn

                learn(
                    None,
                    name=self.name,
                    minutes=self.seconds / 60,
                    boldness=self.boldness,
                    engine=self.engine,
                    gallery=gallery,
                    on_progress=Teller(tell),
                )
        facts = gallery.get(self.name).as_dict()
        return Answer(json.dumps(facts).encode(), "application/json", {"name": self.name}, tuple(notes))

    def _add(self, gallery: Gallery, painting: Picture) -> None:
        if not self._begun(gallery, painting):
            about: dict[str, Any] = {**self.about, "owner": self.owner}
            gallery.add(self.name, painting, **about)

    def _begun(self, gallery: Gallery, painting: Picture) -> bool:
        """Return True if this very painting is already stored under the name by a worker that has died."""
        if self.name in gallery:
            kept = gallery.picture(gallery.get(self.name)).samples_in(8)
            if np.array_equal(kept, Picture(painting.as_painting().at_most(KEPT_SIDE).pixels).samples_in(8)):
                return True
        gallery.check_free(self.name)
        return False
