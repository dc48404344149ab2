"""Paint one photo of many, from its file to the picture's file."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.batch.plan import PaintJob
from impasto.batch.report import Result, failure
from impasto.errors import ImpastoError, PictureError
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.picture.animation import said_of_frames
from impasto.picture.formats import Bits, check_saving, format_of
from impasto.picture.limits import check_size
from impasto.system import places
from impasto.system.remote import is_url

if TYPE_CHECKING:
    from impasto.batch.ledger import Ledger


@dataclass(frozen=True)
class Saving:
    """Say how pictures are written; quality, bits, mark and overwrite are those of `Picture.save`.

    Attributes:
        suffix: the ending that says the format of all pictures; None, each target's own does.
    """

    suffix: str | None = None
    quality: int = 92
    bits: Bits = 8
    mark: bool = True
    overwrite: bool = False

    def format_for(self, target: str) -> str:
        """Pillow's name of the format that the picture gets."""
        return format_of(Path(f"picture{self.suffix}" if self.suffix else target))

    def check(self, jobs: Iterable[PaintJob]) -> None:
        """Refuse, before anything is painted, what no format or one of the targets' does not have.

        Raises:
            UsageError: such an ending, quality or depth.
        """
        for file_format in {self.format_for(job.target) for job in jobs} or {"PNG"}:
            check_saving(file_format, self.quality, self.bits)


@dataclass(frozen=True)
class Painting:
    """Paint the photos of a run, one at a call, in a thread of this program or on another machine.

    Attributes:
        stylizer: paints.
        max_pixels: refuse larger photos.
        ledger: what earlier runs have painted; None, nobody remembers.
    """

    stylizer: Stylizer
    max_pixels: int
    saving: Saving
    ledger: Ledger | None = None

    def __call__(self, job: PaintJob) -> Result:
        """Paint one photo, unless an earlier run has; what goes wrong is in the result."""
        try:
            return self._unless_done(job)
        except ImpastoError as error:
            return failure(job, error)

    def _unless_done(self, job: PaintJob) -> Result:
        ledger = self.ledger
        key = None if ledger is None else ledger.key(job.photo)
        if ledger is None or key is None:
            places.check_target(job.target, overwrite=self.saving.overwrite)
            return self.paint(job, lambda data: places.write(job.target, data, overwrite=self.saving.overwrite))
        found = ledger.key_of(job.target)
        if found == key and not self.saving.overwrite:
            return Result(job.photo, job.target, skipped=True)
        replaces = self.saving.overwrite or (found is not None and ledger.owns(job.target))

        def write(data: bytes) -> None:
            with ledger.writing(job.target, key, data):
                places.write(job.target, data, overwrite=replaces)

        try:
            places.check_target(job.target, overwrite=replaces)
            return self.paint(job, write)
        except PictureError:
            if not self.saving.overwrite and ledger.key_of(job.target) == key:  # another run on this folder was faster
                return Result(job.photo, job.target, skipped=True)
            raise

    def paint(self, job: PaintJob, write: Callable[[bytes], None], data: bytes | None = None) -> Result:
        """Read a photo, paint it, and hand the picture's bytes to `write`.

        Args:
            data: the photo's bytes; its file's if not given.
        Raises:
            ImpastoError: it cannot be read, painted or written.
        """
        started, saving = time.perf_counter(), self.saving
        if data is None and is_url(job.photo):
            data = places.read(job.photo)
        source = job.photo if data is None else data
        photo = Picture.open(source, max_pixels=self.max_pixels, at_most=self.stylizer.controls.size)
        file_format = saving.format_for(job.target)
        check_size(file_format, *self.stylizer.controls.output_size(photo.width, photo.height), job.target)
        lost = said_of_frames(photo, file_format, saving.bits)
        if lost:
            warnings.warn(f"{job.photo} {lost}", stacklevel=2)
            photo = replace(photo, frames=(), cover=None)
        painted = self.stylizer(photo)
        write(painted.encode(file_format, quality=saving.quality, bits=saving.bits, mark=saving.mark))
        return Result(
            job.photo,
            job.target,
            (painted.width, painted.height),
            self.stylizer.style.label,
            self.stylizer.engine,
            round(time.perf_counter() - started, 3),
        )
