"""TIFF files as they are written here, read by other programs."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from helpers import shades
from PIL import Image

from impasto.picture.tiff import write_tiff


@pytest.mark.parametrize("strip", [1, 700, 10**6])  # a row at a time, some, all at once
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [3, 4])
def test_files_hold_the_samples(channels: int, kind: str, strip: int) -> None:
    expected = shades(channels, kind)
    data = write_tiff(expected, strip_bytes=strip)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), expected)
    if kind == "uint8":
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), expected)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 50), (50, 1)])
def test_the_smallest_pictures(width: int, height: int) -> None:
    expected = shades(3, "uint8", width, height)
    data = write_tiff(expected)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), expected)
    assert Image.open(io.BytesIO(data)).tag_v2[278] == height  # rows of a strip: no more than there are
