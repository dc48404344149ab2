"""Remember finished pictures, so that a second run resumes the first."""

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

LINES = ".impasto.jsonl"  # a file beside the pictures, with lines for each picture
NOTES = ".impasto"  # a folder beside the pictures, with a small file for each picture


@dataclass(frozen=True)
class Entry:
    """The record of one target in a ledger.

    Attributes:
        whole: the key of the last picture that was written completely; None if there is none.
        written: the digest of that picture's bytes; None if an older version of Impasto made the entry.
        begun: the key of a later picture, whose writing began but may not have finished.
        digest: the digest of that later picture's bytes.
        photo: the path of the picture's photo, relative to the folder; None if an older version made the entry.
        facts: properties of the photo's file that survive a move.
    """

    whole: str | None = None
    written: str | None = None
    begun: str | None = None
    digest: str | None = None
    photo: str | None = None
    facts: str | None = None


class Ledger(ABC):
    """Record which pictures have been painted into a folder.

    The ledger writes an entry with the picture's digest before each picture, and another entry after it. A program that
    is killed at any moment therefore loses at most one picture. A picture whose digest matches the first entry counts
    as finished, even if the second entry is missing.

    Args:
        folder: the folder of the pictures.
        settings: everything, besides the photo, that determines a picture.
    """

    def __init__(self, folder: str, settings: Mapping[str, object]) -> None:
        self.folder = folder
        self.settings = json.dumps(settings, sort_keys=True, default=str)

    def key(self, photo: str) -> str | None:
        """Return a key for the photo's result. It changes with the photo's file and with the settings.

        Returns:
            The key, or None if there is no such file.
        """
        version = places.version(photo)
        return None if version is None else digest(f"{version}:{self.settings}".encode("utf-8", "surrogateescape"))

    def key_of(self, target: str) -> str | None:
        """Return the key of the picture that a run wrote to `target`; None if no run did."""
        self.refresh()
        if not places.is_file(target):
            return None
        entry = self._read(target)
        if entry.digest is not None and digest(places.read(target)) == entry.digest:
            return entry.begun
        return entry.whole

    def owns(self, target: str) -> bool:
        """Return True if the picture at `target` is unchanged since a run wrote it. Then another run may replace it."""
        self.refresh()
        entry = self._read(target)
        if entry.whole is not None and entry.written is None:
            return True
        return digest(places.read(target)) in (entry.written, entry.digest)

    def is_for(self, target: str, photo: str) -> bool | None:
        """Return True if the picture that a run wrote to `target` shows this photo.

        Returns:
            None if no run wrote a picture there, or if its photo is unknown.
        """
        entry = self._read(target)
        if entry.photo is None or not places.is_file(target):
            return None
        return entry.photo == places.relative(photo, self.folder) or entry.facts == places.facts(photo)

    def made(self, place: str) -> bool:
        """Return True if a run wrote the picture at this place, which is then not a photo to paint."""
        return self._read(place).photo is not None

    @contextlib.contextmanager
    def writing(self, target: str, key: str, data: bytes, photo: str) -> Iterator[None]:
        """Record, before the block, that `data` will be written to `target`, and after it, that the file is complete.

        If the block raises an error, the second record is not made.
        """
        row = {"key": key, "digest": digest(data), "photo": places.relative(photo, self.folder)}
        with contextlib.suppress(PictureError):  # the photo may have been deleted meanwhile
            row["facts"] = places.facts(photo) or ""
        self._write(target, row)
        yield
        self._write(target, row | {"whole": True})

    def refresh(self) -> None:
        """Read entries that other programs have added."""
        return

    @abstractmethod
    def _read(self, target: str) -> Entry: ...

    @abstractmethod
    def _write(self, target: str, row: Mapping[str, object]) -> None: ...


class LinesLedger(Ledger):
    """A ledger that appends lines to a file beside the pictures.

    Two runs may share it: each also reads the lines of the other. Incomplete lines are ignored.
    """

    def __init__(self, folder: str, settings: Mapping[str, object]) -> None:
        super().__init__(folder, settings)
        self.path = Path(folder, LINES)
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._position = 0  # in the file; earlier lines have been read

    def _read(self, target: str) -> Entry:
        with self._lock:
            return self._entries.get(places.relative(target, self.folder), Entry())

    def refresh(self) -> None:
        with self._lock, contextlib.suppress(OSError), self.path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):  # another program is writing this line
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
    """Return True if a file's last line is complete. A full disk may have cut it off."""
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


class NotesLedger(Ledger):
    """A ledger with a small file for each picture: object stores cannot append, and machines share no lock."""

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
        if "whole" not in row:  # if this run is killed, the picture of an earlier run may still be there
            entry = self._read(target)
            row = {**row, "before": entry.whole, "before_digest": entry.written}
        places.write(self._note(target), json.dumps(row).encode(), overwrite=True)

    def _note(self, target: str) -> str:
        folder, slash, name = places.relative(target, self.folder).rpartition("/")
        return f"{self.folder}/{NOTES}/{folder}{slash}{shortened(name, 240)}.json"


def ledger_in(folder: str, settings: Mapping[str, object]) -> Ledger:
    """Return the ledger of a local folder, or of a folder behind a URL."""
    return (NotesLedger if is_url(folder) else LinesLedger)(folder, settings)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
