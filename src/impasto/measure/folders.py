"""List folders of photos, of styles, and of results named PHOTO__STYLE.ext."""

from __future__ import annotations

from pathlib import Path

from impasto.errors import PictureError
from impasto.picture.formats import readable
from impasto.system.listing import is_junk

SEPARATOR = "__"


def pictures_in(folder: Path) -> list[Path]:
    """Return the files of a folder that may be pictures, sorted by name.

    Raises:
        PictureError: the folder does not exist, or it contains no picture.
    """
    if not folder.is_dir():
        raise PictureError(f"folder {folder} does not exist", code="no-such-folder")
    found = sorted(path for path in folder.iterdir() if path.is_file() and readable(path) and not is_junk(path.name))
    if not found:
        raise PictureError(f"folder {folder} contains no pictures", code="no-pictures")
    return found


def names_of(result: Path) -> tuple[str, str]:
    """Return the names of a result's photo and style. The style is "" if the file is not named PHOTO__STYLE.ext.

    >>> from pathlib import Path
    >>> names_of(Path("theirs/beach__starry-night.png"))
    ('beach', 'starry-night')
    """
    photo, _, style = result.stem.partition(SEPARATOR)
    return photo, style
