"""Read and write files here or behind URLs: a place is a path or a URL, and every function here takes either."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from impasto.errors import PictureError
from impasto.system.files import already_there, write_atomically
from impasto.system.listing import is_junk, natural
from impasto.system.remote import filesystem, is_url, reaching


def as_url(place: str) -> str:
    """The place's URL, written in one way."""
    system, path = filesystem(place)
    return str(system.unstrip_protocol(path.rstrip("/")))


def join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if is_url(folder) else str(Path(folder) / name)


def relative(place: str, folder: str) -> str:
    """The place's name in a folder: the opposite of `join`."""
    return place.removeprefix(folder).strip("/") if is_url(place) else os.path.relpath(place, folder)


def is_folder(place: str) -> bool:
    """Tell folders from files; behind a URL everything but a file is one."""
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
    """Find the files below a folder, in natural order, without junk (see `listing`).

    A folder below it that cannot be listed is left out with a note.

    Args:
        leave_out: a folder below the first whose files are not wanted.
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
    """The same for two names of one file; None for what is not there."""
    if is_url(place):
        return place
    try:
        status = Path(place).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def version(place: str) -> str | None:
    """Name a file with its size and last change, so that another version has another text; None without a file.

    Raises:
        PictureError: a URL behind which there is no file, or whose service cannot be reached.
    """
    found = facts(place)
    if found is None:
        return None
    return f"{place if is_url(place) else Path(place).resolve()}:{found}"


def facts(place: str) -> str | None:
    """A file's size and last change, which stay when it is moved; None without a file.

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


def read(place: str) -> bytes:
    """A file's bytes.

    Raises:
        PictureError: it is not there or cannot be read.
    """
    data = read_if_there(place)
    if data is None:
        raise PictureError(f"there is no {place}", code="no-such-file")
    return data


def read_if_there(place: str) -> bytes | None:
    """A file's bytes, or None if there is no such file; one request instead of two.

    Raises:
        PictureError: it cannot be read.
    """
    with reaching(place), contextlib.suppress(FileNotFoundError):
        if not is_url(place):
            return Path(place).read_bytes()
        system, path = filesystem(place)
        return bytes(system.cat_file(path))
    return None


def write(place: str, data: bytes, *, overwrite: bool) -> None:
    """Write a file whole or not at all, with the folders that it needs.

    Behind URLs `overwrite` is up to the caller: object stores have no step that writes only what is not there.

    Raises:
        PictureError: it cannot be written, or is there and `overwrite` is false.
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
        system.pipe_file(path, data)  # object stores show a file when it is whole


def check_target(place: str, *, overwrite: bool) -> None:
    """Refuse before painting what could not be written after it.

    Raises:
        PictureError: a file is there and `overwrite` is false, or a folder is there.
    """
    if not overwrite and is_file(place):
        raise already_there(place)
    if not is_url(place) and Path(place).is_dir():
        raise PictureError(f"{place} is a folder, not a file", "name a file in it", code="not-a-file")
