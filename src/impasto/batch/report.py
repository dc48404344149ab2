"""Say what became of each photo."""

from __future__ import annotations

from dataclasses import dataclass, field

from impasto.batch.job import PaintJob
from impasto.errors import ImpastoError


@dataclass(frozen=True)
class Result:
    """What became of one photo.

    Attributes:
        photo: its path or URL.
        target: its picture's path or URL.
        size: width and height of the picture in pixels; None if nothing was painted.
        style: the style's label; "" if nothing was painted.
        engine: what painted; "" if nothing was painted.
        seconds: how long reading, painting and writing took.
        skipped: whether an earlier run painted it, and neither photo nor settings have changed.
        error: what went wrong, one line; "" if nothing did.
        hint: what to do about it, or "".
        code: the kind of fault, as in `ImpastoError.code`; "" if nothing went wrong.
        exit_code: what the command line exits with if this was the only photo.
    """

    photo: str
    target: str
    size: tuple[int, int] | None = None
    style: str = ""
    engine: str = ""
    seconds: float = 0.0
    skipped: bool = False
    error: str = ""
    hint: str = ""
    code: str = ""
    exit_code: int = 0


def failure(job: PaintJob, error: ImpastoError) -> Result:
    """What became of a photo that could not be painted."""
    return Result(
        job.photo, job.target, error=error.message, hint=error.hint, code=error.code, exit_code=error.exit_code
    )


@dataclass
class Report:
    """What became of all photos of a run, each list in the order in which the photos were done.

    Attributes:
        painted: those that were painted.
        skipped: those that an earlier run painted.
        failed: those that could not be read, painted or written; `error` and `hint` say why.
        stopped: whether the caller ended the run early.
    """

    painted: list[Result] = field(default_factory=list)
    skipped: list[Result] = field(default_factory=list)
    failed: list[Result] = field(default_factory=list)
    stopped: bool = False

    def add(self, result: Result) -> None:
        (self.failed if result.error else self.skipped if result.skipped else self.painted).append(result)

    @property
    def count(self) -> int:
        """How many photos are done, one way or another."""
        return len(self.painted) + len(self.skipped) + len(self.failed)

    @property
    def exit_code(self) -> int:
        """0 if nothing failed; else the failure's own code if there was one photo only, or 1."""
        if not self.failed:
            return 0
        return self.failed[0].exit_code if self.count == 1 else 1
