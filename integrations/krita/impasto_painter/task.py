"""Run work in the background of Krita; the user can cancel it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .link import Canceled, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

_LAST_WAIT = 3.0  # seconds


class Task:
    """Work in a thread, which the window's thread checks from time to time.

    Args:
        work: gets a function to report the finished share; the function returns False if the work must stop.

    Attributes:
        share: the finished share, 0 to 1; None if unknown.
    """

    def __init__(self, work: Callable[[Callable[[float | None], bool]], Any]) -> None:
        self.share: float | None = None
        self._work = work
        self._canceled = threading.Event()
        self._result: Any = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)  # daemon: Krita can quit without waiting for it
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Request the work to stop; returns at once."""
        self._canceled.set()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def result(self) -> Any:
        """Return the work's result, after it is over.

        Raises:
            Canceled: the work was canceled.
            Trouble: the work failed.
        """
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._work(self._note)
        except (Canceled, Trouble) as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  a thread's traceback would end where nobody looks
            self._error = Trouble(
                f"the plug-in failed: {type(error).__name__} {error}", "report it to the Impasto developers"
            )

    def _note(self, share: float | None) -> bool:
        self.share = share
        return not self._canceled.is_set()


class Tasks:
    """The tasks of one window."""

    def __init__(self) -> None:
        self._begun: list[Task] = []

    def start(self, work: Callable[[Callable[[float | None], bool]], Any]) -> Task:
        self._begun = [task for task in self._begun if not task.over]
        self._begun.append(Task(work))
        return self._begun[-1]

    def end(self) -> None:
        """Cancel all tasks, and wait a few seconds until they have stopped their processes."""
        for task in self._begun:
            task.cancel()
        for task in self._begun:
            task.wait(_LAST_WAIT)
