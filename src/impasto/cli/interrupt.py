"""Ctrl-C during long work: the first asks for the end, a second one ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))  # Windows has no SIGHUP
_came = signal.SIGINT  # the last signal that has asked for the end


def exit_code() -> int:
    """What shells expect of a program that a signal has ended: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return 128 + _came


def by_the_system() -> bool:
    """Whether another signal than Ctrl-C has asked for the end: the user has not chosen it."""
    return _came != signal.SIGINT


def end_on_signals() -> None:
    """Let SIGTERM, and SIGHUP where it is not ignored (nohup), end the program as Ctrl-C does."""
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


@contextmanager
def catching_stops(*, at_once: bool = False) -> Iterator[Callable[[], bool]]:
    """Within this, Ctrl-C and the other signals that end a program are remembered; what it gives says whether one came.

    A second one raises KeyboardInterrupt.

    Args:
        at_once: so does one that comes before anybody has asked, when there is nothing to keep yet.
    """
    stop, asked = False, not at_once

    def interrupt(number: int, frame: object) -> None:
        global _came
        nonlocal stop
        if stop or not asked:
            _interrupt(number, frame)
        _came, stop = signal.Signals(number), True

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
