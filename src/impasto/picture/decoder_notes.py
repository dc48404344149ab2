"""What Pillow remarks about a file, as one note with the file's name."""

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
_HEAD = 1 << 16  # bytes of a file in which EXIF begins


class _Listener:
    """Stands for the module `warnings` in Pillow's modules: a thread that reads a file keeps what is said about it.

    `warnings.catch_warnings` would do so for all threads at once, and files are read in several.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)

    def warn(
        self, message: Any, category: type[Warning] | None = None, stacklevel: int = 1, source: object = None
    ) -> None:
        remarks = getattr(_here, "remarks", None)
        if remarks is None or (category is not None and issubclass(category, DeprecationWarning)):
            warnings.warn(message, category, stacklevel + 1, source)
        elif not str(message).startswith("Metadata Warning"):  # about fields that Pillow reads and Impasto does not
            remarks.append(" ".join(str(message).split()))


_listener = _Listener()
_modules = 0  # that were loaded when Pillow's were last looked for


def _listen() -> None:
    """Stand in each of Pillow's modules that has been loaded."""
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
    """Within this, warnings of Pillow's in this thread are kept; they end as one that names the file.

    Args:
        data: the file. EXIF is read by a module that Pillow loads late.
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
