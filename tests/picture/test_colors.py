"""What a file's numbers mean: profiles, CICP, gamma chunks, high dynamic range."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from helpers import file_bytes, scene
from pictures import IN_P3, IN_SRGB, P3, chunk, png, profile, profile_chunk, said_by_cicp
from PIL import Image

from impasto import Picture
from impasto.pixels.colorimetry import linear
from impasto.pixels.hdr import to_sdr

SCENE = scene()
LIGHT = linear(SCENE.astype(np.float32) / 255, 13)
DEEP_LIGHT = (LIGHT * 65535).round().astype(np.uint16)
PLAIN = np.full((8, 8, 3), IN_P3, np.uint8)
PQ_WHITE, HLG_WHITE = 148, 191  # paper white in eight bits
GAMMA, LINEAR = chunk(b"gAMA", struct.pack(">I", 45455)), chunk(b"gAMA", struct.pack(">I", 100000))
P3_CHUNK = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
SRGB_CHUNK = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))


def cicp(primaries: int, transfer: int) -> bytes:
    return chunk(b"cICP", bytes((primaries, transfer, 0, 1)))


def mean(data: bytes) -> np.ndarray:
    return Picture.open(data).pixels.mean(axis=(0, 1)) * 255


@pytest.mark.parametrize("name", ["Display P3", "Display P3 Gamut with sRGB Transfer", "sRGB"])
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_profiles_are_judged_by_what_they_hold(name: str, file_format: str) -> None:
    options: dict[str, Any] = {"JPEG": {"quality": 100}, "WEBP": {"lossless": True}}.get(file_format, {})
    data = file_bytes(PLAIN, file_format, icc_profile=profile(name, 2.2, P3), **options)
    np.testing.assert_allclose(mean(data), IN_SRGB, atol=8)


def test_a_profile_that_is_srgb_changes_nothing() -> None:
    from impasto.picture import color_profiles

    data = file_bytes(SCENE, icc_profile=color_profiles.srgb())
    np.testing.assert_array_equal(Picture.open(data).to_numpy(), SCENE)


@pytest.mark.parametrize("alpha", [False, True])
def test_sixteen_bits_of_linear_light_show_no_bands(alpha: bool) -> None:
    samples = np.dstack([DEEP_LIGHT, np.full(SCENE.shape[:2], 30000, np.uint16)]) if alpha else DEEP_LIGHT
    for meaning in (LINEAR, profile_chunk(profile("sRGB linear", 1.0)), cicp(1, 8)):
        picture = Picture.open(png(samples, 6 if alpha else 2, meaning))
        assert picture.bits == 16
        np.testing.assert_allclose(picture.pixels * 255, SCENE, atol=0.6)
        assert (picture.alpha is not None) == alpha


def test_gray_of_linear_light() -> None:
    for meaning in (LINEAR, profile_chunk(profile("gray", 1.0, space=b"GRAY"))):
        picture = Picture.open(png(DEEP_LIGHT[:, :, 0], 0, meaning))
        np.testing.assert_allclose(picture.pixels * 255, np.repeat(SCENE[:, :, :1], 3, 2), atol=0.6)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((GAMMA, SRGB_CHUNK), IN_P3),  # sRGB, in other words
        ((chunk(b"sRGB", b"\0"), LINEAR, P3_CHUNK), IN_P3),
        ((P3_CHUNK,), IN_SRGB),
        ((GAMMA, P3_CHUNK), IN_SRGB),
        ((cicp(12, 13),), IN_SRGB),
        ((cicp(12, 13), profile_chunk(profile("mine", 1.0)), LINEAR), IN_SRGB),
        ((cicp(1, 13), profile_chunk(profile("mine", 2.2, P3))), IN_P3),
        ((profile_chunk(profile("mine", 2.2, P3)), LINEAR), IN_SRGB),
        ((cicp(2, 2), P3_CHUNK), IN_SRGB),  # unspecified
        ((chunk(b"gAMA", bytes(4)), chunk(b"cHRM", bytes(32))), IN_P3),  # nonsense
    ],
)
def test_png_s_chunks_in_their_order(chunks: tuple[bytes, ...], expected: tuple[int, ...]) -> None:
    np.testing.assert_allclose(mean(png(PLAIN, 2, *chunks)), expected, atol=8)


@pytest.mark.parametrize(("transfer", "white"), [(16, PQ_WHITE), (18, HLG_WHITE)])
def test_high_dynamic_range_is_tone_mapped_with_a_note(transfer: int, white: int) -> None:
    gray = np.full((64, 64, 3), white, np.uint8)
    files = [
        png(gray, 2, cicp(9, transfer)),
        png(gray[:, :, 0], 0, cicp(9, transfer)),
        png(gray.astype(np.uint16) * 257, 2, cicp(9, transfer)),
        said_by_cicp(file_bytes(gray, "AVIF", quality=100), 9, transfer),
    ]
    for data in files:
        with pytest.warns(UserWarning, match="the data has high dynamic range"):
            assert mean(data) == pytest.approx(237, abs=2)


def test_avif_s_own_numbers_for_colors() -> None:
    data = said_by_cicp(file_bytes(PLAIN, "AVIF", quality=100, subsampling="4:4:4"), 12, 13)
    np.testing.assert_allclose(mean(data), IN_SRGB, atol=8)
    with_profile = file_bytes(PLAIN, "AVIF", quality=100, subsampling="4:4:4", icc_profile=profile("P3", 2.2, P3))
    np.testing.assert_allclose(mean(said_by_cicp(with_profile, 12, 13)), IN_SRGB, atol=8)  # not twice


@pytest.mark.parametrize("bits", [10, 12])
def test_high_dynamic_range_is_read_with_all_its_bits(bits: int) -> None:
    import cv2

    ramp = np.repeat(np.linspace(0.2, 0.6, 96, dtype=np.float32)[None, :, None], 64, 0).repeat(3, 2)
    options = [cv2.IMWRITE_AVIF_DEPTH, bits, cv2.IMWRITE_AVIF_QUALITY, 100, cv2.IMWRITE_AVIF_SPEED, 8]
    done, data = cv2.imencode(".avif", (ramp * ((1 << bits) - 1)).round().astype(np.uint16), options)
    if not done:
        pytest.skip("OpenCV was built without AVIF")
    with pytest.warns(UserWarning, match="high dynamic range"):
        picture = Picture.open(said_by_cicp(data.tobytes(), 9, 16))
    assert picture.bits == 16
    np.testing.assert_allclose(picture.pixels, to_sdr(ramp, 16, 9), atol=0.006)


def test_heif_s_own_numbers_for_colors() -> None:
    heif = pytest.importorskip("pillow_heif")

    def stored(samples: np.ndarray, mode: str, **numbers: int) -> bytes:
        out = io.BytesIO()
        image = heif.from_bytes(mode, samples.shape[1::-1], samples.tobytes())
        image.save(out, quality=-1, chroma=444, save_nclx_profile=True, full_range_flag=1, **numbers)
        return out.getvalue()

    p3 = {"color_primaries": 12, "transfer_characteristics": 13, "matrix_coefficients": 6}
    np.testing.assert_allclose(mean(stored(np.full((64, 64, 3), IN_P3, np.uint8), "RGB", **p3)), IN_SRGB, atol=8)
    pq = {"color_primaries": 9, "transfer_characteristics": 16, "matrix_coefficients": 9}
    with pytest.warns(UserWarning, match="high dynamic range"):
        picture = Picture.open(stored(np.full((64, 64, 3), 38057, np.uint16), "RGB;16", **pq))
    assert picture.bits == 16
    assert picture.pixels.mean() == pytest.approx(0.93, abs=0.01)


def test_a_camera_s_word_for_adobe_rgb() -> None:
    exif = Image.Exif()
    exif.get_ifd(34665).update({40961: 0xFFFF, 40965: {1: "R03"}})
    data = file_bytes(np.full((16, 16, 3), (200, 60, 50), np.uint8), "JPEG", quality=100, exif=exif.tobytes())
    np.testing.assert_allclose(mean(data), (233, 57, 46), atol=2)


@pytest.mark.parametrize(
    "wrong",
    [profile("gray", 1.0, space=b"GRAY"), b"no profile", profile("cut", 1.0)[:200], profile("ink", 1.0, space=b"CMYK")],
)
def test_profiles_that_cannot_be_meant_change_nothing(wrong: bytes) -> None:
    for samples in (SCENE, SCENE.astype(np.uint16) * 257):
        picture = Picture.open(png(samples, 2, profile_chunk(wrong)))
        np.testing.assert_array_equal(picture.to_numpy(), SCENE)
