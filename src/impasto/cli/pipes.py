"""Paint one photo from standard input, to standard output, or both."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from impasto.batch.job import PaintJob
from impasto.batch.painting import Painting, Saving, Work
from impasto.batch.plan import check
from impasto.batch.report import Result, failure
from impasto.errors import ImpastoError, PictureError, UsageError, write_fault
from impasto.system import places
from impasto.system.remote import is_url

PIPE = "-"
INPUT = "standard input"


def plan_pipe(photos: Sequence[str], output: str | None, inputs: Sequence[str]) -> PaintJob:
    """Plan the painting of one photo, where the input, the output or both are a pipe.

    Args:
        inputs: other files that are read, and must not be overwritten.
    Raises:
        UsageError: there are several photos, a URL, or a terminal that would receive the picture.
    """
    if len(photos) > 1 and PIPE in photos:
        raise UsageError("- cannot be combined with other photos", "paint them in two commands", code="conflict")
    if len(photos) > 1 or Path(photos[0]).is_dir():
        raise UsageError("several photos cannot go to standard output", "-o FOLDER", code="conflict")
    if any(is_url(text) for text in (*photos, output or "")):
        raise UsageError("pipes cannot be combined with URLs", "-o URL", code="nothing-given")
    target = PIPE if output is None else output if output == PIPE else str(Path(output))
    if target == PIPE and sys.__stdout__ is None:
        raise UsageError("standard output is closed", "-o FILE", code="nothing-given")
    if target == PIPE and sys.stdout.isatty():
        raise UsageError(
            "the picture would go to the terminal", "-o FILE, or redirect standard output", code="nothing-given"
        )
    job = PaintJob(INPUT if photos[0] == PIPE else photos[0], target)
    check([job], inputs)
    return job


def paint_pipe(job: PaintJob, work: Work, max_pixels: int, saving: Saving) -> Result:
    """Paint the photo. Failures of the photo are part of the result.

    Raises:
        UsageError: an ending, a quality or a bit depth that cannot be written.
    """
    if job.target == PIPE and saving.suffix is None:
        saving = replace(saving, suffix=".png")
    saving.check([job])
    try:
        if job.target != PIPE:
            places.check_target(job.target, overwrite=saving.overwrite)
        data = sys.stdin.buffer.read() if job.photo == INPUT else None
        write = functools.partial(_write, job.target, overwrite=saving.overwrite)
        return Painting(work, max_pixels, saving).paint(job, write, data)
    except ImpastoError as error:
        return failure(job, error)


def _write(target: str, data: bytes, *, overwrite: bool) -> None:
    if target != PIPE:
        places.write(target, data, overwrite=overwrite)
        return
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PictureError(f"cannot write to standard output: {error.strerror}", code=write_fault(error)) from error
