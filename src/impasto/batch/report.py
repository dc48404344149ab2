"""Reports on the photos of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from impasto.batch.job import PaintJob
from impasto.errors import ImpastoError


@dataclass(frozen=True)
class Result:
    """The result of one photo.

    Attributes:
        photo: the path or URL of the photo.
        target: the path or URL of its picture.
        size: width and height of the picture in pixels; None if nothing was painted.
        style: the style's label; "" if nothing was painted.
        engine: the engine's name; "" if nothing was painted.
        seconds: the time for reading, painting and writing.
        skipped: True if an earlier run painted it, and neither photo nor settings have changed.
        error: the failure, in one line; "" if there was none.
        hint: what to do about the failure, or "".
        code: the kind of failure, as in `ImpastoError.code`; "" if there was none.
        exit_code: the exit code of the command line if this was the only photo.
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
    """Return the result of a photo that could not be painted."""
    return Result(
        job.photo, job.target, error=error.message, hint=error.hint, code=error.code, exit_code=error.exit_code
    )


@dataclass
class Report:
    """The results of all photos of a run. Each list is in the order in which photos finished.

    Attributes:
        painted: photos that were painted.
        skipped: photos that an earlier run painted.
        failed: photos that could not be read, painted or written. Their `error` and `hint` say why.
        stopped: True if the caller ended the run early.
    """

    painted: list[Result] = field(default_factory=list)
    skipped: list[Result] = field(default_factory=list)
    failed: list[Result] = field(default_factory=list)
    stopped: bool = False

    def add(self, result: Result) -> None:
        (self.failed if result.error else self.skipped if result.skipped else self.painted).append(result)

    @property
    def count(self) -> int:
        """The number of finished photos, including skipped and failed ones."""
        return len(self.painted) + len(self.skipped) + len(self.failed)

    @property
    def exit_code(self) -> int:
        """0 if nothing failed. If there was only one photo, the exit code of its failure; else 1."""
        if not self.failed:
            return 0
        return self.failed[0].exit_code if self.count == 1 else 1
