"""Lock a study, so that only one server collects its answers, or only one program makes it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from impasto.errors import PictureError, UsageError, write_fault
from impasto.system.locks import lock


def alone(folder: Path) -> IO[bytes]:
    """Lock a study until the returned file is closed or the program ends.

    Raises:
        UsageError: another program has locked it.
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
        hint = "end the other program, or use another folder"
        raise UsageError(f"another program is using {folder}", hint, code="in-use") from None
    return file
