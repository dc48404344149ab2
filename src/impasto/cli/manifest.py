"""What has been painted into a folder, so that a second run goes on where the first was cut off."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from impasto.errors import PictureError

NAME = ".impasto.jsonl"


class Manifest:
    """A file beside the results: a line for each, written once the picture is whole.

    Lines are appended, so that a program killed at any moment loses one picture and no more; of a line that was cut
    off nothing is believed.

    Args:
        folder: where the pictures go.
        settings: all that a result depends on besides its photo.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.folder, self.path = folder, folder / NAME
        self.settings = json.dumps(settings, sort_keys=True, default=str)
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            lines = []
        for line in lines:
            try:
                row = json.loads(line)
                self._known[row["output"]] = row["key"]
            except (ValueError, KeyError, TypeError):
                continue

    def key(self, photo: Path) -> str:
        """Changes with the photo's file and with the settings."""
        status = photo.stat()
        text = f"{photo.resolve()}:{status.st_size}:{status.st_mtime_ns}:{self.settings}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def is_done(self, target: Path, key: str) -> bool:
        return target.is_file() and self._known.get(self._name(target)) == key

    def is_ours(self, target: Path) -> bool:
        """Whether a result of an earlier run lies there, which a later one may replace."""
        return self._name(target) in self._known

    def add(self, target: Path, key: str) -> None:
        line = json.dumps({"output": self._name(target), "key": key}) + "\n"
        with self._lock:
            self._known[self._name(target)] = key
            try:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise PictureError(f"cannot write {self.path}: {error.strerror}") from error

    def _name(self, target: Path) -> str:
        return os.path.relpath(target, self.folder)


def file_facts(path: str) -> str:
    """Tells a painting or a mask from what it was before: its size and last change; of a style's name, nothing."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return path
    return f"{path}:{status.st_size}:{status.st_mtime_ns}"
