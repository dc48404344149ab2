"""Have a study for oneself: one server gathers its answers, or one program makes it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from impasto.errors import PictureError, UsageError, write_fault
from impasto.system.locks import lock


def alone(folder: Path) -> IO[bytes]:
    """Hold a study until what this returns is closed, or the program ends.

    Raises:
        UsageError: another program holds it.
        PictureError: the folder cannot be written to.
    """
    try:
        file = (folder / ".serving").open("ab")
    except OSError as error:
        raise PictureError(f"cannot write to {folder}: {error.strerror or error}", code=write_fault(error)) from error
    try:
        lock(file)
    except OSError:
        file.close()
        hint = "end the other program, or make a second study"
        raise UsageError(f"{folder} is being served already", hint, code="in-use") from None
    return file
