"""`python -m impasto` is `impasto`."""

from __future__ import annotations

import gc
import signal
import sys


def main() -> None:
    """Run the command line and exit."""
    # What modules hold stays to the end: looking through all of it again and again while they are loaded takes a
    # quarter of the time from the shell to a small painted photo.
    gc.set_threshold(50_000, 20, 20)
    from impasto.cli import streams

    streams.open_closed()
    with_python = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if with_python:  # until there is something to clean up, Ctrl-C simply ends it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from impasto.cli import preload

    preload.begin(sys.argv[1:])
    from impasto.cli.main import main as run

    if with_python:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
