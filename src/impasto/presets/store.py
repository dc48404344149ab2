"""The user's presets: a folder of files, one each."""

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
    """The names of the user's presets; none for a user without a home folder."""
    with contextlib.suppress(NoHome, OSError):
        return sorted(path.stem for path in _folder().glob(f"*{_SUFFIX}") if path.is_file())
    return []


def preset_file(source: str | Path) -> Path:
    """The file of one of the user's presets, or a file that is given itself; write ./NAME for one of a preset's name.

    Raises:
        UsageError: there is neither.
    """
    name = os.fspath(source)
    if name in names():
        return _folder() / f"{name}{_SUFFIX}"
    if Path(name).is_file():
        return Path(name)
    raise unknown(name)


def unknown(name: str) -> UsageError:
    """There is no preset of that name; the message proposes near ones."""
    near = difflib.get_close_matches(name.lower(), names(), n=2, cutoff=0.6)
    guess = f" Did you mean {' or '.join(near)}?" if near else ""
    return UsageError(f"{name} is no preset.{guess}", "impasto presets lists them all", code="unknown-preset")


def save(name: str, preset: Preset, *, replace: bool = False) -> Path:
    """Write a preset into the user's folder.

    Returns:
        Its file.
    Raises:
        UsageError: `name` cannot be a preset's.
        PictureError: there is one of that name, or the file cannot be written.
    """
    check_name(name, "preset")
    path = _folder() / f"{name}{_SUFFIX}"
    write_atomically(path, preset.as_json(), overwrite=replace)
    return path


def remove(name: str) -> None:
    """Delete one of the user's presets.

    Raises:
        UsageError: there is none of that name.
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
