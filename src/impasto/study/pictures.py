"""Store the pictures of a study under anonymous names."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from impasto.errors import PictureError
from impasto.picture import Picture
from impasto.study.plan import PICTURES, Plan
from impasto.system.files import write_atomically
from impasto.version import __version__

_QUALITY = 90  # of WebP


def picture_file(folder: Path, picture: str) -> Path:
    """Return the file of a study's picture."""
    return folder / PICTURES / f"{picture}.webp"


def check_pictures(folder: Path, plan: Plan) -> None:
    """Raise a PictureError if files of a study are missing."""
    missing = [picture for picture in plan.pictures if not picture_file(folder, picture).is_file()]
    if missing:
        message = f"{len(missing)} of {len(plan.pictures)} pictures of {folder} are missing"
        raise PictureError(message, f"for example {picture_file(folder, missing[0])}", code="no-such-file")


class Pictures:
    """Writes pictures to the study's folder, under names that are derived from their sources."""

    def __init__(self, folder: Path, size: int, seed: int, max_pixels: int) -> None:
        self.folder, self.size, self.seed, self.max_pixels = folder, size, seed, max_pixels
        self.sizes: dict[str, tuple[int, int]] = {}
        self._key = _secret(folder)
        self._read: dict[Path, tuple[bytes, Picture]] = {}

    def read(self, path: Path) -> tuple[bytes, Picture]:
        """Return a file's digest and its reduced picture. The last few are cached."""
        if path not in self._read:
            picture = Picture.open(path, max_pixels=self.max_pixels, at_most=self.size)
            while len(self._read) > 2:
                del self._read[next(iter(self._read))]
            self._read[path] = hashlib.blake2b(path.read_bytes(), digest_size=16).digest(), picture
        return self._read[path]

    def put(self, parts: Sequence[str | bytes], picture: Picture | Callable[[], Picture]) -> str:
        """Write a picture, painted first if needed, unless an earlier run did. The parts determine its name."""
        text = repr((self.size, self.seed, __version__, *parts)).encode(errors="replace")
        name = hashlib.blake2b(text, digest_size=8, key=self._key).hexdigest()
        path = picture_file(self.folder, name)
        kept = _readable(path)
        if kept is None:
            kept = picture if isinstance(picture, Picture) else picture()
            data = kept.encode("WEBP", quality=_QUALITY, mark=False, strip_metadata=True)
            write_atomically(path, data, overwrite=True)
        self.sizes[name] = kept.width, kept.height
        return name


def _secret(folder: Path) -> bytes:
    """Return the secret that keeps observers from deriving a picture's name. It is saved for continued runs."""
    path = folder / ".secret"
    try:
        return bytes.fromhex(path.read_text(encoding="ascii"))[:64] or secrets.token_bytes(16)
    except (OSError, ValueError):
        key = secrets.token_bytes(16)
        write_atomically(path, key.hex().encode(), overwrite=True)
        return key


def _readable(path: Path) -> Picture | None:
    """Return a picture of an earlier run; None if it is missing or unreadable."""
    try:
        return Picture.open(path)
    except PictureError:
        return None
