"""`python -m impasto` is `impasto`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and exit."""
    # What modules hold stays to the end: looking through all of it again and again while they are loaded takes a
    # quarter of the time from the shell to a small painted photo.
    gc.set_threshold(50_000, 20, 20)
    from impasto.cli.console import INTERRUPTED, report

    try:
        from impasto.cli import headstart

        headstart.begin(sys.argv[1:])
        from impasto.cli.main import main as run
    except KeyboardInterrupt:
        report("stopped")
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
