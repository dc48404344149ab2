"""What clients say of results: the format that they accept, and those that they have already."""

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
    """The ending that says a result's format.

    Args:
        named: what the request asks for, such as "webp"; None, it does not.
        accept: the header's value, or "".
        photo_format: Pillow's name of the photo's own format.
    Raises:
        UsageError: `named` is no format that is written here.
        ImpastoError: nothing is written here that is accepted.
    """
    if named is not None:
        suffix = usual(SUFFIXES.get("." + named.lower().lstrip("."), ""))
        if suffix is None:
            hint = f"one of {', '.join(name.lstrip('.') for name in MEDIA_TYPES)}"
            raise UsageError(f"the format {named[:40]!r} is unknown", hint, code="unknown-choice")
        format_of_suffix(suffix)
        return suffix
    own = usual(photo_format) or ".png"
    ranges = _ranges(accept) or {"*/*": 1.0}
    offered = [own, *(suffix for suffix in MEDIA_TYPES if suffix != own)]
    offered.sort(key=lambda suffix: -_weight(MEDIA_TYPES[suffix], ranges))  # of equals the first
    accepted = [suffix for suffix in offered if _weight(MEDIA_TYPES[suffix], ranges) > 0]
    if not accepted:
        hint = f"pictures come as {', '.join(MEDIA_TYPES.values())}"
        raise ImpastoError(f"nothing can be sent that is accepted: {accept[:80]}", hint, code="not-acceptable")
    written = next((suffix for suffix in accepted if is_written(suffix)), None)
    if written is None:
        format_of_suffix(accepted[0])  # says what is not installed
    return written or accepted[0]


def is_written(suffix: str) -> bool:
    """Whether a format can be written here, by its ending."""
    try:
        format_of_suffix(suffix)
    except UsageError:
        return False
    return True


def usual(file_format: str) -> str | None:
    """The ending that stands for one of Pillow's formats here; None for one that results do not have."""
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
    """A header that lists things; where it comes several times, all of it."""
    return ", ".join(request.headers.getlist(name))


def matches(header: str, tag: str) -> bool:
    """Whether an If-None-Match header names a tag."""
    names = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in names or tag in names
