"""Code that `serve` and `app` share."""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec

from impasto.cli.console import note
from impasto.errors import MissingExtra

_NEEDED = ("prometheus_client", "psutil", "python_multipart", "starlette", "uvicorn")


def need_extra(extra: str) -> None:
    """Check that all packages of the service are installed.

    Args:
        extra: the extra that contains them.
    Raises:
        MissingExtra: a package is not installed.
    """
    for name in _NEEDED:
        if find_spec(name) is None:
            raise MissingExtra(f"{name}, which impasto {extra} needs,", extra)


class _Notes(logging.Handler):
    """Print the service's log records as notes, and tracebacks of its own faults."""

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())
        if record.exc_info:
            print(logging.Formatter().formatException(record.exc_info), file=sys.stderr, flush=True)


def log_as_notes() -> None:
    """Print the service's log on standard error."""
    log = logging.getLogger("impasto.service")
    log.handlers, log.propagate = [_Notes()], False
