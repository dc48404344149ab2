"""Install plug-ins into other programs' folders, find them, and remove them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from impasto.errors import ImpastoError, PictureError, UsageError, write_fault
from impasto.plugins.hosts import Host
from impasto.system.files import write_atomically
from impasto.system.names import free_name
from impasto.version import __version__

RECORD = "installed.json"
"""The file in a plug-in's folder that records version, the command that runs Impasto, files and their hashes."""
_PACKAGED = Path(__file__).parent.parent / "integrations"
_CHECKOUT = Path(__file__).parents[3] / "integrations"
_SHARED = ("link.py", "png.py")  # modules with which plug-ins talk to Impasto


@dataclass(frozen=True)
class Installation:
    """The plug-in in a program's folder.

    Attributes:
        host: the program.
        folder: the program's plug-in folder.
        version: the version of the installed plug-in; "" if there is none.
        files: {path in the folder: hash of the installed file}.
    """

    host: Host
    folder: Path
    version: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def current(self) -> bool:
        """True if the plug-in has this version of Impasto."""
        return self.version == __version__


def found(host: Host, folder: Path | None = None) -> Installation:
    """Return the installation for a program.

    Raises:
        UsageError: the program's folder is unknown.
    """
    try:
        folder = folder or host.folder()
    except RuntimeError:
        raise UsageError("this user has no home folder", "--folder FOLDER", code="no-such-folder") from None
    try:
        record = json.loads((folder / host.parts[0] / RECORD).read_text(encoding="utf-8"))
        files = {str(name): str(digest) for name, digest in record["files"].items()}
        if any(PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts for name in files):
            raise ValueError
        return Installation(host, folder, str(record["version"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Installation(host, folder)


def install(host: Host, folder: Path | None = None, *, overwrite: bool = False) -> Installation:
    """Copy a plug-in into a program's folder.

    Args:
        overwrite: replace another version, and existing files. Files that the user has changed stay as NAME.changed.
    Raises:
        UsageError: the program's folder is unknown.
        PictureError: the plug-in or a file exists, or a file cannot be written.
    """
    before, given = found(host, folder), folder is not None
    folder = before.folder
    if before.version and not overwrite:
        kind = "is already installed" if before.current else f"is installed, but this is Impasto {__version__}"
        hint = f"impasto plugins install {host.name} --overwrite replaces it"
        raise PictureError(f"the plug-in for {host.title} {before.version} {kind}", hint, code="already-there")
    wanted = dict(_files(host))
    strange = [name for name in wanted if (folder / name).exists() and name not in before.files]
    if strange and not overwrite:
        raise PictureError(f"{folder / strange[0]} already exists", "--overwrite replaces it", code="already-there")
    if not folder.parent.is_dir() and given:
        raise PictureError(f"there is no folder {folder.parent}", "check --folder", code="no-such-folder")
    digests = {name: _digest(data) for name, data in wanted.items()}
    _record(host, folder, {**before.files, **digests})  # first, so that an interrupted installation can be removed
    for name, data in wanted.items():
        _keep_changed(folder / name, {before.files.get(name, ""), digests[name]})
        write_atomically(folder / name, data, overwrite=True)
        if data.startswith(b"#!"):
            (folder / name).chmod(0o755)
    for name in before.files.keys() - wanted.keys():  # files of the earlier version
        _drop(folder / name, before.files[name])
    _record(host, folder, digests)
    return found(host, folder)


def _record(host: Host, folder: Path, files: Mapping[str, str]) -> None:
    said = {"version": __version__, "command": [sys.executable, "-m", "impasto"], "files": files}
    text = json.dumps(said, indent=1) + "\n"
    write_atomically(folder / host.parts[0] / RECORD, text.encode(), overwrite=True)


def _keep_changed(path: Path, known: set[str]) -> None:
    """Keep a file that the user has changed, as NAME.changed beside the new one."""
    data = path.read_bytes() if path.is_file() else None
    if data is not None and _digest(data) not in known:
        write_atomically(free_name(path.parent, f"{path.name}.changed"), data, overwrite=False)
    if path.is_symlink():  # the link's target belongs to the user
        path.unlink()


def remove(host: Host, folder: Path | None = None) -> list[Path]:
    """Remove a plug-in. Files that the user has changed stay.

    Returns:
        The files that stay.
    Raises:
        UsageError: the program's folder is unknown, or there is no plug-in.
        PictureError: the system refuses.
    """
    there = found(host, folder)
    if not there.version:
        hint = f"impasto plugins install {host.name}"
        raise UsageError(f"there is no plug-in in {there.folder}", hint, code="nothing-given")
    try:
        left = [there.folder / name for name, digest in there.files.items() if not _drop(there.folder / name, digest)]
        (there.folder / host.parts[0] / RECORD).unlink()
        for name in sorted(there.files, key=len, reverse=True):
            for parent in (there.folder / name).relative_to(there.folder).parents:
                _drop_folder(there.folder / parent, there.folder)
    except OSError as error:
        raise PictureError(f"cannot remove {error.filename}: {error.strerror}", code=write_fault(error)) from error
    return left


def _drop(path: Path, digest: str) -> bool:
    """Delete a file unless the user has changed it, and return True if it is gone."""
    with contextlib.suppress(FileNotFoundError):
        if _digest(path.read_bytes()) != digest:
            return False
        path.unlink()
    return True


def _drop_folder(path: Path, keep: Path) -> None:
    """Delete a folder that contains only Python's compiled files."""
    if path == keep or not path.is_dir():
        return
    compiled = path / "__pycache__"
    if all(entry == compiled for entry in path.iterdir()):
        for entry in compiled.glob("*.pyc"):
            entry.unlink()
        if compiled.is_dir():
            compiled.rmdir()
        path.rmdir()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _files(host: Host) -> Iterator[tuple[str, bytes]]:
    """Yield the path of each of the plug-in's files in the program's folder, and its content."""
    source = next((folder for folder in (_PACKAGED, _CHECKOUT) if folder.is_dir()), None)
    if source is None:
        raise ImpastoError(
            "this installation contains no plug-ins", "pip install --force-reinstall impasto", code="damaged-file"
        )
    for part in host.parts:
        whole = source / host.name / part
        for path in sorted(whole.rglob("*")) if whole.is_dir() else [whole]:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(source / host.name).as_posix(), path.read_bytes()
    if host.talks:
        for name in _SHARED:
            yield f"{host.parts[0]}/{name}", (source / name).read_bytes()
