"""Choose the format of a result, and compare the tags of results that a client already has."""

from __future__ import annotations

import re

from starlette.requests import Request

from impasto.errors import ImpastoError, UsageError
from impasto.picture.formats import SUFFIXES
from impasto.service.work import MEDIA_TYPES, format_of_suffix

_OTHER_NAMES = {"image/jpg": "image/jpeg", "image/heif": "image/heic", "image/apng": "image/png"}
_RANGE = re.compile(r"\s*([\w!#$&^.+*-]+/[\w!#$&^.+*-]+)\s*(?:;(.*))?", re.ASCII)
_QUALITY = re.compile(r"(?:^|;)\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE | re.ASCII)


def suffix_of(named: str | None, accept: str, photo_format: str) -> str:
    """Return the file name's suffix for a result's format.

    Args:
        named: the format that the request names, such as "webp"; None if it names none.
        accept: the value of the Accept header, or "".
        photo_format: Pillow's name of the photo's own format.
    Raises:
        UsageError: `named` is not a format that the service writes.
        ImpastoError: the service writes no format that the client accepts.
    """
    if named is not None:
        suffix = usual(SUFFIXES.get("." + named.lower().lstrip("."), ""))
        if suffix is None:
            hint = f"formats: {', '.join(name.lstrip('.') for name in MEDIA_TYPES)}"
            raise UsageError(f"unknown format {named[:40]!r}", hint, code="unknown-choice")
        format_of_suffix(suffix)
        return suffix
    own = usual(photo_format) or ".png"
    ranges = _ranges(accept) or {"*/*": 1.0}
    offered = [own, *(suffix for suffix in MEDIA_TYPES if suffix != own)]
    offered.sort(key=lambda suffix: -_weight(MEDIA_TYPES[suffix], ranges))  # stable: the first of equals wins
    accepted = [suffix for suffix in offered if _weight(MEDIA_TYPES[suffix], ranges) > 0]
    if not accepted:
        hint = f"accept one of {', '.join(MEDIA_TYPES.values())}"
        raise ImpastoError(f"none of the accepted formats is available: {accept[:80]}", hint, code="not-acceptable")
    written = next((suffix for suffix in accepted if is_written(suffix)), None)
    if written is None:
        format_of_suffix(accepted[0])  # raises an error if a package is missing
    return written or accepted[0]


def is_written(suffix: str) -> bool:
    """Return True if the format of a suffix can be written here."""
    try:
        format_of_suffix(suffix)
    except UsageError:
        return False
    return True


def usual(file_format: str) -> str | None:
    """Return the usual suffix of one of Pillow's formats; None if results cannot have it."""
    return next((suffix for suffix in MEDIA_TYPES if SUFFIXES[suffix] == file_format), None)


def _ranges(accept: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in accept.split(","):
        match = _RANGE.fullmatch(part)
        if match:
            quality = _QUALITY.search(match[2] or "")
            kind = match[1].lower()
            found[_OTHER_NAMES.get(kind, kind)] = min(1.0, float(quality[1])) if quality else 1.0
    return found


def _weight(media_type: str, ranges: dict[str, float]) -> float:
    for kind in (media_type, "image/*", "*/*"):
        if kind in ranges:
            return ranges[kind]
    return 0.0


def header_of(request: Request, name: str) -> str:
    """Return the value of a list header. Repeated headers are joined by commas."""
    return ", ".join(request.headers.getlist(name))


def matches(header: str, tag: str) -> bool:
    """Return True if an If-None-Match header names the tag."""
    names = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in names or tag in names
