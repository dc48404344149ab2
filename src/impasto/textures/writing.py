"""Write all files of a model, or no new file at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from impasto.errors import UsageError
from impasto.picture import Picture
from impasto.picture.formats import format_of
from impasto.system.files import already_there, write_atomically
from impasto.system.names import shortened

_QUALITY = 95  # of lossy formats, because textures are seen from close by, and interpolated
_LONGEST = 240  # bytes of a name; systems allow 255, and unfinished files have an additional ending


def encoded(picture: Picture, suffix: str) -> bytes:
    """Encode a painted texture in the format of a file ending."""
    file_format = format_of(Path(f"texture{suffix}"))
    return picture.encode(file_format, quality=_QUALITY, bits=picture.bits, mark=False)


def write_all(files: Mapping[Path, bytes], *, overwrite: bool) -> list[Path]:
    """Write files. The first one, which names the others, is written last. If one fails, new files are removed.

    Raises:
        PictureError: a file already exists, or cannot be written.
    """
    paths = list(files)
    present = {path for path in paths if os.path.exists(path)}
    if present and not overwrite:
        raise already_there(next(path for path in paths if path in present))
    written: list[Path] = []
    try:
        for path in [*paths[1:], paths[0]]:
            write_atomically(path, files[path], overwrite=overwrite)
            written.append(path)
    except BaseException:
        for path in written:
            if path not in present:
                path.unlink(missing_ok=True)
        raise
    return paths


def check_apart(files: Iterable[Path], sources: Iterable[Path]) -> None:
    """Refuse to overwrite a file of the model.

    Raises:
        UsageError: one of the files is one of the sources, directly or through a link.
    """
    there = [path for path in sources if os.path.exists(path)]
    for path in files:
        if os.path.exists(path) and any(path.samefile(source) for source in there):
            raise UsageError(
                f"{path} belongs to the model that is read", "use another name or folder for -o", code="same-file"
            )


def new_name(folder: Path, stem: str, label: str, suffix: str, taken: Iterable[Path]) -> Path:
    """Return an unused file name for a painted picture."""
    used, number = set(taken), 1
    path = folder / shortened(f"{stem}-{label}{suffix}", _LONGEST)
    while path in used:
        number += 1
        path = folder / shortened(f"{stem}-{label}-{number}{suffix}", _LONGEST)
    return path
