"""File names: length limits, and names that a file system treats as equal."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path, PurePath


def longest_name(folder: Path) -> int:
    """Return the largest length of a name in this folder, or in its nearest existing parent, in bytes.

    It is 255 on nearly all file systems, and less in encrypted folders.
    """
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return min(255, max(64, os.pathconf(nearest(folder), "PC_NAME_MAX")))
    return 255


def nearest(folder: Path) -> Path:
    """Return the folder, or its nearest existing parent."""
    return next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), folder)


def shortened(name: str, limit: int) -> str:
    """Return the name, or if it is longer than `limit` bytes, one with the same beginning and ending, and a hash.

    >>> shortened("a" * 80 + ".jpg", 24)
    'aaaaaaaaaaa-faae4522.jpg'
    """
    data = os.fsencode(name)
    if len(data) <= limit:
        return name
    import hashlib  # imported here and below on demand: most names are short and ASCII

    ending = PurePath(name).suffix
    ending = ending if len(ending) <= 10 else ""
    tail = f"-{hashlib.sha256(data).hexdigest()[:8]}{ending}"
    return beginning(name, limit - len(os.fsencode(tail))) + tail


def beginning(text: str, limit: int) -> str:
    """Return the longest beginning of a text that has at most `limit` bytes."""
    text = text[:limit]
    while len(os.fsencode(text)) > limit:
        text = text[:-1]
    return text


def folded(name: str) -> str:
    """Return an equal text for names that a file system may treat as equal: other case, other Unicode form."""
    if name.isascii():
        return name.lower()
    import unicodedata

    return unicodedata.normalize("NFC", name.casefold())


def told_apart(folder: Path, one: str, other: str) -> bool:
    """Return True if a folder can contain both names, although they are equal when folded."""
    token = os.urandom(4).hex()
    probe = nearest(folder) / f".{beginning(one, 60)}.{token}.part"
    try:
        probe.touch(exist_ok=False)
    except OSError:
        return True
    try:
        return not probe.with_name(f".{beginning(other, 60)}.{token}.part").exists()
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def free_name(folder: Path, name: str, suffix: str = "") -> Path:
    """Return a free path for NAME and its ending in a folder: NAME, else NAME-2, NAME-3, ..."""
    found, count = folder / f"{name}{suffix}", 1
    while os.path.lexists(found):
        count += 1
        found = folder / f"{name}-{count}{suffix}"
    return found


def safe_name(name: str) -> str:
    """Return a file name without folders, control characters, and characters that some systems refuse."""
    name = re.sub(r"[^\w.\- ]+", "_", re.split(r"[/\\]", name)[-1]).strip(" ._")
    return name[:80] or "picture"
