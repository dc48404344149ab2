"""What the command line prints, and where."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def report(message: str, hint: str = "") -> None:
    """A failure: one line to the error stream."""
    print(f"impasto: {message}" + (f"  ({hint})" if hint else ""), file=sys.stderr, flush=True)


def note(message: str) -> None:
    """Something worth knowing that is no failure."""
    print(f"impasto: note: {message}", file=sys.stderr, flush=True)


def print_json(record: object) -> None:
    """One JSON value on one line."""
    print(json.dumps(record, ensure_ascii=False), flush=True)


def console(*, to_stderr: bool = False) -> Console:
    """A Rich console; wide enough for whole table rows where the output is no terminal."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    return Console(stderr=to_stderr, highlight=False, width=None if stream.isatty() else 240)
