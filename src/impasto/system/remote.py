"""Folders behind URLs: s3://, gs://, memory:// and all others that fsspec reads and writes."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

from impasto.errors import ImpastoError, MissingExtra, PictureError

_URL = re.compile(r"([a-z][a-z0-9+._-]*::)*[a-z][a-z0-9+._-]*://", re.IGNORECASE)


def is_url(text: str) -> bool:
    """Return True if a text is a URL, and not the path of an existing file."""
    return _URL.match(text) is not None and not os.path.exists(text)


def is_web_address(text: str) -> bool:
    return text.startswith(("http://", "https://", "ftp://"))


def filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL or a path, and the place's name in it.

    Raises:
        MissingExtra: fsspec is not installed.
        PictureError: no installed package supports such URLs.
    """
    try:
        import fsspec
    except ImportError:
        raise MissingExtra("fsspec, which reads URLs,", "remote") from None
    with reaching(url):
        system, path = fsspec.core.url_to_fs(url)
        return system, str(path)


@contextlib.contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn any error of a service's library into one line about the place."""
    try:
        yield
    except ImpastoError:
        raise
    except FileNotFoundError:
        raise PictureError(f"there is no file {url}", code="no-such-file") from None
    except Exception as error:  # the libraries behind URLs share no base class of errors
        first = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise PictureError(f"cannot reach {url}: {first}", code="unreachable") from error
