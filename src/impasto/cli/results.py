"""Print the result of each photo, or of a clip."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from impasto.batch.report import Report, Result
from impasto.cli.console import INTERRUPTED, note, one_line, print_json, report
from impasto.cli.progress import bar
from impasto.errors import ImpastoError
from impasto.progress import OnProgress, Progress

if TYPE_CHECKING:
    from impasto.video.paint_video import PaintedVideo


@dataclass
class Printer:
    """Print a line for each photo: pictures to standard output, failures to standard error.

    Attributes:
        json: print records instead, for failures as well.
        quiet: print failures only.
        watched: the watched folder, for a note that is printed once.
        out: the stream for pictures and records; None, standard output at that time.
    """

    json: bool
    quiet: bool
    watched: str = ""
    out: TextIO | None = None

    def show(self, result: Result) -> None:
        if result.error:
            named = result.photo in result.error
            message = result.error if named else f"{result.photo}: {result.error}"
            report(ImpastoError(message, result.hint, code=result.code))
        if self.json:
            print_json(_record(result), self.out)
        elif not self.quiet and result.size is not None and result.target != "-":
            width, height = result.size
            line = f"{result.target}  {width} x {height}  {result.style}  {result.seconds:.2f} s"
            print(one_line(line), file=self.out, flush=True)

    @contextmanager
    def progress(self, photos: Sequence[str]) -> Iterator[OnProgress]:
        """Yield a callback that runs after each photo. It draws a bar if there are several photos and a terminal."""
        folder = any(Path(photo).is_dir() for photo in photos)
        try:
            if (folder or len(photos) > 1) and not (self.watched or self.quiet or self.json) and sys.stderr.isatty():
                with bar() as drawn:
                    yield drawn
            else:
                yield self.wait
        except KeyboardInterrupt:
            if folder:  # it has a ledger
                raise KeyboardInterrupt("finished pictures stay; the same command continues") from None
            raise

    def wait(self, _progress: Progress) -> None:
        """Print once that Impasto waits for photos."""
        if self.watched and not self.quiet:
            note(f"waiting for photos in {self.watched}; Ctrl-C ends it")
        self.watched = ""

    def finish(self, done: Report) -> None:
        """Print the number of skipped photos."""
        if done.skipped and not self.quiet and not self.json:
            skipped = len(done.skipped)
            print(f"{skipped} skipped: done before and unchanged; --overwrite repeats them", file=self.out)


def _record(result: Result) -> dict[str, object]:
    if result.error:
        return {"input": result.photo, "code": result.code, "error": result.error, "hint": result.hint}
    if result.size is None:
        return {"input": result.photo, "output": result.target, "skipped": True}
    return {
        "input": result.photo,
        "output": result.target,
        "size": list(result.size),
        "style": result.style,
        "engine": result.engine,
        "seconds": result.seconds,
    }


def report_clip(result: PaintedVideo, *, resume: bool, quiet: bool, json: bool) -> None:
    """Print the result of a clip, and exit if it was stopped."""
    for line in result.notes:
        note(line)
    if json:
        print_json(
            {
                "output": None if result.path is None else str(result.path),
                "frames": result.frames,
                "shots": result.shots,
                "stopped": result.stopped,
                "notes": list(result.notes),
                "seconds": {name: round(value, 3) for name, value in result.seconds.items()},
            }
        )
    elif not quiet and result.path is not None:
        total = result.seconds["all"]
        print(f"{result.path}  {result.frames} frames  {result.frames / total:.1f} frames/s  {total:.1f} s")
    if result.stopped:
        kept = f"{result.path} contains {result.frames} frames" if result.path else "nothing was written"
        if resume:
            kept = f"{result.frames} frames are done; type the same command to resume"
        note(f"stopped; {kept}")
        raise click.exceptions.Exit(INTERRUPTED)
