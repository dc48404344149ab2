"""Collect Pillow's warnings about a file into one warning with the file's name."""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

_here = threading.local()
_LONGEST = 200
_HEAD = 1 << 16  # EXIF begins within these first bytes of a file


class _Listener:
    """Replace the module `warnings` in Pillow's modules, to collect warnings separately for each thread.

    `warnings.catch_warnings` affects all threads at once, and several threads read files.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)

    def warn(
        self, message: Any, category: type[Warning] | None = None, stacklevel: int = 1, source: object = None
    ) -> None:
        remarks = getattr(_here, "remarks", None)
        if remarks is None or (category is not None and issubclass(category, DeprecationWarning)):
            warnings.warn(message, category, stacklevel + 1, source)
        elif not str(message).startswith("Metadata Warning"):  # these concern fields that Impasto does not use
            remarks.append(" ".join(str(message).split()))


_listener = _Listener()
_modules = 0  # number of loaded modules at the last search for Pillow's


def _listen() -> None:
    """Install the listener in each loaded module of Pillow."""
    global _modules
    loaded = len(sys.modules)
    if loaded == _modules:
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("PIL.") and getattr(module, "warnings", None) is warnings:
            setattr(module, "warnings", _listener)  # noqa: B010 - modules have no such attribute for type checkers
    _modules = loaded


@contextlib.contextmanager
def collected(name: str, data: bytes = b"") -> Iterator[None]:
    """Collect Pillow's warnings in this thread during the block, and issue them as one warning that names the file.

    Args:
        data: the file. A module that Pillow loads late reads EXIF, so it is loaded first.
    """
    head = data[:_HEAD]
    if b"Exif\0\0" in head or b"eXIf" in head:
        importlib.import_module("PIL.TiffImagePlugin")
    _listen()
    outer, _here.remarks = getattr(_here, "remarks", None), []
    try:
        yield
    finally:
        remarks, _here.remarks = _here.remarks, outer
    if remarks:
        text = "; ".join(dict.fromkeys(remarks))
        warnings.warn(f"{name}: {text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'}", stacklevel=4)
