"""Processes that end when the one that has started them does."""

from __future__ import annotations

import contextlib
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(number: int) -> None:
    """Have this process get a signal when its parent ends, even if the parent is killed; Linux alone can do so."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # a sandbox may forbid it
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
