"""The process that serves the page: Streamlit, which ends when the command that has begun it does."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from impasto.system.parents import end_with_parent


def need_no_home() -> None:
    """Let Streamlit, which looks for its settings in the user's home, start where there is none, as in a container."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/nonexistent"


def ask_nobody() -> None:
    """Keep Streamlit from asking a server of Amazon's for this machine's address, as it does for some visitors."""
    from streamlit import net_util

    net_util.get_external_ip = lambda: None


if __name__ == "__main__":
    end_with_parent(signal.SIGTERM)
    need_no_home()
    ask_nobody()
    from streamlit.web.cli import main

    main(prog_name="streamlit")
