"""End processes together with their parent."""

from __future__ import annotations

import contextlib
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(number: int) -> None:
    """Send this process a signal when its parent ends, even if the parent is killed. Works only on Linux."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # a sandbox may forbid it
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
