"""Handle Ctrl-C during long work: the first press asks the work to stop, the second ends the program."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))  # Windows has no SIGHUP
_came = signal.SIGINT  # the last signal that asked the program to stop


def exit_code() -> int:
    """Return the exit code that shells expect after a signal: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + _came


def by_the_system() -> bool:
    """Return True if a signal other than Ctrl-C asked the program to stop, which the user did not choose."""
    return _came != signal.SIGINT


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the program as Ctrl-C does. An ignored SIGHUP (nohup) stays ignored."""
    global _came
    _came = signal.SIGINT
    if threading.current_thread() is threading.main_thread():
        for number in _ENDS[1:]:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: object) -> None:
    global _came
    _came = signal.Signals(number)
    raise KeyboardInterrupt


def _say_stopping() -> None:
    """Print a note on standard error, without `print`, which the signal may have interrupted."""
    again = "" if by_the_system() else "; another Ctrl-C stops at once"
    with contextlib.suppress(OSError):
        below = "\r\n" if os.isatty(2) else ""  # a bar
        os.write(2, f"{below}impasto: note: stopping{again}\n".encode())


@contextmanager
def catching_stops(*, at_once: bool = False, quiet: bool = False) -> Iterator[Callable[[], bool]]:
    """Catch Ctrl-C and other signals that end a program, and yield a function that says whether one came.

    The first signal prints a note. A second signal raises KeyboardInterrupt.

    Args:
        at_once: let the first signal raise KeyboardInterrupt, too, until the function is first called. Before that,
            there is nothing to keep.
        quiet: print no note.
    """
    stop, asked = False, not at_once

    def interrupt(number: int, frame: object) -> None:
        global _came
        nonlocal stop
        if stop or not asked:
            _interrupt(number, frame)
        _came, stop = signal.Signals(number), True
        if not quiet:
            _say_stopping()

    def stopped() -> bool:
        nonlocal asked
        asked = True
        return stop

    heard = [number for number in _ENDS if number in _ENDS[:2] or signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
