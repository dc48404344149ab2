"""Paint one photo of a run, from its file to the picture's file."""

from __future__ import annotations

import io
import os
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Protocol

from impasto.batch.job import PaintJob
from impasto.batch.report import Result, failure
from impasto.errors import ImpastoError, OutOfMemory, PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.animation import said_of_frames
from impasto.picture.formats import Bits, check_saving, format_of
from impasto.picture.limits import check_size
from impasto.progress import OnProgress
from impasto.system import places
from impasto.system.remote import is_url

if TYPE_CHECKING:
    from impasto.batch.ledger import Ledger


@dataclass(frozen=True)
class Saving:
    """Define how pictures are written. All attributes but `suffix` are those of `Picture.save`.

    Attributes:
        suffix: the ending that sets the format of all pictures; None, each target's own ending.
    """

    suffix: str | None = None
    quality: int = 92
    bits: Bits = 8
    mark: bool = True
    overwrite: bool = False
    strip_location: bool = False
    strip_metadata: bool = False

    def format_for(self, target: str) -> str:
        """Return Pillow's name of the picture's format."""
        return format_of(Path(f"picture{self.suffix}" if self.suffix else target))

    def check(self, jobs: Iterable[PaintJob]) -> None:
        """Refuse settings that a target's format does not support, before anything is painted.

        A format that needs an extra is refused here if all pictures have it. Otherwise it is refused photo by photo.

        Raises:
            UsageError: an ending, a quality or a bit depth that cannot be written.
        """
        formats, missing = set(), None
        for target in {PurePath(job.target).suffix.lower(): job.target for job in jobs}.values():
            try:
                formats.add(self.format_for(target))
            except UsageError as error:
                if error.code != "missing-extra":
                    raise
                missing = error
        if missing is not None and not formats:
            raise missing
        for file_format in formats or {"PNG"}:
            check_saving(file_format, self.quality, self.bits)


class Work(Protocol):
    """The work on each photo: a `Stylizer` or an `Enlarger`.

    Attributes:
        at_most: pixels of the longer side at which photos may be read; None, their own size.
        label: a name for the result, for messages.
        engine: the name of the engine.
    """

    @property
    def at_most(self) -> int | None: ...

    @property
    def label(self) -> str: ...

    @property
    def engine(self) -> str: ...

    def prepare(self) -> None:
        """Start to load the networks."""

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the picture's width and height for a photo of width x height."""

    def made_with(self) -> dict[str, object]:
        """Return all settings that determine the pictures."""

    def __call__(self, photo: Picture, /, on_progress: OnProgress | None = None) -> Picture: ...


def check_no_pipe(photo: str) -> None:
    """Refuse existing places that are not files: reading from a pipe may wait for ever.

    Raises:
        PictureError: the place is a device or a pipe.
    """
    if os.path.exists(photo):
        raise PictureError(f"{photo} is a device or a pipe, not a picture file", code="not-a-file")


def guarded(job: PaintJob, paint: Callable[[PaintJob], Result]) -> Result:
    """Paint one photo of a run. The result contains any failure."""
    try:
        return paint(job)
    except ImpastoError as error:
        return failure(job, error)
    except MemoryError:
        return failure(job, OutOfMemory(f"{job.photo} needs more memory than is available", "--jobs 1 needs less"))
    except Exception as error:  # noqa: BLE001  one photo's error must not stop the others
        first = str(error).splitlines()[0][:200] if str(error) else ""
        message = f"{job.photo}: unexpected error: {type(error).__name__}: {first}"
        return failure(job, ImpastoError(message, "please report it", code="unexpected"))


@dataclass(frozen=True)
class Painting:
    """Paint one photo of a run at each call, in a thread or on another machine.

    Attributes:
        work: paints or enlarges.
        max_pixels: refuse larger photos.
        saving: how pictures are written.
        ledger: the record of earlier runs; None to keep no record.
        untrusted: True if the photos come from strangers.
    """

    work: Work
    max_pixels: int
    saving: Saving
    ledger: Ledger | None = None
    untrusted: bool = False

    def __call__(self, job: PaintJob) -> Result:
        """Paint one photo, unless an earlier run did. The result contains any failure."""
        return guarded(job, self._unless_done)

    def _unless_done(self, job: PaintJob) -> Result:
        ledger = self.ledger
        key = None if ledger is None else ledger.key(job.photo)
        if ledger is not None and key is None:
            check_no_pipe(job.photo)
        if ledger is None or key is None:
            places.check_target(job.target, overwrite=self.saving.overwrite)
            return self.paint(job, lambda data: places.write(job.target, data, overwrite=self.saving.overwrite))
        found = ledger.key_of(job.target)
        if found == key and not self.saving.overwrite:
            return Result(job.photo, job.target, skipped=True)
        replaces = self.saving.overwrite or (found is not None and ledger.owns(job.target))

        def write(data: bytes) -> None:
            with ledger.writing(job.target, key, data, job.photo):
                places.write(job.target, data, overwrite=replaces)

        try:
            places.check_target(job.target, overwrite=replaces)
            return self.paint(job, write)
        except PictureError:
            if (
                not self.saving.overwrite and ledger.key_of(job.target) == key
            ):  # another run on this folder has written it meanwhile
                return Result(job.photo, job.target, skipped=True)
            raise

    def paint(
        self,
        job: PaintJob,
        write: Callable[[bytes], None],
        data: bytes | None = None,
        on_stage: Callable[[str], None] = lambda _: None,
        on_progress: OnProgress | None = None,
    ) -> Result:
        """Read a photo, paint it, and pass the picture's bytes to `write`.

        Args:
            data: the bytes of the photo; default: those of its file.
            on_stage: called at the end of each stage: "read", "paint", "encode".
            on_progress: called while the photo is painted. If it returns False, painting stops.
        Raises:
            ImpastoError: the photo cannot be read, painted or written, or painting was stopped.
        """
        started, saving = time.perf_counter(), self.saving
        if data is None and is_url(job.photo):
            data = places.read(job.photo)
        source: str | io.BytesIO = job.photo
        if data is not None:
            source = io.BytesIO(data)
            source.name = job.photo  # messages use this name
        at_most = self.work.at_most
        photo = Picture.open(source, max_pixels=self.max_pixels, at_most=at_most, untrusted=self.untrusted)
        photo = replace(photo, name=job.photo)
        on_stage("read")
        file_format = saving.format_for(job.target)
        check_size(file_format, *self.work.output_size(photo.width, photo.height), job.target)
        lost = said_of_frames(photo, file_format, saving.bits)
        if lost:
            warnings.warn(f"{job.photo} {lost}", stacklevel=2)
            photo = replace(photo, frames=(), cover=None)
        painted = self.work(photo, on_progress)
        on_stage("paint")
        encoded = painted.encode(
            file_format,
            quality=saving.quality,
            bits=saving.bits,
            mark=saving.mark,
            strip_location=saving.strip_location,
            strip_metadata=saving.strip_metadata,
        )
        on_stage("encode")
        write(encoded)
        return Result(
            job.photo,
            job.target,
            (painted.width, painted.height),
            self.work.label,
            self.work.engine,
            round(time.perf_counter() - started, 3),
        )
