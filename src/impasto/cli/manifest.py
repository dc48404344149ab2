"""What has been painted into a folder, so that a second run goes on where the first was cut off."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from impasto.errors import PictureError

NAME = ".impasto.jsonl"


class Manifest:
    """A file beside the results: a line for each before it is written, with its digest, and one after.

    Lines are appended, so that a program killed at any moment loses one picture and no more. A picture whose second
    line is missing counts if it has the digest of the first; of a line that was cut off nothing is believed.

    Args:
        folder: where the pictures go.
        settings: all that a result depends on besides its photo.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.folder, self.path = folder, folder / NAME
        self.settings = json.dumps(settings, sort_keys=True, default=str)
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}  # of pictures that are whole
        self._begun: dict[str, tuple[str, str]] = {}  # key and digest of those that may be
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            lines = []
        for line in lines:
            try:
                row = json.loads(line)
                if "digest" in row:
                    self._begun[row["output"]] = row["key"], row["digest"]
                else:
                    self._known[row["output"]] = row["key"]
                    self._begun.pop(row["output"], None)
            except (ValueError, KeyError, TypeError):
                continue

    def key(self, photo: Path) -> str:
        """Changes with the photo's file and with the settings."""
        status = photo.stat()
        text = f"{photo.resolve()}:{status.st_size}:{status.st_mtime_ns}:{self.settings}"
        return digest(text.encode())

    def is_done(self, target: Path, key: str) -> bool:
        return target.is_file() and self._key_of(target) == key

    def is_ours(self, target: Path) -> bool:
        """Whether a result of an earlier run lies there, which a later one may replace."""
        return self._key_of(target) is not None

    @contextlib.contextmanager
    def writing(self, target: Path, key: str, data: bytes) -> Iterator[None]:
        """Say that a picture is about to be written, and after what is done within, that it is whole."""
        row = {"output": self._name(target), "key": key}
        self._append({**row, "digest": digest(data)})
        yield
        self._known[row["output"]] = key
        self._append(row)

    def _key_of(self, target: Path) -> str | None:
        name = self._name(target)
        if name in self._begun:
            key, expected = self._begun[name]
            with contextlib.suppress(OSError):
                if digest(target.read_bytes()) == expected:
                    return key
        return self._known.get(name)

    def _append(self, row: Mapping[str, str]) -> None:
        line = json.dumps(row) + "\n"
        with self._lock:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise PictureError(f"cannot write {self.path}: {error.strerror}") from error

    def _name(self, target: Path) -> str:
        return os.path.relpath(target, self.folder)


def digest(data: bytes) -> str:
    import hashlib  # of the libraries of a folder's run, the one that a single photo need not wait for

    return hashlib.sha256(data).hexdigest()[:16]


def file_facts(path: str) -> str:
    """Tells a painting or a mask from what it was before: its size and last change; of a style's name, nothing."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return path
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"
