"""Enlarge folders of pictures: `impasto.enlarge_folder`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

from impasto.batch.painting import Saving
from impasto.batch.plan import plan
from impasto.batch.report import Report, Result
from impasto.batch.run import Place, Running, as_suffix, check_running, ledger_of, run_over
from impasto.enlarging.enlarge import Enlarger
from impasto.picture.formats import Bits
from impasto.picture.reading import MAX_PIXELS
from impasto.progress import OnProgress


def enlarge_folder(
    pictures: Place | Sequence[Place],
    output: Place | None,
    *,
    memory: int | None = None,
    max_pixels: int = MAX_PIXELS,
    jobs: int = 1,
    suffix: str | None = None,
    quality: int = 92,
    bits: Bits = 8,
    mark: bool = True,
    strip_location: bool = False,
    strip_metadata: bool = False,
    overwrite: bool = False,
    watch: bool = False,
    untrusted: bool = False,
    on_result: Callable[[Result], object] | None = None,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> Report:
    """Enlarge a folder of pictures, or several pictures, into another folder.

    A damaged picture does not stop the rest. A second run skips finished pictures. The arguments are those of
    `impasto.stylize_folder`. All work runs on this machine.

    Args:
        pictures: a folder, a file, a URL, or several of them.
        output: the folder for the results, or a file for one picture; None: Impasto chooses names.
        memory: bytes that a picture may use, besides itself.
        jobs: pictures to work on at the same time, 1..64. One picture already uses all processors.
        options: those of `impasto.enlarge`: scale, size, kind, strength.
    Raises:
        UsageError: a value is out of range, or the output cannot contain the pictures.
        PictureError: a folder contains no pictures.

    >>> report = impasto.enlarge_folder("frames", "large", scale=2)
    >>> len(report.painted)
    3
    """
    paths = [str(pictures)] if isinstance(pictures, (str, os.PathLike)) else [str(picture) for picture in pictures]
    into = None if output is None else str(output)
    check_running(paths, into, jobs, watch=watch)
    enlarger, suffix = Enlarger(memory=memory, **options), as_suffix(suffix)
    saving = Saving(suffix, quality, bits, mark, overwrite, strip_location, strip_metadata)
    find = functools.partial(
        plan, paths, into, suffix=suffix, label=enlarger.label, may_be_empty=watch, ledger_of=ledger_of()
    )
    running = Running(max_pixels, jobs, watch=watch, untrusted=untrusted)
    return run_over(paths, find, lambda: (enlarger, enlarger.facts()), saving, running, on_result, on_progress)
