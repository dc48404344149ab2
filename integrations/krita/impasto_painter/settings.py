"""Store the docker's settings in Krita's own settings."""

from __future__ import annotations

import os
import shlex
from typing import Any

from . import link

FOLDER = os.path.dirname(os.path.abspath(__file__))
_GROUP = "impasto_painter"


class Settings:
    """Texts under names: address, key and command of the server or program, and the last choices.

    Args:
        app: Krita's instance.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    def __getitem__(self, name: str) -> str:
        return self._app.readSetting(_GROUP, name, "")

    def __setitem__(self, name: str, value: str) -> None:
        self._app.writeSetting(_GROUP, name, value)

    def number(self, name: str, default: int) -> int:
        """Return a whole number; the default if none is stored."""
        try:
            return int(self[name])
        except ValueError:
            return default

    def command(self) -> list[str]:
        """Return the command that starts the program: the user's, the installer's, or the system's."""
        return _words(self["command"]) or link.program(FOLDER)

    def where(self) -> tuple[str, list[str], str]:
        """Return the arguments of `link.connect`: the address, the command and the key."""
        return self["address"], self.command(), self["key"]


def _words(typed: str) -> list[str]:
    """Split a command into words; the path of a program is one word, even with spaces."""
    if os.path.isfile(typed):
        return [typed]
    try:
        return [word.strip("\"'") for word in shlex.split(typed, posix=False)]  # keeps backslashes of Windows
    except ValueError:  # an unclosed quotation mark
        return typed.split()
