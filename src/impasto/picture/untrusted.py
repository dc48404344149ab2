"""Pictures that strangers have sent: files as they lie, in the formats that browsers and cameras send, no larger."""

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
"""More pixels, all frames of an animation together, are refused from strangers unless the caller allows them."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")


def read_file(source: str | os.PathLike[str]) -> bytes:
    """The bytes of an ordinary file; neither a link nor a pipe is followed, and no address is looked up.

    Raises:
        PictureError: it is something else, or cannot be read.
    """
    name = os.fspath(source)
    if is_url(name):
        raise PictureError(f"{name} is an address, not a file", code="web-address")
    try:
        # Looked at once it is open: what lies under the name may be replaced at any time.
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
        f"{name} is no plain file", "links, folders and devices of strangers are refused", code="not-a-file"
    )


def check(data: bytes, name: str) -> None:
    """Refuse bytes in another format than those of `FORMATS`, by what they hold, before a decoder sees them.

    Empty bytes are left to whoever reads them.

    Raises:
        PictureError: they are.
    """
    load_plugins()
    accepts = [Image.OPEN[name][1] for name in FORMATS if name in Image.OPEN]
    if is_missing_heic(data):
        raise unread_heic(name)
    if data and not any(accept is not None and accept(data[:32]) for accept in accepts):
        raise PictureError(
            f"{name} is no picture of a kind that is taken here",
            "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC are",
            code="not-a-picture",
        )
