"""Ctrl-C during long work: the first asks for the end, a second one ends it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def catching_stops() -> Iterator[Callable[[], bool]]:
    """Within this, SIGINT and SIGTERM are remembered; what it gives says whether one has come.

    A second one raises KeyboardInterrupt.
    """
    stop = False

    def interrupt(_number: int, _frame: object) -> None:
        nonlocal stop
        if stop:
            raise KeyboardInterrupt
        stop = True

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
