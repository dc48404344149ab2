"""The dialog for the server or the program that paints."""

from __future__ import annotations

from typing import Any

from .qt import QtWidgets
from .settings import Settings

_HELP = (
    "Without an address, Impasto runs as a program on this computer. A server (impasto serve) paints sooner, because "
    "it keeps its networks in memory. It may run on another computer."
)


def ask_settings(parent: Any, settings: Settings) -> bool:
    """Let the user type address, key and command; return False if the user cancels."""
    dialog = QtWidgets.QDialog(parent)
    dialog.setWindowTitle("Impasto")
    form = QtWidgets.QFormLayout(dialog)
    help_text = QtWidgets.QLabel(_HELP)
    help_text.setWordWrap(True)
    form.addRow(help_text)
    lines = {name: QtWidgets.QLineEdit(settings[name]) for name in ("address", "key", "command")}
    lines["address"].setPlaceholderText("localhost:8080")
    lines["key"].setEchoMode(QtWidgets.QLineEdit.EchoMode.Password)
    lines["command"].setPlaceholderText(" ".join(settings.command()) or "impasto")
    for name, text in (("address", "Server"), ("key", "Key"), ("command", "Program")):
        form.addRow(text, lines[name])
    kinds = QtWidgets.QDialogButtonBox.StandardButton
    buttons = QtWidgets.QDialogButtonBox(kinds.Ok | kinds.Cancel)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    form.addRow(buttons)
    if not dialog.exec():
        return False
    for name, line in lines.items():
        settings[name] = line.text().strip()
    return True
