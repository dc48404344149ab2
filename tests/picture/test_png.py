"""PNG files as they are written here, read by other programs."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from helpers import shades
from PIL import Image

from impasto.picture import Picture
from impasto.picture.png import write_png


@pytest.mark.parametrize("strip", [1, 700, 10**6])  # a row at a time, some, all at once
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [3, 4])
def test_files_hold_the_samples(channels: int, kind: str, strip: int) -> None:
    expected = shades(channels, kind)
    data = write_png(expected, [], strip_bytes=strip)
    if kind == "uint8":
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), expected)
    else:
        picture = Picture.open(data)
        np.testing.assert_array_equal(picture.samples, expected[:, :, :3])
        assert (picture.alpha is None) == (channels == 3)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 50), (50, 1)])
def test_the_smallest_pictures(width: int, height: int) -> None:
    expected = shades(3, "uint8", width, height)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(write_png(expected, [])))), expected)


def test_the_stream_of_a_png_is_one_and_its_sums_are_right() -> None:
    """zlib raises over a wrong Adler-32, which most readers of PNG do not look at."""
    expected = shades(3, "uint8", 61, 333)
    data, place, stream = write_png(expected, [(b"tEXt", b"a\0b")], strip_bytes=3000), 8, b""
    kinds = []
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length]) == (zlib.crc32(kind + body),)
        kinds.append(kind)
        stream += body if kind == b"IDAT" else b""
        place += length + 12
    assert kinds[:2] == [b"IHDR", b"tEXt"]
    assert kinds[-1] == b"IEND"
    inflate = zlib.decompressobj()
    assert len(inflate.decompress(stream)) == 333 * (61 * 3 + 1)
    assert inflate.eof
    assert not inflate.unused_data
