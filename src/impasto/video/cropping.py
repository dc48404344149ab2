"""Read a container's cropping: MP4's clean aperture, Matroska's PixelCrop.

FFmpeg's libraries return it as side data, which PyAV cannot access.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from impasto.pixels.arrays import Samples

_SEGMENT, _TRACKS, _TRACK, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0
_BOTTOM, _TOP, _LEFT, _RIGHT = 0x54AA, 0x54BB, 0x54CC, 0x54DD
_LARGEST_INDEX = 64_000_000  # bytes


@dataclass(frozen=True)
class Cropping:
    """Columns and rows of a frame, as stored, that are not shown."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def __bool__(self) -> bool:
        return any((self.left, self.right, self.top, self.bottom))

    def size(self, width: int, height: int) -> tuple[int, int]:
        return width - self.left - self.right, height - self.top - self.bottom

    def applied(self, samples: Samples) -> Samples:
        height, width = samples.shape[:2]
        return samples[self.top : height - self.bottom, self.left : width - self.right]


WHOLE = Cropping()


def cropping_of(path: Path, container: Any, stream: Any) -> Cropping:
    """Return the cropping of a stream's frames, or none if the file has none or an invalid one."""
    width, height = stream.codec_context.width, stream.codec_context.height
    try:
        with path.open("rb") as file:
            if "matroska" in container.format.name:
                cropping = _of_matroska(file, int(stream.index))
            elif "mp4" in container.format.name and len(container.streams.video) == 1:
                cropping = _of_mp4(file, width, height)
            else:
                return WHOLE
    except (OSError, ValueError, IndexError, StopIteration, ZeroDivisionError, struct.error):
        return WHOLE
    makes_sense = min(cropping.left, cropping.right, cropping.top, cropping.bottom) >= 0
    return cropping if makes_sense and min(cropping.size(width, height)) > 0 else WHOLE


def _of_mp4(file: BinaryIO, width: int, height: int) -> Cropping:
    index = next((file.read(size) for name, size in _boxes(file) if name == b"moov" and size < _LARGEST_INDEX), b"")
    at = index.find(struct.pack(">I4s", 40, b"clap"), index.find(b"stsd"))
    if at < 0:
        return WHOLE
    values = struct.unpack(">IIIIiIiI", index[at + 8 : at + 40])
    wide, high, right, down = (values[i] / values[i + 1] for i in (0, 2, 4, 6))
    left, top = round((width - wide) / 2 + right), round((height - high) / 2 + down)
    return Cropping(left, width - left - round(wide), top, height - top - round(high))


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield a file's top-level boxes: names and sizes of their contents, at whose start the file is positioned."""
    end = file.seek(0, os.SEEK_END)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        size, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", file.read(8))[0], 16
        size = end - at if size == 0 else size
        if size < head:
            return
        yield name, size - head
        at += size


def _of_matroska(file: BinaryIO, index: int) -> Cropping:
    head = file.read(1 << 20)
    segment = next(data for name, data in _elements(head) if name == _SEGMENT)
    tracks = next(data for name, data in _elements(segment) if name == _TRACKS)
    track = [data for name, data in _elements(tracks) if name == _TRACK][index]
    video = next((data for name, data in _elements(track) if name == _VIDEO), b"")
    said = {name: int.from_bytes(data, "big") for name, data in _elements(video)}
    return Cropping(*(said.get(name, 0) for name in (_LEFT, _RIGHT, _TOP, _BOTTOM)))


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield EBML elements: names, and their contents as far as they are present."""
    at = 0
    while at < len(data):
        name, at = _number(data, at, keep_marker=True)
        size, at = _number(data, at)
        yield name, data[at : at + size]
        at += size


def _number(data: bytes, at: int, *, keep_marker: bool = False) -> tuple[int, int]:
    length = 9 - data[at].bit_length()
    if length > 8:
        raise ValueError("not an EBML number")
    value = int.from_bytes(data[at : at + length], "big")
    return value if keep_marker else value & (1 << 7 * length) - 1, at + length
