"""Read and write local files and files behind URLs. A place is a path or a URL, and every function accepts both."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import os
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from impasto.errors import PictureError
from impasto.system.files import already_there, write_atomically
from impasto.system.listing import is_junk, natural
from impasto.system.remote import filesystem, is_url, reaching


def as_url(place: str) -> str:
    """Return the place's URL in a normalized form."""
    system, path = filesystem(place)
    return str(system.unstrip_protocol(path.rstrip("/")))


def join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if is_url(folder) else str(Path(folder) / name)


def relative(place: str, folder: str) -> str:
    """Return the place's name relative to a folder: the inverse of `join`."""
    return place.removeprefix(folder).strip("/") if is_url(place) else os.path.relpath(place, folder)


def is_folder(place: str) -> bool:
    """Return True if the place is a folder. Behind a URL, everything that is not a file counts as a folder."""
    if not is_url(place):
        return Path(place).is_dir()
    system, path = filesystem(place)
    with reaching(place):
        return not system.isfile(path)


def is_file(place: str) -> bool:
    if not is_url(place):
        return Path(place).is_file()
    system, path = filesystem(place)
    with reaching(place):
        return bool(system.exists(path))


def files_below(folder: str, leave_out: str) -> Iterator[tuple[str, str]]:
    """Yield the files in a folder and its subfolders, in natural order, without junk (see `listing`).

    A subfolder that cannot be listed is left out with a warning.

    Args:
        leave_out: a subfolder to leave out.
    Yields:
        Each file's place and its name in the folder.
    Raises:
        PictureError: the folder itself cannot be listed.
    """
    if not is_url(folder):
        for path in _walk(Path(folder), Path(leave_out)):
            yield str(path), str(path.relative_to(folder))
        return
    system, root = filesystem(folder)
    root = root.rstrip("/")
    with reaching(folder):
        found = sorted(system.find(root), key=natural)
    below = leave_out.startswith(f"{system.unstrip_protocol(root)}/")
    for path in found:
        place, name = system.unstrip_protocol(path), path.removeprefix(root).strip("/")
        junk = any(is_junk(part) for part in PurePosixPath(name).parts)
        if not junk and not (below and place.startswith(f"{leave_out}/")):
            yield place, name


def _walk(folder: Path, leave_out: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        if error.filename == str(folder):
            raise PictureError(f"cannot list {folder}: {error.strerror}", code="not-readable") from error
        warnings.warn(f"{error.filename} is left out: {error.strerror}", stacklevel=2)

    for root, folders, names in os.walk(str(folder), onerror=refuse):
        base = Path(root)
        wanted = (name for name in folders if not is_junk(name) and not _same(base / name, leave_out))
        folders[:] = sorted(wanted, key=natural)
        yield from (base / name for name in sorted(names, key=natural) if not is_junk(name))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def identity(place: str) -> object:
    """Return an equal value for two names of the same file; None if there is no file."""
    if is_url(place):
        return place
    try:
        status = Path(place).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def version(place: str) -> str | None:
    """Return a text that changes when a file changes: its name, size and time of change; None if there is no file.

    Raises:
        PictureError: there is no file behind a URL, or its service cannot be reached.
    """
    found = facts(place)
    if found is None:
        return None
    return f"{place if is_url(place) else Path(place).resolve()}:{found}"


def facts(place: str) -> str | None:
    """Return a file's size and time of change, which survive a move; None if there is no file.

    Raises:
        PictureError: as for `version`.
    """
    if is_url(place):
        system, path = filesystem(place)
        with reaching(place):
            info = system.info(path)
        changed = info.get("mtime") or info.get("LastModified") or info.get("ETag") or info.get("created")
        return f"{info.get('size')}:{changed}"
    file = Path(place)
    if not file.is_file():
        return None
    status = file.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"


_COMPARED = 2000  # names of a folder that are compared with one that is missing


def check_exists(path: str) -> None:
    """Raise a PictureError if there is no such file or folder. Other errors are left to whoever reads it."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise no_such_file(path) from None
    except (OSError, ValueError):
        pass


def no_such_file(place: str) -> PictureError:
    """Return the error for a missing file. Its hint names a file of a similar name beside it."""
    near: list[str] = []
    if not is_url(place):
        with contextlib.suppress(OSError), os.scandir(Path(place).parent) as entries:
            names = [entry.name for entry in itertools.islice(entries, _COMPARED)]
            near = difflib.get_close_matches(Path(place).name, names, 1)
    hint = f"did you mean {Path(place).with_name(near[0])}?" if near else ""
    return PictureError(f"there is no file {place}", hint, code="no-such-file")


def read(place: str) -> bytes:
    """Return the bytes of a file.

    Raises:
        PictureError: the file does not exist or cannot be read.
    """
    data = read_if_there(place)
    if data is None:
        raise no_such_file(place)
    return data


def read_if_there(place: str) -> bytes | None:
    """Return the bytes of a file, or None if it does not exist, with a single request.

    Raises:
        PictureError: the file cannot be read.
    """
    with reaching(place), contextlib.suppress(FileNotFoundError):
        if not is_url(place):
            return Path(place).read_bytes()
        system, path = filesystem(place)
        return bytes(system.cat_file(path))
    return None


def write(place: str, data: bytes, *, overwrite: bool) -> None:
    """Write a file completely or not at all, and create missing folders.

    For URLs the caller must check `overwrite`: object stores have no operation that writes only new files.

    Raises:
        PictureError: the file cannot be written, or exists and `overwrite` is False.
    """
    if not is_url(place):
        write_atomically(Path(place), data, overwrite=overwrite)
        return
    system, path = filesystem(place)
    if "file" in ((system.protocol,) if isinstance(system.protocol, str) else system.protocol):
        write_atomically(Path(path), data, overwrite=overwrite)
        return
    with reaching(place):
        system.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        system.pipe_file(path, data)  # object stores show a file only when it is complete


def check_target(place: str, *, overwrite: bool) -> None:
    """Refuse a target that could not be written, before painting.

    Raises:
        PictureError: the target is an existing file and `overwrite` is False, or it is a folder.
    """
    if not overwrite and is_file(place):
        raise already_there(place)
    if not is_url(place) and Path(place).is_dir():
        raise PictureError(f"{place} is a folder, not a file", "name a file in it", code="not-a-file")
