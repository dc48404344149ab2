"""PNG's chunks: what Pillow stumbles over, and transparent shades at every depth."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from helpers import scene
from pictures import IN_P3, P3, chunk, png, profile, profile_chunk
from PIL import Image

from impasto import Picture

SCENE = scene()


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_shade_of_gray(bits: int) -> None:
    key = (1 << bits) - 1
    shades = np.zeros((8, 16), np.uint16 if bits == 16 else np.uint8)
    shades[:, :8] = key
    picture = Picture.open(png(shades, 0, chunk(b"tRNS", struct.pack(">H", key)), bits=bits))
    assert picture.alpha is not None
    assert (picture.alpha[:, :8] == 0).all()
    assert (picture.alpha[:, 8:] == 1).all()
    assert (picture.pixels[:, 8:] == 0).all()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_transparent_color(kind: type) -> None:
    scale = 257 if kind is np.uint16 else 1
    samples = SCENE.astype(kind) * kind(scale)
    samples[:, :10] = key = (3, 2 * scale, 200 * scale)
    picture = Picture.open(png(samples, 2, chunk(b"tRNS", struct.pack(">HHH", *key))))
    assert picture.alpha is not None
    np.testing.assert_array_equal(picture.alpha == 0, np.arange(SCENE.shape[1])[None] < np.full((len(SCENE), 1), 10))
    assert picture.bits == 8 * samples.itemsize


def test_gray_and_alpha_with_sixteen_bits() -> None:
    samples = np.random.default_rng(0).integers(0, 65536, (20, 30, 2), np.uint16)
    picture = Picture.open(png(samples, 4))
    np.testing.assert_array_equal(picture.to_numpy(bits=16)[:, :, 2:], samples)
    assert picture.bits == 16


def test_a_palette_s_transparent_entries() -> None:
    image = Image.fromarray(SCENE).quantize(4)
    colors = chunk(b"PLTE", bytes((image.getpalette() or [])[:12]))
    picture = Picture.open(png(np.asarray(image), 3, colors, chunk(b"tRNS", bytes((0, 128)))))
    assert picture.alpha is not None
    np.testing.assert_array_equal((picture.alpha * 255).round(), np.array([0, 128, 255, 255])[np.asarray(image)])


TEXT = zlib.compress(b"x" * 3_000_000)
BROKEN = chunk(b"gAMA", struct.pack(">I", 100000))[:-1] + b"?"


@pytest.mark.parametrize(
    ("chunks", "word"),
    [
        ([chunk(b"zTXt", b"workflow\0\0" + TEXT)], "workflow"),
        ([chunk(b"iTXt", b"prompt\0\1\0\0\0" + TEXT)], "prompt"),
        ([chunk(b"zTXt", b"odd\0\7" + zlib.compress(b"x"))], "odd"),
        ([chunk(b"tEXt", b"long\0" + bytes(40_000_000))], "long"),
        ([chunk(b"zTXt", b"part\0\0" + zlib.compress(b"x" * 1_000_000))] * 50, "and 14 more"),
        ([BROKEN], "gAMA"),
        ([chunk(b"gAMA", b"\0")], "gAMA"),
        ([chunk(b"iCCP", b"scanner\0\0nonsense")], "profile"),
    ],
)
def test_chunks_that_cannot_be_read_are_left_out_with_a_note(chunks: list[bytes], word: str) -> None:
    with pytest.warns(UserWarning, match=f"the data: .*left out.*{word}"):
        picture = Picture.open(png(SCENE, 2, *chunks))
    np.testing.assert_array_equal(picture.to_numpy(), SCENE)


def test_a_large_profile_is_used() -> None:
    data = png(np.full((8, 8, 3), IN_P3, np.uint8), 2, profile_chunk(profile("screen", 2.2, P3) + bytes(2_000_000)))
    assert Picture.open(data).pixels[0, 0, 0] * 255 > 245


@pytest.mark.parametrize("length", [8, 20, 40, 60])
def test_a_file_cut_in_its_head_is_refused_in_one_line(length: int) -> None:
    from impasto import PictureError

    with pytest.raises(PictureError) as caught:
        Picture.open(png(SCENE, 2)[:length])
    assert "\n" not in str(caught.value)
