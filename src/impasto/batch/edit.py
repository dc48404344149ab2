"""Paint files in place, as the external editor of another program."""

from __future__ import annotations

import io
import os
import shlex
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from impasto.batch.job import PaintJob
from impasto.batch.painting import Work, check_no_pipe, guarded
from impasto.batch.report import Report, Result
from impasto.errors import PictureError
from impasto.picture import Picture
from impasto.picture.animation import said_of_frames
from impasto.picture.formats import SIXTEEN_BITS, SUFFIXES, Bits
from impasto.picture.reading import MAX_PIXELS, file_bytes
from impasto.system.files import remove_stale, write_atomically
from impasto.system.names import free_name
from impasto.system.places import facts, identity


@dataclass(frozen=True)
class Edit:
    """Paint files in place. Format, bit depth, size and metadata stay.

    Each file is replaced in one step, once its picture is complete. Until then it stays unchanged, even after an error.

    Attributes:
        work: paints each photo.
        quality: 1..100, for JPEG, WebP and AVIF.
        mark: record in the metadata how the picture was made.
        backup: keep a copy of the original file as NAME.original, or NAME.original-2 if that name is taken.
        max_pixels: refuse larger pictures.
    """

    work: Work
    quality: int = 92
    mark: bool = True
    backup: bool = False
    max_pixels: int = MAX_PIXELS

    def __call__(self, files: Iterable[str], on_result: Callable[[Result], object] = lambda _: None) -> Report:
        """Paint each file once. A failure does not stop the rest."""
        report = Report()
        once: dict[object, str] = {}
        for file in files:  # compare files before any of them is replaced
            once.setdefault(identity(file) or file, file)
        for file in once.values():
            result = guarded(PaintJob(file, file), self._edited)
            report.add(result)
            on_result(result)
        return report

    def _edited(self, job: PaintJob) -> Result:
        started, path = time.perf_counter(), Path(job.photo)
        before = facts(job.photo)
        if before is None and not path.is_dir():
            check_no_pipe(job.photo)
        data = file_bytes(job.photo)
        if not os.access(path, os.W_OK):
            raise PictureError(f"{path} cannot be written to", "change its permissions", code="not-writable")
        source = io.BytesIO(data)
        source.name = job.photo  # messages use this name
        photo = Picture.open(source, max_pixels=self.max_pixels)
        bits = photo.bits if photo.file_format in SIXTEEN_BITS else 8
        _check(photo, bits, data, job.photo)
        remove_stale([path.parent])
        painted = self.work(replace(photo, name=job.photo))
        encoded = painted.encode(photo.file_format, quality=self.quality, bits=bits, mark=self.mark)
        if self.backup:
            _keep(path, data)
        if facts(job.photo) != before:
            raise PictureError(f"{path} changed while it was painted", "paint it again", code="in-use")
        write_atomically(path, encoded, overwrite=True)
        seconds = round(time.perf_counter() - started, 3)
        return Result(
            job.photo, job.target, (painted.width, painted.height), self.work.label, self.work.engine, seconds
        )


def _check(photo: Picture, bits: Bits, data: bytes, name: str) -> None:
    """Refuse files that would lose something.

    Args:
        bits: the bits a channel of the written file.
    Raises:
        PictureError: Impasto does not write the format, or the file contains more than the written file would.
    """
    if photo.file_format not in SUFFIXES.values():
        hint = f"impasto stylize {shlex.quote(name)} -o out.png"
        kind = photo.file_format or "this kind"
        raise PictureError(f"{name}: {kind} files cannot be painted in place", hint, code="not-encodable")
    lost = said_of_frames(photo, photo.file_format, bits)
    if not lost and photo.file_format == "HEIF" and getattr(Image.open(io.BytesIO(data)), "n_frames", 1) > 1:
        lost = "contains several pictures, and only one would be kept"
    if not lost and photo.file_format == "JPEG" and b"ftyp" in data[data.rfind(b"\xff\xd9") :]:
        lost = "contains a clip after the picture, which would be lost"
    if not lost and photo.bits > bits:
        lost = f"has more bits a channel than Impasto writes in {photo.file_format} files"
    if not lost and photo.file_format == "TIFF":
        from impasto.picture.tiff_reading import not_kept

        lost = not_kept(data)
    if lost:
        hint = "use impasto stylize, which writes another file"
        raise PictureError(f"{name} {lost}", hint, code="not-encodable")


def _keep(path: Path, data: bytes) -> None:
    """Copy the original to a new name beside it, with the same permissions."""
    kept = free_name(path.parent, f"{path.name}.original")
    write_atomically(kept, data, overwrite=False)
    kept.chmod(stat.S_IMODE(path.stat().st_mode))
