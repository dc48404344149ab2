"""Run Impasto in the background of Blender; the user can cancel it."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from . import link

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


class Job:
    """One run of the program, in a thread, with its own folder.

    Args:
        command: the command that starts the program.
        prepare: writes the program's input files into the folder, and returns the program's arguments.

    Attributes:
        folder: for files; `close` removes it.
    """

    def __init__(self, command: list[str], prepare: Callable[[str], list[str]]) -> None:
        self.folder = tempfile.mkdtemp(prefix="impasto-blender-")
        self._command, self._prepare = command, prepare
        self._canceled = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = time.monotonic()
        pool = ThreadPoolExecutor(1)
        self._future = pool.submit(self._run)
        pool.shutdown(wait=False)

    @property
    def over(self) -> bool:
        return self._future.done()

    @property
    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._begun

    def cancel(self) -> None:
        """Stop the program, and wait until it has ended."""
        self._canceled.set()
        if self._process is not None:
            link._end(self._process)
        wait([self._future])

    def result(self) -> None:
        """Wait until the job is over.

        Raises:
            Canceled: it was canceled.
            Trouble: the program cannot be run, or fails.
        """
        self._future.result()

    def close(self) -> None:
        """Cancel the job if it is running, and remove its folder."""
        if not self.over:
            self.cancel()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self) -> None:
        try:
            words = self._prepare(self.folder)
        except OSError as error:
            raise link.Trouble(f"{self.folder} cannot be written: {error.strerror}", "make room on the disk") from None
        except MemoryError:
            raise link.Trouble("there is too little memory", "close other programs") from None
        except Exception as error:  # a traceback does not help the user
            said = f"the add-on failed: {type(error).__name__} {error}"
            raise link.Trouble(said, "report it to the Impasto developers") from error
        if self._canceled.is_set():
            raise link.Canceled
        self._process = link.Program(self._command)._start(words)
        if self._canceled.is_set():
            link._end(self._process)
        _, said = self._process.communicate()
        if self._canceled.is_set():
            raise link.Canceled
        if self._process.returncode:
            raise link._fault(said, self._process.returncode)
