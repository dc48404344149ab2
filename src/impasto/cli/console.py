"""Printing to standard output and standard error."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from impasto.errors import ImpastoError

if TYPE_CHECKING:
    from rich.console import Console


INTERRUPTED = 130
"""The exit code that shells expect after Ctrl-C."""


def report(error: ImpastoError) -> None:
    """Print a failure, as one line on standard error."""
    _say(f"impasto: {error}")


def note(message: str) -> None:
    """Print a remark, as one line on standard error."""
    _say(f"impasto: note: {message}")


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # standard error is closed
        print(one_line(line), file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """Return the text with control characters, line ends and invalid UTF-8 as escapes.

    File names may contain all of them.
    """
    if text.isprintable():
        return text
    from unicodedata import category

    return "".join(
        char.encode("unicode_escape").decode() if category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text
    )


def print_json(record: object, file: TextIO | None = None) -> None:
    """Print one JSON value on one line, by default to standard output."""
    encoding = getattr(file or sys.stdout, "encoding", None) or "utf-8"
    print(json.dumps(record, ensure_ascii=not encoding.lower().startswith("utf")), file=file, flush=True)


def print_table(names: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table without rules. Its first column is never cut.

    Cells are plain text: brackets have no meaning, control characters are dropped.
    """
    from rich.table import Column, Table
    from rich.text import Text

    columns = [Column(name, no_wrap=not place) for place, name in enumerate(names)]  # often the first is to be typed
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text("".join(filter(str.isprintable, cell))) for cell in row))
    console().print(table)


def console(*, to_stderr: bool = False) -> Console:
    """Return a Rich console, wide enough for whole table rows if the output is not a terminal."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    return Console(stderr=to_stderr, highlight=False, width=None if stream.isatty() else 240)
