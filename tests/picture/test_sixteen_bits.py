"""All 16 bits of a color picture, and eight where Pillow works otherwise than is known here."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from helpers import file_bytes, scene, shades
from PIL import Image

from impasto.picture import sixteen_bits
from impasto.picture.png import write_png
from impasto.picture.tiff import write_tiff

DEEP = shades(3, "uint16")


class Tile(NamedTuple):
    """As Pillow's own, but for the name of what tells the layout."""

    codec: str
    extents: tuple[int, ...]
    offset: int
    arguments: object


def opened(change: Callable[[Any], object] = lambda image: None) -> Callable[[], Image.Image]:
    def reopen() -> Image.Image:
        image = Image.open(io.BytesIO(write_png(DEEP, [])))
        change(image)
        return image

    return reopen


def with_rawmode(rawmode: object) -> Callable[[Any], object]:
    return lambda image: setattr(image, "tile", [tile._replace(args=rawmode) for tile in image.tile])


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("write", [lambda samples: write_png(samples, []), write_tiff])
def test_all_sixteen_bits_are_read(write: Callable[[np.ndarray], bytes], channels: int) -> None:
    samples = shades(channels, "uint16")
    data = write(samples)
    np.testing.assert_array_equal(sixteen_bits.read(lambda: Image.open(io.BytesIO(data))), samples)


def test_a_picture_of_eight_bits_has_no_more() -> None:
    for data in (file_bytes(scene()), file_bytes(scene(), "JPEG"), file_bytes(scene(), "TIFF")):
        assert sixteen_bits.read(lambda data=data: Image.open(io.BytesIO(data))) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda image: setattr(image, "tile", None),
        lambda image: setattr(image, "tile", []),
        lambda image: setattr(image, "tile", ["a layout"]),
        lambda image: setattr(image, "tile", [tuple(tile) for tile in image.tile]),
        lambda image: setattr(image, "tile", [Tile(*tile) for tile in image.tile]),
        lambda image: image.load(),
        with_rawmode(None),
        with_rawmode(""),
        with_rawmode(()),
        with_rawmode("RGB;16X"),
        with_rawmode("RGB;16"),
    ],
)
def test_eight_bits_do_where_pillow_describes_files_otherwise(change: Callable[[Any], object]) -> None:
    assert sixteen_bits.read(opened()) is not None
    assert sixteen_bits.read(opened(change)) is None


def test_eight_bits_do_where_pillow_refuses_the_other_byte_order() -> None:
    calls = []

    def reopen() -> Image.Image:
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("unknown raw mode for given image mode")
        return opened()()

    assert sixteen_bits.read(reopen) is None
