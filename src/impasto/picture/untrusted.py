"""Pictures from strangers: only ordinary files, in common formats, with a lower size limit."""

from __future__ import annotations

import errno
import os
import stat

from PIL import Image

from impasto.errors import PictureError
from impasto.picture.formats import load_plugins
from impasto.picture.refusals import is_missing_heic, unread_heic
from impasto.system.remote import is_url

MAX_PIXELS = 100_000_000
"""Largest number of pixels from strangers, over all frames of an animation, unless the caller allows more."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")


def read_file(source: str | os.PathLike[str]) -> bytes:
    """Return the bytes of an ordinary file. Links, pipes and addresses are refused.

    Raises:
        PictureError: the file is not an ordinary one, or cannot be read.
    """
    name = os.fspath(source)
    if is_url(name):
        raise PictureError(f"{name} is an address, not a file", code="web-address")
    try:
        # Check the open file, because the name may be given to another file at any time.
        found = os.open(name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise PictureError(f"there is no file {name}", code="no-such-file") from None
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.ELOOP, errno.ENXIO):
            raise _no_plain_file(name) from None
        reason = getattr(error, "strerror", None) or error
        raise PictureError(f"cannot read {name}: {reason}", code="not-readable") from error
    if not stat.S_ISREG(os.fstat(found).st_mode) or os.path.islink(name):
        os.close(found)
        raise _no_plain_file(name)
    with open(found, "rb") as file:
        return file.read()


def _no_plain_file(name: str) -> PictureError:
    return PictureError(
        f"{name} is not an ordinary file",
        "links, folders and devices are refused for untrusted input",
        code="not-a-file",
    )


def check(data: bytes, name: str) -> None:
    """Refuse data in formats other than `FORMATS`, by their first bytes, before a decoder reads them.

    Empty data are accepted here. The reader reports them.

    Raises:
        PictureError: the data have another format.
    """
    load_plugins()
    accepts = [Image.OPEN[name][1] for name in FORMATS if name in Image.OPEN]
    if is_missing_heic(data):
        raise unread_heic(name)
    if data and not any(accept is not None and accept(data[:32]) for accept in accepts):
        raise PictureError(
            f"{name} is not a picture in an accepted format",
            "accepted: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC",
            code="not-a-picture",
        )
