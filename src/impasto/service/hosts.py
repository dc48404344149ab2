"""The interface of the hosts that do the work: processes of this machine, or replicas of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from impasto.errors import ImpastoError
from impasto.progress import Progress
from impasto.service.work import Answer, Work

Heard: TypeAlias = Callable[[Progress], object]
"""Called with each report of some work."""


class Hosts(Protocol):
    """Several processes that each do one piece of work at a time."""

    workers: int
    shares_files: bool
    """True if the processes can read the files of this machine."""

    async def start(self) -> None:
        """Begin to start the processes. Return before all are ready."""

    async def run(self, work: Work, seconds: float, on_progress: Heard | None = None) -> Answer:
        """Do some work on the next free process. Canceling the task cancels the work.

        Args:
            seconds: largest time for the work, not including the wait for a free process.
            on_progress: called with each report. Returning False asks the work to end early with its current result, if
                these hosts support it.
        Raises:
            ImpastoError: the error that the work has raised.
            WorkerLost: the process died, and another one died when the work was retried.
            TookTooLong: the work took more than `seconds`.
        """

    def ready(self) -> bool:
        """Return True if at least one process can take work now or soon."""

    def memory(self) -> int:
        """Return the memory of all processes in bytes."""

    def free_memory(self) -> int | None:
        """Return the free memory for work in bytes, where the work runs; None if it is unknown."""

    async def close(self, grace: float) -> None:
        """Let running work end, up to a time in seconds. Then end all processes."""


class WorkerLost(ImpastoError):
    """Two worker processes have died over the same work."""

    code = "killed"

    def __init__(self) -> None:
        super().__init__(
            "two worker processes died while painting this picture", "use a smaller picture, which needs less memory"
        )


class TookTooLong(ImpastoError):
    """Some work took longer than it may."""

    code = "too-slow"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the work took more than {seconds:g} seconds", "ask for a smaller picture")


class Busy(ImpastoError):
    """There is no room for more work now.

    Attributes:
        retry_after: seconds after which there may be room.
    """

    code = "busy"

    def __init__(self, message: str, retry_after: float, hint: str = "", *, code: str = "") -> None:
        super().__init__(message, hint, code=code)
        self.retry_after = retry_after


class Ending(Busy):
    """The service is shutting down."""

    code = "ending"

    def __init__(self, retry_after: float = 1.0) -> None:
        super().__init__("the service is shutting down", retry_after, "try again in a moment")
