"""Read PNG chunks that Pillow rejects, ignores or misinterprets."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import NamedTuple

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_MOST_INFLATED = 1 << 20  # bytes of an inflated text or profile; Pillow's own limit
_MOST_TEXT = 1 << 25  # bytes of all texts together
_MOST_PROFILE = 1 << 25
_FIRST_CHUNK = 33  # bytes of a file, including the header chunk
# Optional chunks about the pixels, and their minimum sizes in bytes.
_SMALL = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"pHYs": 9, b"tRNS": 1, b"sBIT": 1, b"bKGD": 1, b"tIME": 7}
_SMALL |= {b"eXIf": 8, b"hIST": 2, b"oFFs": 9, b"mDCV": 24, b"cLLI": 8}
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_GRAY, _GRAY_ALPHA, _RGBA = 0, 4, 6  # color types


class _Chunk(NamedTuple):
    kind: bytes
    body: memoryview
    whole: memoryview  # with length and checksum


class Mended(NamedTuple):
    """A PNG file that Pillow reads correctly, and properties that Pillow does not return."""

    data: bytes
    cicp: tuple[int, int] | None = None  # primaries and transfer of ITU-T H.273
    profile: bytes | None = None  # an ICC profile too large for Pillow


def mended(data: bytes, name: str) -> Mended:
    """Return the PNG file without chunks that stop or mislead Pillow. A file without them stays unchanged.

    - Damaged optional chunks, and texts too large for Pillow, are left out, with a warning.
    - A profile that is too large for Pillow is returned separately.
    - A transparent gray of 2 or 4 bits is scaled like the samples.
    """
    if len(data) < _FIRST_CHUNK:
        return Mended(data)
    parts: list[bytes | memoryview] = [data[: len(SIGNATURE)]]
    changed, left_out, cicp, profile, text = False, [], None, None, 0
    bits, color_type = data[24:26]
    for part in _chunks(data):
        kept: bytes | memoryview | None = part.whole
        if part.kind in _SMALL and (len(part.body) < _SMALL[part.kind] or not _is_whole(part)):
            left_out.append(part.kind.decode())
            kept = None
        elif part.kind == b"cICP" and 2 not in part.body[:2]:  # 2 means "unspecified"
            cicp = (part.body[0], part.body[1])
        elif part.kind == b"tRNS" and color_type == _GRAY and bits in (2, 4):
            (key,) = struct.unpack_from(">H", part.body)
            levels = (1 << bits) - 1
            kept = _chunk(b"tRNS", struct.pack(">H", (key & levels) * 255 // levels))
        elif part.kind in _TEXTS:
            size = _text_size(part) if _is_whole(part) else None
            if size is None or text + size > _MOST_TEXT:
                left_out.append(f"the text {_keyword(part)!r}")
                kept = None
            else:
                text += size
        elif part.kind == b"iCCP" and not (_is_whole(part) and _compressed_size(part)):
            profile = _inflated(bytes(part.body).partition(b"\0")[2][1:], _MOST_PROFILE) if _is_whole(part) else None
            if not profile:
                left_out.append("the color profile")
            kept = None
        changed = changed or kept is not part.whole
        if kept is not None:
            parts.append(kept)
    if left_out:
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        warnings.warn(
            f"{name}: left out parts that are damaged or too large: {', '.join(left_out[:3])}{more}", stacklevel=2
        )
    return Mended(b"".join(parts) if changed else data, cicp, profile)


def as_bytes_of_four(data: bytes) -> bytes | None:
    """Return a 16-bit gray and alpha file as one of four 8-bit channels: high and low byte of each.

    Both have four bytes a pixel, and PNG's filters work on bytes. Return None for other files.
    """
    if data[24:26] != bytes((16, _GRAY_ALPHA)):
        return None
    header = bytearray(data[16:29])
    header[8:10] = 8, _RGBA
    return data[:8] + _chunk(b"IHDR", bytes(header)) + data[33:]


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield all chunks up to the end, or up to a truncation. The rest is one nameless chunk."""
    view, at = memoryview(data), len(SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        yield _Chunk(data[at + 4 : at + 8], view[at + 8 : end - 4], view[at:end])
        at = end
    if at < len(data):
        yield _Chunk(b"", view[at:], view[at:])


def _is_whole(part: _Chunk) -> bool:
    return zlib.crc32(part.whole[4:-4]) == struct.unpack(">I", part.whole[-4:])[0]


def _text_size(part: _Chunk) -> int | None:
    """Return the size of a text in bytes; None if it is too large to inflate, or its compression is unknown."""
    if part.kind == b"zTXt":
        return _compressed_size(part)
    rest = bytes(part.body).partition(b"\0")[2]
    if part.kind == b"iTXt" and rest[:1] == b"\x01":
        inflated = _inflated(rest[2:].partition(b"\0")[2].partition(b"\0")[2], _MOST_INFLATED)
        return None if inflated is None else len(inflated)
    return len(part.body)


def _compressed_size(part: _Chunk) -> int | None:
    """Return the size as `_text_size`, of data after a name and a compression method."""
    rest = bytes(part.body).partition(b"\0")[2]
    method, rest = rest[:1], rest[1:]
    inflated = _inflated(rest, _MOST_INFLATED) if method == b"\0" else None
    return None if inflated is None else len(inflated)


def _inflated(data: bytes, most: int) -> bytes | None:
    """Inflate data. Return None if there are more than `most` bytes, and b"" if they are damaged."""
    stream = zlib.decompressobj()
    try:
        out = stream.decompress(data, most)
    except zlib.error:
        return b""
    return None if stream.unconsumed_tail else out


def _keyword(part: _Chunk) -> str:
    word = bytes(part.body[:80]).partition(b"\0")[0].decode("latin-1")
    return "".join(filter(str.isprintable, word))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
