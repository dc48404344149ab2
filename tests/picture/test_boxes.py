"""AVIF's and HEIF's boxes: crops and turns, each applied once. JPEG 2000's: channels and profiles."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from helpers import file_bytes, scene
from pictures import crop_property, profile, with_property
from PIL import Image

from impasto import Picture
from impasto.picture import boxes

SCENE = scene()
CROP = crop_property(10, 20, 40, 30, (96, 64))
CROPPED = SCENE[20:50, 10:50]


def avif(samples: np.ndarray = SCENE) -> bytes:
    return file_bytes(samples, "AVIF", quality=100, subsampling="4:4:4")


def heif() -> bytes:
    library = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    library.from_pillow(Image.fromarray(SCENE)).save(out, quality=-1, chroma=444)
    return out.getvalue()


@pytest.mark.parametrize("make", [avif, heif])
def test_crop_turn_and_mirror(make: object) -> None:
    assert callable(make)
    for properties, expected in (
        ([], SCENE),
        ([(b"clap", CROP)], CROPPED),
        ([(b"irot", b"\1")], np.rot90(SCENE)),
        ([(b"imir", b"\1")], SCENE[:, ::-1]),
        ([(b"clap", CROP), (b"irot", b"\3")], np.rot90(CROPPED, -1)),
    ):
        data = make()
        for kind, body in properties:
            data = with_property(data, kind, body)
        found = Picture.open(data).to_numpy()
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).mean() < 1.5


def test_alpha_is_cropped_too() -> None:
    cover = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (64, 1))
    picture = Picture.open(with_property(avif(np.dstack([SCENE, cover])), b"clap", CROP))
    assert picture.alpha is not None
    np.testing.assert_allclose(picture.alpha * 255, cover[20:50, 10:50], atol=1)


@pytest.mark.parametrize("crop", [crop_property(80, 20, 40, 30, (96, 64)), bytes(32), bytes(3)])
def test_a_crop_that_cannot_be_is_ignored(crop: bytes) -> None:
    assert boxes.read(with_property(avif(), b"clap", crop)).crop is None


def test_boxes_of_any_bytes() -> None:
    data, rng = bytearray(avif()[:400]), np.random.default_rng(0)
    for _ in range(300):
        changed = data.copy()
        for at in rng.integers(0, len(data), 6):
            changed[at] = rng.integers(0, 256)
        boxes.read(bytes(changed))
        boxes.read(bytes(changed[: rng.integers(0, 400)]))


def jp2(samples: np.ndarray, *replaced: tuple[bytes, bytes]) -> bytes:
    """A JPEG 2000 file with other boxes in its header, kind and body of each."""
    data = file_bytes(samples, "JPEG2000")
    start = data.index(b"jp2h") - 4
    (size,) = struct.unpack_from(">I", data, start)
    kept = dict(boxes._boxes(data[start + 8 : start + size]))
    header = b"".join(struct.pack(">I4s", len(body) + 8, kind) + body for kind, body in (kept | dict(replaced)).items())
    return data[:start] + struct.pack(">I4s", len(header) + 8, b"jp2h") + header + data[start + size :]


def definition(*channels: tuple[int, int]) -> tuple[bytes, bytes]:
    """Meaning (0 color, 1 alpha, 2 alpha of premultiplied colors) and place of each channel."""
    body = b"".join(struct.pack(">HHH", index, *channel) for index, channel in enumerate(channels))
    return b"cdef", struct.pack(">H", len(channels)) + body


def test_jpeg_2000_states_the_order_of_its_channels() -> None:
    cover = np.tile(np.linspace(10, 255, 96).astype(np.uint8), (64, 1))
    colors = [(0, 1), (0, 2), (0, 3)]
    backwards = Picture.open(jp2(SCENE[:, :, ::-1], definition(*colors[::-1])))
    assert np.abs(backwards.to_numpy().astype(int) - SCENE).max() <= 1
    before = np.dstack([cover, SCENE])
    found = Picture.open(jp2(before, definition((1, 0), *colors))).to_numpy()
    assert np.abs(found.astype(int) - np.roll(before, -1, 2)).max() <= 1
    unsaid = Picture.open(jp2(np.roll(before, -1, 2), definition(*colors, (65535, 65535))))
    assert unsaid.alpha is None
    half = np.dstack([SCENE // 2, np.full((64, 96), 128, np.uint8)])
    whole = Picture.open(jp2(half, definition(*colors, (2, 0)))).to_numpy()
    assert np.abs(whole[:, :, :3].astype(int) - SCENE).max() <= 3


def test_jpeg_2000_s_profile_is_used() -> None:
    linear = profile("linear", 1.0)
    found = Picture.open(jp2(SCENE, (b"colr", b"\2\0\0" + linear))).to_numpy()
    expected = Picture.open(file_bytes(SCENE, icc_profile=linear)).to_numpy()
    assert np.abs(expected.astype(int) - SCENE).max() > 10
    assert np.abs(found.astype(int) - expected).max() <= 2
