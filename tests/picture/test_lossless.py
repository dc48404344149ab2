"""PNG and TIFF files as they are written here, read by other programs."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from helpers import scene
from PIL import Image

from impasto.picture import Picture, lossless


def samples(channels: int, kind: str, width: int = 61, height: int = 40) -> np.ndarray:
    picture = scene(width, height, 5).astype(np.float64) / 255
    picture = np.dstack([picture, picture[::-1, :, 0]])[:, :, :channels]
    top = np.iinfo(kind).max
    return (picture * top + np.random.default_rng(0).integers(0, 3, picture.shape)).clip(0, top).astype(kind)


@pytest.mark.parametrize("strip", [1, 700, 10**6])  # a row at a time, some, all at once
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [3, 4])
def test_files_hold_the_samples(monkeypatch: pytest.MonkeyPatch, channels: int, kind: str, strip: int) -> None:
    monkeypatch.setattr(lossless, "_STRIP_BYTES", strip)
    expected = samples(channels, kind)
    png, tiff = lossless.write_png(expected, []), lossless.write_tiff(expected, {})
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(tiff)), expected)
    if kind == "uint8":
        for data in (png, tiff):
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), expected)
    else:
        picture = Picture.open(png)
        np.testing.assert_array_equal(picture.samples, expected[:, :, :3])
        assert (picture.alpha is None) == (channels == 3)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 50), (50, 1)])
def test_the_smallest_pictures(width: int, height: int) -> None:
    expected = samples(3, "uint8", width, height)
    for data in (lossless.write_png(expected, []), lossless.write_tiff(expected, {})):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), expected)


def test_the_stream_of_a_png_is_one_and_its_sums_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """zlib raises over a wrong Adler-32, which most readers of PNG do not look at."""
    monkeypatch.setattr(lossless, "_STRIP_BYTES", 3000)
    expected = samples(3, "uint8", 61, 333)
    data, place, stream = lossless.write_png(expected, [(b"tEXt", b"a\0b")]), 8, b""
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
