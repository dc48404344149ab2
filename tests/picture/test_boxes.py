"""AVIF's and HEIF's boxes: crops and turns, each applied once."""

from __future__ import annotations

import io

import numpy as np
import pytest
from helpers import file_bytes, scene
from pictures import crop_property, with_property
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
