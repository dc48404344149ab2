"""What the command line prints, and where."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from impasto.errors import ImpastoError

if TYPE_CHECKING:
    from rich.console import Console


INTERRUPTED = 130
"""The exit code of what Ctrl-C has ended, as shells have it."""


def report(error: ImpastoError) -> None:
    """A failure: one line to the error stream."""
    print(f"impasto: {error}", file=sys.stderr, flush=True)


def note(message: str) -> None:
    """Something worth knowing that is no failure."""
    print(f"impasto: note: {message}", file=sys.stderr, flush=True)


def print_json(record: object, file: TextIO | None = None) -> None:
    """One JSON value on one line, to standard output if no file is given."""
    print(json.dumps(record, ensure_ascii=False), file=file, flush=True)


def print_table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """A table without lines; its cells are text, whatever brackets and control characters they hold."""
    from rich.table import Table
    from rich.text import Text

    table = Table(*names, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text("".join(filter(str.isprintable, cell))) for cell in row))
    console().print(table)


def console(*, to_stderr: bool = False) -> Console:
    """A Rich console; wide enough for whole table rows where the output is no terminal."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    return Console(stderr=to_stderr, highlight=False, width=None if stream.isatty() else 240)
