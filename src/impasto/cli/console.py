"""What the command line prints, and where."""

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
"""The exit code of what Ctrl-C has ended, as shells have it."""


def report(error: ImpastoError) -> None:
    """A failure: one line to the error stream."""
    _say(f"impasto: {error}")


def note(message: str) -> None:
    """Something worth knowing that is no failure."""
    _say(f"impasto: note: {message}")


def _say(line: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens, and there is no one else to tell
        print(one_line(line), file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """The text with control characters, line ends and bytes that are no UTF-8 as escapes; names hold them all."""
    if text.isprintable():
        return text
    from unicodedata import category

    return "".join(
        char.encode("unicode_escape").decode() if category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text
    )


def print_json(record: object, file: TextIO | None = None) -> None:
    """One JSON value on one line, to standard output if no file is given."""
    encoding = getattr(file or sys.stdout, "encoding", None) or "utf-8"
    print(json.dumps(record, ensure_ascii=not encoding.lower().startswith("utf")), file=file, flush=True)


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
