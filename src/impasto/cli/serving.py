"""What `serve` and `app` share."""

from __future__ import annotations

import logging
import sys
from importlib.util import find_spec

from impasto.cli.console import note
from impasto.errors import MissingExtra

_NEEDED = ("prometheus_client", "psutil", "python_multipart", "starlette", "uvicorn")


def need_extra(extra: str) -> None:
    """Raises MissingExtra unless all packages of the service are there.

    Args:
        extra: that brings them.
    """
    for name in _NEEDED:
        if find_spec(name) is None:
            raise MissingExtra(f"{name}, which the service needs,", extra)


class _Notes(logging.Handler):
    """Says what the service's parts log as the command line says notes; faults of ours with what led to them."""

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())
        if record.exc_info:
            print(logging.Formatter().formatException(record.exc_info), file=sys.stderr, flush=True)


def log_as_notes() -> None:
    """Have what the service logs said on the error stream."""
    log = logging.getLogger("impasto.service")
    log.handlers, log.propagate = [_Notes()], False
