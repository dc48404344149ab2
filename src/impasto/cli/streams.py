"""Prepare standard input, output and error, in whatever state the program was started."""

from __future__ import annotations

import os
import sys


def open_closed() -> None:
    """Open closed standard streams (`>&-`, some services) on the null device.

    Otherwise the next file that is opened gets the number of a stream, and libraries print into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(os.devnull, "r+" if number == 0 else "w", encoding="utf-8"))  # noqa: SIM115


def say_anything() -> None:
    """Print characters that the output's encoding lacks as escapes, such as an umlaut where LANG is C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
