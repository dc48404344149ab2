"""What the docker remembers, in Krita's own settings."""

from __future__ import annotations

import os
import shlex
from typing import Any

from . import link

FOLDER = os.path.dirname(os.path.abspath(__file__))
_GROUP = "impasto_painter"


class Settings:
    """Texts under names: address, key and command of what paints, and the last choices.

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
        """A whole number; the default if there is none."""
        try:
            return int(self[name])
        except ValueError:
            return default

    def command(self) -> list[str]:
        """The words that start the program: the user's, the installer's, or those that the system finds."""
        return _words(self["command"]) or link.program(FOLDER)

    def where(self) -> tuple[str, list[str], str]:
        """What `link.connect` wants: the address, the command and the key."""
        return self["address"], self.command(), self["key"]


def _words(typed: str) -> list[str]:
    """The words of a command; the path of a program is one, spaces included."""
    if os.path.isfile(typed):
        return [typed]
    try:
        return [word.strip("\"'") for word in shlex.split(typed, posix=False)]  # a backslash stays one, for Windows
    except ValueError:  # a quotation mark without another
        return typed.split()
