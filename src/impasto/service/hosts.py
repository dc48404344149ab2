"""Where work is done: processes of this machine, or replicas of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from impasto.errors import ImpastoError
from impasto.progress import Progress
from impasto.service.work import Answer, Work

Heard: TypeAlias = Callable[[Progress], object]
"""Called with each report of some work."""


class Hosts(Protocol):
    """Some processes that each do one piece of work at a time."""

    workers: int
    shares_files: bool
    """Whether they read the files of this machine."""

    async def start(self) -> None:
        """Begin to start them; returns before all are there."""

    async def run(self, work: Work, seconds: float, on_progress: Heard | None = None) -> Answer:
        """Do some work on the next one that is free. A task that is cancelled cancels the work.

        Args:
            seconds: that it may take, the waiting for a free one apart.
            on_progress: called with each report. False asks the work to end early with what there is, where hosts can
                tell it.
        Raises:
            ImpastoError: what the work has raised.
            WorkerLost: the process has died, and died again when the work was tried once more.
            TookTooLong: it has taken more than `seconds`.
        """

    def ready(self) -> bool:
        """Whether at least one can take work now or soon."""

    def memory(self) -> int:
        """Bytes that all of them hold."""

    def free_memory(self) -> int | None:
        """Bytes that work may take where it is done; None if nobody tells."""

    async def close(self, grace: float) -> None:
        """Let what runs end, for so many seconds; then end all processes."""


class WorkerLost(ImpastoError):
    """A process that painted has died twice over the same work."""

    code = "killed"

    def __init__(self) -> None:
        super().__init__("the process that painted has died, twice over the same work", "a smaller picture takes less")


class TookTooLong(ImpastoError):
    """Some work has taken longer than it may."""

    code = "too-slow"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it has taken more than {seconds:g} seconds", "ask for a smaller picture")


class Busy(ImpastoError):
    """There is no room for more work now.

    Attributes:
        retry_after: seconds after which there may be.
    """

    code = "busy"

    def __init__(self, message: str, retry_after: float, hint: str = "", *, code: str = "") -> None:
        super().__init__(message, hint, code=code)
        self.retry_after = retry_after


class Ending(Busy):
    """The service is being stopped."""

    code = "ending"

    def __init__(self, retry_after: float = 1.0) -> None:
        super().__init__("the service is being stopped", retry_after, "ask again in a moment")
