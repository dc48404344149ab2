"""The user's presets: a folder with a file for each."""

from __future__ import annotations

import contextlib
import difflib
import os
from pathlib import Path

from impasto.errors import PictureError, UsageError, write_fault
from impasto.presets.preset import Preset
from impasto.styles.store import check_name
from impasto.system.files import NoHome, user_folder, write_atomically

_SUFFIX = ".json"


def names() -> list[str]:
    """Return the names of the user's presets; none if the user has no home folder."""
    with contextlib.suppress(NoHome, OSError):
        return sorted(path.stem for path in _folder().glob(f"*{_SUFFIX}") if path.is_file())
    return []


def preset_file(source: str | Path) -> Path:
    """Return the file of one of the user's presets, or the given file. For a file with a preset's name, write ./NAME.

    Raises:
        UsageError: there is no such preset and no such file.
    """
    name = os.fspath(source)
    if name in names():
        return _folder() / f"{name}{_SUFFIX}"
    if Path(name).is_file():
        return Path(name)
    raise unknown(name)


def unknown(name: str) -> UsageError:
    """Return the error for an unknown preset. The message suggests similar names."""
    near = difflib.get_close_matches(name.lower(), names(), n=2, cutoff=0.6)
    guess = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return UsageError(f"unknown preset '{name}'{guess}", "list all: impasto presets", code="unknown-preset")


def save(name: str, preset: Preset, *, replace: bool = False) -> Path:
    """Write a preset to the user's folder, and return its file.

    Raises:
        UsageError: `name` is not a valid preset name.
        PictureError: a preset of that name exists, or the file cannot be written.
    """
    check_name(name, "preset")
    path = _folder() / f"{name}{_SUFFIX}"
    write_atomically(path, preset.as_json(), overwrite=replace)
    return path


def remove(name: str) -> None:
    """Delete one of the user's presets.

    Raises:
        UsageError: there is no preset of that name.
        PictureError: the system refuses.
    """
    if name not in names():
        raise unknown(name)
    path = _folder() / f"{name}{_SUFFIX}"
    try:
        path.unlink()
    except OSError as error:
        raise PictureError(f"cannot remove {path}: {error.strerror}", code=write_fault(error)) from error


def _folder() -> Path:
    return user_folder("presets")
