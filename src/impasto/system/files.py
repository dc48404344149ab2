"""Locations of files, and atomic writes."""

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

_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part", re.DOTALL)  # temporary names of `write_atomically`
_STALE = 600  # seconds; writing a picture takes only a few

_unfinished: set[Path] = set()


class NoHome(StyleError):
    """Report that there is no folder for the user's styles and trainings."""


def user_folder(kind: str = "styles") -> Path:
    """Return the folder of the user's styles, or of another kind of data.

    Raises:
        NoHome: this process's user has no home folder.
    """
    home = os.environ.get("IMPASTO_HOME")
    if home:
        return Path(home) / kind
    import platformdirs

    try:
        folder = platformdirs.user_data_path("impasto", appauthor=False)
    except (RuntimeError, KeyError, OSError):  # in a container: no HOME, and no entry in the user database
        folder = Path()
    if not folder.is_absolute():
        raise NoHome("this user has no home folder", "set IMPASTO_HOME to a folder", code="no-such-folder")
    return folder / kind


def cache_folder() -> Path:
    """Return this user's folder for data that may be lost between two runs.

    Raises:
        NoHome: this process's user has no home folder.
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
    """Return a unique temporary name for a file or a folder, until it is complete.

    Args:
        suffix: an ending that gives the format.
    """
    return f".{beginning(name, 60)}.{os.urandom(4).hex()}.part{suffix}"


def write_atomically(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Write `data` to `path` in one step. Other programs see the old file or the new one, never a part.

    Missing parent folders are created. Devices and pipes are written to directly.

    Raises:
        PictureError: the file exists and `overwrite` is False, or the system refuses the write (permission, full disk).
            An existing file stays unchanged.
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
        # The temporary file is in the same folder, so that the last step is a rename within one file system.
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
            "an existing file is unchanged",
            code=write_fault(error),
        ) from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise PictureError(f"{folder} is a file, not a folder", code="not-a-folder") from None


def check_folder(folder: Path, name: str) -> None:
    """Refuse a folder in which no file can be created, before any work.

    Args:
        folder: if it does not exist, the nearest existing parent is checked.
        name: the file to be written, for the message.
    Raises:
        PictureError: the system refuses the write: permission, read-only file system, full disk.
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
    return PictureError(f"{path} already exists", "--overwrite replaces it", code="already-there")


def _move_without_replacing(part: Path, target: Path) -> None:
    try:
        os.link(part, target)  # unlike a rename, this fails if the target exists by now
    except FileExistsError:
        raise
    except OSError:  # the file system has no hard links
        if target.exists():
            raise FileExistsError from None
        os.replace(part, target)


def remove_stale(folders: Iterable[Path]) -> None:
    """Delete unfinished files of killed programs in these folders. Younger files may belong to running programs."""
    for folder in folders:
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if _PART.fullmatch(path.name) and time.time() - path.stat().st_mtime > _STALE:
                    path.unlink()


def remove_unfinished() -> None:
    """Delete unfinished files of other threads, before the program exits at once."""
    for part in list(_unfinished):
        with contextlib.suppress(OSError):
            part.unlink()
