"""List the files of a folder, without junk, in natural order."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path, PurePath

_JUNK = {  # in lower case; names with a leading dot are left out anyway
    "#recycle",  # Synology
    "#snapshot",
    "@eadir",
    "@recycle",  # QNAP
    "@recently-snapshot",
    "@tmp",
    "@transcode",
    "$recycle.bin",  # Windows
    "desktop.ini",
    "ehthumbs.db",
    "recycler",
    "system volume information",
    "thumbs.db",
    "__macosx",  # macOS
    "network trash folder",
    "temporary items",
    "lost+found",
}

_NUMBER = re.compile("([0-9]+)")


def is_junk(name: str) -> bool:
    """Return True for names of hidden files, and of files that systems, NAS devices or file managers create.

    >>> [name for name in ("a.jpg", "._a.jpg", "@eaDir", ".thumbnails", "Thumbs.db") if is_junk(name)]
    ['._a.jpg', '@eaDir', '.thumbnails', 'Thumbs.db']
    """
    return name.startswith(".") or name.lower() in _JUNK


def natural(name: str) -> tuple[tuple[object, ...], ...]:
    """Return a key that sorts names as people count: img2 before img10. Each folder of a path is compared separately.

    >>> sorted(["img10.png", "Img2.png", "img1.png"], key=natural)
    ['img1.png', 'Img2.png', 'img10.png']
    """
    return tuple(_natural(part) for part in PurePath(name).parts)


def _natural(part: str) -> tuple[object, ...]:
    texts = _NUMBER.split(part.casefold())
    numbers = [text.lstrip("0") for text in texts[1::2]]
    texts[1::2] = [f"{len(number):03}{number}" for number in numbers]
    return (*texts, part)


def files_in(folder: Path, endings: Collection[str]) -> list[Path]:
    """Return the files of a folder that have one of the endings, in natural order, without junk.

    Pipes, sockets and devices are left out: reading one may wait for ever. Broken links are included, so that opening
    them reports the missing file.

    Args:
        endings: in lower case, with the dot.
    Raises:
        OSError: the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        found = [
            Path(entry.path)
            for entry in entries
            if not is_junk(entry.name) and PurePath(entry.name).suffix.lower() in endings and _may_be_read(entry)
        ]
    return sorted(found, key=lambda path: natural(path.name))


def _may_be_read(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:  # a link to itself
        return True
