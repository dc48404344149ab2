"""Where files lie, what ships and what is the user's, and writing one whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from impasto.errors import PictureError, StyleError, write_fault
from impasto.system.names import beginning, nearest

ASSETS = Path(__file__).parent.parent / "assets"

_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part", re.DOTALL)  # what `write_atomically` calls its own
_STALE = 600  # seconds; a picture is written in a few

_unfinished: set[Path] = set()


class NoHome(StyleError):
    """The user's styles and trainings have no place."""


def user_folder(kind: str = "styles") -> Path:
    """Where the user's styles lie, or the trainings.

    Raises:
        NoHome: this process's user has no folder of its own.
    """
    home = os.environ.get("IMPASTO_HOME")
    if home:
        return Path(home) / kind
    import platformdirs

    try:
        folder = platformdirs.user_data_path("impasto", appauthor=False)
    except (RuntimeError, KeyError, OSError):  # in a container: no HOME, and a user whom nobody knows
        folder = Path()
    if not folder.is_absolute():
        raise NoHome("this user has no home folder", "set IMPASTO_HOME to a folder", code="no-such-folder")
    return folder / kind


def cache_folder() -> Path:
    """Where what may be lost lies between two runs, for this user.

    Raises:
        NoHome: this process's user has no folder of its own.
    """
    home = os.environ.get("IMPASTO_HOME")
    if home:
        return Path(home) / "cache"
    import platformdirs

    try:
        folder = platformdirs.user_cache_path("impasto", appauthor=False)
    except (RuntimeError, KeyError, OSError):
        folder = Path()
    if not folder.is_absolute():
        raise NoHome("this user has no home folder", "set IMPASTO_HOME to a folder", code="no-such-folder")
    return folder


def part_name(name: str, suffix: str = "") -> str:
    """What a file or folder is called beside its place until it is whole; no two are called alike.

    Args:
        suffix: an ending by which its format is told.
    """
    return f".{beginning(name, 60)}.{os.urandom(4).hex()}.part{suffix}"


def write_atomically(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Put `data` at `path` in one step: other programs see the old file or the new one, never a part.

    Missing parent folders are made. A device or a pipe is written to directly.

    Raises:
        PictureError: the file exists and `overwrite` is false, or the system refuses (no permission, disk full);
            what was there before is untouched then.
    """
    try:
        if path.is_dir():
            raise PictureError(f"{path} is a folder, not a file", "name a file in it", code="not-a-file")
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            path.write_bytes(data)
            return
        if path.exists() and not overwrite:
            raise already_there(path)
        target = path.resolve() if path.is_symlink() else path
        if not target.parent.is_dir():
            _make_folder(target.parent)
        # Beside the target, so that the last step is a rename within one file system.
        part = target.with_name(part_name(target.name))
        _unfinished.add(part)
        try:
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                if target.exists():
                    part.chmod(stat.S_IMODE(target.stat().st_mode))
                os.replace(part, target)
            else:
                _move_without_replacing(part, target)
        finally:
            part.unlink(missing_ok=True)
            _unfinished.discard(part)
    except FileExistsError:
        raise already_there(path) from None
    except OSError as error:
        raise PictureError(
            f"cannot write {path}: {error.strerror or error}",
            "what was there before is untouched",
            code=write_fault(error),
        ) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise PictureError(f"{folder} is a file, not a folder", code="not-a-folder") from None


def check_folder(folder: Path, name: str) -> None:
    """Refuse, before any work is done, a folder in which no file can be made.

    Args:
        folder: if it is not there, the nearest one around it counts, in which it would be made.
        name: what is to be written, for the message.
    Raises:
        PictureError: the system refuses: no permission, a read-only file system, a full disk.
    """
    place = nearest(folder)
    probe = place / part_name("impasto")
    try:
        if folder.exists() and not folder.is_dir():
            raise PictureError(f"{folder} is a file, not a folder", code="not-a-folder")
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
        reason = error.strerror or error
        raise PictureError(f"cannot write {name}: {reason}", "choose another -o", code=write_fault(error)) from error


def already_there(path: Path | str) -> PictureError:
    return PictureError(f"{path} exists already", "--overwrite replaces it", code="already-there")


def _move_without_replacing(part: Path, target: Path) -> None:
    try:
        os.link(part, target)  # unlike a rename, fails if the target has appeared meanwhile
    except FileExistsError:
        raise
    except OSError:  # no hard links on this file system
        if target.exists():
            raise FileExistsError from None
        os.replace(part, target)


def remove_stale(folders: Iterable[Path]) -> None:
    """Delete what programs that were killed have begun in these folders; what is younger may be another's work."""
    for folder in folders:
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if _PART.fullmatch(path.name) and time.time() - path.stat().st_mtime > _STALE:
                    path.unlink()


def remove_unfinished() -> None:
    """Delete what a write in another thread has begun; for a program that is about to stop at once."""
    for part in list(_unfinished):
        with contextlib.suppress(OSError):
            part.unlink()
