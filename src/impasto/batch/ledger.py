"""Remember what has been painted, so that a second run goes on where the first was cut off."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from impasto.errors import PictureError, write_fault
from impasto.system import places
from impasto.system.names import shortened
from impasto.system.remote import is_url

LINES = ".impasto.jsonl"  # a file beside the pictures: lines for each
NOTES = ".impasto"  # a folder beside the pictures: a small file for each


@dataclass(frozen=True)
class Entry:
    """What a ledger says about one target.

    Attributes:
        whole: the key of the picture that was written to its end; None without one.
        written: the digest of that picture's bytes; None where an older version has not noted it.
        begun: the key of a picture that may have been written since.
        digest: of that second picture's bytes.
        photo: the photo of the picture, as it is reached from the folder; None where an older version has not noted it.
        facts: of the photo's file, which stay when it is moved.
    """

    whole: str | None = None
    written: str | None = None
    begun: str | None = None
    digest: str | None = None
    photo: str | None = None
    facts: str | None = None


class Ledger(ABC):
    """What has been painted into a folder.

    An entry is written before each picture, with the picture's digest, and another after it. So a program that is
    killed at any moment loses one picture and no more: a picture that has the digest of a first entry counts, even
    if the second is missing.

    Args:
        folder: where the pictures go.
        settings: everything, besides the photo, that determines a picture.
    """

    def __init__(self, folder: str, settings: Mapping[str, object]) -> None:
        self.folder = folder
        self.settings = json.dumps(settings, sort_keys=True, default=str)

    def key(self, photo: str) -> str | None:
        """Name what the photo becomes: another version of its file or other settings give another key.

        Returns:
            The key, or None if there is no such file.
        """
        version = places.version(photo)
        return None if version is None else digest(f"{version}:{self.settings}".encode("utf-8", "surrogateescape"))

    def key_of(self, target: str) -> str | None:
        """The key of the picture that a run has left at `target`; None if no run has."""
        self.refresh()
        if not places.is_file(target):
            return None
        entry = self._read(target)
        if entry.digest is not None and digest(places.read(target)) == entry.digest:
            return entry.begun
        return entry.whole

    def owns(self, target: str) -> bool:
        """Whether the picture at `target` is still as a run has left it, so that another run may replace it."""
        self.refresh()
        entry = self._read(target)
        if entry.whole is not None and entry.written is None:
            return True
        return digest(places.read(target)) in (entry.written, entry.digest)

    def is_for(self, target: str, photo: str) -> bool | None:
        """Whether the picture that a run has left at `target` shows this photo.

        Returns:
            None if no run has left one, or nobody knows of which photo.
        """
        entry = self._read(target)
        if entry.photo is None or not places.is_file(target):
            return None
        return entry.photo == places.relative(photo, self.folder) or entry.facts == places.facts(photo)

    def made(self, place: str) -> bool:
        """Whether a run has left a picture at this place, which so is no photo to paint."""
        return self._read(place).photo is not None

    @contextlib.contextmanager
    def writing(self, target: str, key: str, data: bytes, photo: str) -> Iterator[None]:
        """Enter that `data` is about to be written to `target`; on leaving without an error, that it is whole."""
        row = {"key": key, "digest": digest(data), "photo": places.relative(photo, self.folder)}
        with contextlib.suppress(PictureError):  # the photo may be gone by now
            row["facts"] = places.facts(photo) or ""
        self._write(target, row)
        yield
        self._write(target, row | {"whole": True})

    def refresh(self) -> None:
        """Read what other programs have entered since."""
        return

    @abstractmethod
    def _read(self, target: str) -> Entry: ...

    @abstractmethod
    def _write(self, target: str, row: Mapping[str, object]) -> None: ...


class LinesLedger(Ledger):
    """A ledger of lines that are appended to a file beside the pictures.

    Two runs may share it: what another program has appended is read, too. Nothing is believed of a line that was cut
    off.
    """

    def __init__(self, folder: str, settings: Mapping[str, object]) -> None:
        super().__init__(folder, settings)
        self.path = Path(folder, LINES)
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._position = 0  # in the file; the lines before it are entered

    def _read(self, target: str) -> Entry:
        with self._lock:
            return self._entries.get(places.relative(target, self.folder), Entry())

    def refresh(self) -> None:
        with self._lock, contextlib.suppress(OSError), self.path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):  # somebody is writing it
                    break
                self._position += len(line)
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    self._enter(json.loads(line))

    def _enter(self, row: Mapping[str, str]) -> None:
        name, key = row["output"], row["key"]
        before = self._entries.get(name, Entry())
        photo = row.get("photo"), row.get("facts")
        if "whole" in row or "digest" not in row:
            self._entries[name] = Entry(key, row.get("digest"), None, None, *photo)
        else:
            self._entries[name] = Entry(before.whole, before.written, key, row["digest"], *photo)

    def _write(self, target: str, row: Mapping[str, object]) -> None:
        line = json.dumps({"output": places.relative(target, self.folder), **row}) + "\n"
        with self._lock:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a+b") as file:
                    file.write(b"" if _ends_whole(file) else b"\n")
                    file.write(line.encode())
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise PictureError(f"cannot write {self.path}: {error.strerror}", code=write_fault(error)) from error


def _ends_whole(file: IO[bytes]) -> bool:
    """Whether a file's last line is whole; a disk that was full has cut it off."""
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


class NotesLedger(Ledger):
    """A ledger of small files, one for each picture: object stores append to nothing, and hosts share no lock."""

    def _read(self, target: str) -> Entry:
        note = places.read_if_there(self._note(target))
        try:
            found: Any = json.loads(note or b"")
            key, known = found["key"], found["digest"]
        except (ValueError, KeyError, TypeError):
            return Entry()
        photo = found.get("photo"), found.get("facts")
        if found.get("whole"):
            return Entry(key, known, None, None, *photo)
        return Entry(found.get("before"), found.get("before_digest"), key, known, *photo)

    def _write(self, target: str, row: Mapping[str, object]) -> None:
        if "whole" not in row:  # if this run is killed, the picture of an earlier one may still lie there
            entry = self._read(target)
            row = {**row, "before": entry.whole, "before_digest": entry.written}
        places.write(self._note(target), json.dumps(row).encode(), overwrite=True)

    def _note(self, target: str) -> str:
        folder, slash, name = places.relative(target, self.folder).rpartition("/")
        return f"{self.folder}/{NOTES}/{folder}{slash}{shortened(name, 240)}.json"


def ledger_in(folder: str, settings: Mapping[str, object]) -> Ledger:
    """The ledger of a folder, here or behind a URL."""
    return (NotesLedger if is_url(folder) else LinesLedger)(folder, settings)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
