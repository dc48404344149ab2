"""Write PNG files (ISO/IEC 15948) with the standard library alone, a few rows at a time."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array

_KINDS = {3: 2, 4: 6}  # color types of RGB and RGBA


class Writer:
    """Writes one picture.

    Args:
        channels: 3 (RGB) or 4 (RGBA).
        bits: bits of a channel, 8 or 16.
    """

    def __init__(self, width: int, height: int, channels: int, bits: int) -> None:
        self.stride, self.bits = width * channels * bits // 8, bits
        self.deflate = zlib.compressobj(1)
        head = struct.pack(">IIBBBBB", width, height, bits, _KINDS[channels], 0, 0, 0)
        self.parts = [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", head)]

    def add(self, rows: bytes) -> None:
        """Append whole rows; samples are in this machine's byte order."""
        if self.bits == 16 and sys.byteorder == "little":
            samples = array("H", rows)
            samples.byteswap()
            rows = samples.tobytes()
        starts = range(0, len(rows), self.stride)
        lines = b"".join(b"\0" + rows[start : start + self.stride] for start in starts)  # 0: no filter
        self.parts.append(_chunk(b"IDAT", self.deflate.compress(lines)))

    def finish(self) -> bytes:
        """Return the file, after all rows have been added."""
        return b"".join([*self.parts, _chunk(b"IDAT", self.deflate.flush()), _chunk(b"IEND", b"")])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
