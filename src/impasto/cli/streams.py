"""Standard input, output and error, whatever the program was started with."""

from __future__ import annotations

import os
import sys


def open_closed() -> None:
    """Open standard streams that are closed (`>&-`, some services), on nothing.

    Otherwise the next file that is opened gets the number of one, and what libraries print goes into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(os.devnull, "r+" if number == 0 else "w", encoding="utf-8"))  # noqa: SIM115


def say_anything() -> None:
    """Write what an output's encoding does not have as escapes: a name that is no UTF-8, an umlaut where LANG is C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
