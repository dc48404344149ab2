"""Print what became of each photo, as `impasto stylize` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

from impasto.batch.report import Report, Result
from impasto.cli.console import note, one_line, print_json, report
from impasto.errors import ImpastoError
from impasto.progress import Progress


@dataclass
class Printer:
    """Prints a line for each photo: pictures to standard output, failures to standard error.

    Attributes:
        json: print records instead, failures among them.
        quiet: print failures only.
        watched: the folder that is watched, which is said once.
        out: where pictures and records go; None, standard output as it is then.
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

    def wait(self, _progress: Progress) -> None:
        """Say once that photos are waited for."""
        if self.watched and not self.quiet:
            note(f"waiting for photos in {self.watched}; Ctrl-C ends it")
        self.watched = ""

    def finish(self, done: Report) -> None:
        """Say how many photos were skipped."""
        if done.skipped and not self.quiet and not self.json:
            skipped = len(done.skipped)
            print(f"{skipped} were painted before and have not changed; --overwrite paints them again", file=self.out)


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
