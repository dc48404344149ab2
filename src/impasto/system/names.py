"""Names of files: how long they may be, and which of them a file system takes for one."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path, PurePath


def longest_name(folder: Path) -> int:
    """How many bytes a name in this folder may have, or in the nearest folder around it that is there.

    255 nearly everywhere; an encrypted folder has fewer.
    """
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return min(255, max(64, os.pathconf(nearest(folder), "PC_NAME_MAX")))
    return 255


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one around it that is there."""
    return next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), folder)


def shortened(name: str, limit: int) -> str:
    """The name, or if it has more bytes, one that begins and ends alike; of two long names two others are made.

    >>> shortened("a" * 80 + ".jpg", 24)
    'aaaaaaaaaaa-faae4522.jpg'
    """
    data = os.fsencode(name)
    if len(data) <= limit:
        return name
    import hashlib  # here and below, since the names of most runs are short and plain

    ending = PurePath(name).suffix
    ending = ending if len(ending) <= 10 else ""
    tail = f"-{hashlib.sha256(data).hexdigest()[:8]}{ending}"
    return beginning(name, limit - len(os.fsencode(tail))) + tail


def beginning(text: str, limit: int) -> str:
    """As much of a text as has so many bytes."""
    text = text[:limit]
    while len(os.fsencode(text)) > limit:
        text = text[:-1]
    return text


def folded(name: str) -> str:
    """The same text for names that some file system takes for one: other cases, other spellings of an accent."""
    if name.isascii():
        return name.lower()
    import unicodedata

    return unicodedata.normalize("NFC", name.casefold())


def told_apart(folder: Path, one: str, other: str) -> bool:
    """Whether a folder can hold both of two names that are the same when they are folded."""
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
    """The path of NAME and its ending in a folder; if something has that name, of NAME-2, NAME-3, ..."""
    found, count = folder / f"{name}{suffix}", 1
    while os.path.lexists(found):
        count += 1
        found = folder / f"{name}-{count}{suffix}"
    return found


def safe_name(name: str) -> str:
    """A file's name without folders, controls and what some systems refuse."""
    name = re.sub(r"[^\w.\- ]+", "_", re.split(r"[/\\]", name)[-1]).strip(" ._")
    return name[:80] or "picture"
