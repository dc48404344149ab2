"""Impasto at work beside Blender, which its user may cancel."""

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
    """One run of the program, in a thread, with a folder of its own.

    Args:
        command: the words that start the program.
        prepare: writes what the program reads into the folder, and returns the program's further words.

    Attributes:
        folder: for files, until `close`.
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
        """How long it has gone on."""
        return time.monotonic() - self._begun

    def cancel(self) -> None:
        """End it; the program has ended when this returns."""
        self._canceled.set()
        if self._process is not None:
            link._end(self._process)
        wait([self._future])

    def result(self) -> None:
        """Wait until it is over.

        Raises:
            Canceled: it was canceled.
            Trouble: the program cannot be run, or fails.
        """
        self._future.result()

    def close(self) -> None:
        """Cancel it if it goes on, and remove its folder."""
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
        except Exception as error:  # a traceback tells a user nothing
            said = f"the add-on failed: {type(error).__name__} {error}"
            raise link.Trouble(said, "report it to Impasto's makers") from error
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
