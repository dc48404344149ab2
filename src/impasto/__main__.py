"""Run `python -m impasto` as `impasto`."""

from __future__ import annotations

import gc
import signal
import sys


def main() -> None:
    """Run the command line and exit."""
    # Collect garbage rarely. Modules keep their objects to the end, so scanning them during imports finds nothing,
    # and takes a quarter of the time that a small photo needs from the shell to the painted file.
    gc.set_threshold(50_000, 20, 20)
    from impasto.cli import streams

    streams.open_closed()
    with_python = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if with_python:  # nothing to clean up yet: let Ctrl-C end the process at once
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from impasto.cli import preload

    preload.begin(sys.argv[1:])
    from impasto.cli.main import main as run

    if with_python:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
