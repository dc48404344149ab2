"""The texts of PNG files: tEXt, zTXt and iTXt chunks (W3C PNG), and profiles that ImageMagick hides in them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

PACKET = "XML:com.adobe.xmp"
MOST = 4_000_000
"""Largest size of a kept text, in bytes. libpng refuses chunks of more than 8 MB."""

# Not copied: hexadecimal profiles, our own mark, thumbnails and the old header.
_NOT_KEPT = ("raw profile type ", "thumb::", "png:", "exif:", PACKET.lower(), "impasto")

# The equivalent property of XMP.
_PROPERTIES = {
    "title": "dc:title",
    "author": "dc:creator",
    "artist": "dc:creator",
    "description": "dc:description",
    "copyright": "dc:rights",
}


def read(data: bytes) -> list[tuple[str, str]]:
    """Return keyword and text of each text chunk, except damaged texts and those that inflate to more than 64 MB."""
    found = []
    for kind, body in _chunks(data):
        key, _, rest = body.partition(b"\0")
        packed = kind == b"zTXt"
        if packed:
            rest = rest[1:]  # skip the compression method, which is deflate
        elif kind == b"iTXt":
            packed = rest[:1] == b"\1"
            rest = rest[2:].split(b"\0", 2)[-1]  # skip the language and the translated keyword
        text = _inflated(rest) if packed else rest
        if text is not None:
            found.append((key.decode("latin-1"), text.decode("utf-8" if kind == b"iTXt" else "latin-1", "replace")))
    return found


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size


def _inflated(data: bytes) -> bytes | None:
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(data, 1 << 26)
    except zlib.error:
        return None
    return text if inflate.eof else None


def kept(texts: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the texts that describe the picture."""
    return tuple((key, text) for key, text in texts if text and not key.lower().startswith(_NOT_KEPT))


def raw_profile(texts: list[tuple[str, str]], *names: str) -> bytes:
    """Return a profile that ImageMagick wrote in hexadecimal under one of the names, such as exif; b"" if none."""
    return next(raw_profiles(texts, *names), b"")


def raw_profiles(texts: list[tuple[str, str]], *names: str) -> Iterator[bytes]:
    """Yield all such profiles under the names. The name app1 may contain EXIF, and again XMP."""
    for key, text in texts:
        if key.lower() in {f"raw profile type {name}" for name in names}:
            digits = text.strip().partition("\n")[2].partition("\n")[2]  # skip a name and a length
            try:
                yield bytes.fromhex("".join(digits.split()))
            except ValueError:
                continue


def properties(texts: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    """Return the texts by the names of XMP's properties."""
    found: dict[str, list[str]] = {}
    for key, text in texts:
        if name := _PROPERTIES.get(key.lower()):
            found.setdefault(name, []).append(text)
    return found
