"""The process that serves the page: Streamlit, which ends when the command that has begun it does."""

from __future__ import annotations

import contextlib
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have this process stopped when its parent ends, even if the parent is killed; Linux alone can do so."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):  # a sandbox may forbid it
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    end_with_parent()
    from streamlit.web.cli import main

    main(prog_name="streamlit")
