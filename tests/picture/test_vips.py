"""Large files by way of libvips: the same pictures as Pillow's, and Pillow where libvips has no answer."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import file_bytes, refused, scene
from PIL import Image, ImageCms

from impasto.errors import OutOfMemory, PictureError
from impasto.picture import Picture, vips
from impasto.picture.strips import STRIP_BYTES
from impasto.picture.xmp import Packet

XMP = Packet().tobytes()
WIDE = scene(90, 61, 2)
LARGE = scene(600, 400, 2)  # of more than one strip


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Sizes of what libvips has decoded."""
    decoded = []
    plain = vips.decode

    def decode(data: bytes, width: int, height: int) -> np.ndarray | None:
        found = plain(data, width, height)
        if found is not None:
            decoded.append((width, height))
        return found

    monkeypatch.setattr(vips, "decode", decode)
    monkeypatch.setattr(vips, "PIXELS", 0)
    return decoded


def encoded(file_format: str, **options: object) -> bytes:
    return file_bytes(WIDE, file_format, **options)


def deep_tiff(**options: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, WIDE.astype(np.uint16) * 250 + 7, photometric="rgb", **options)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        encoded("JPEG", quality=90),
        encoded("JPEG", quality=70, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
        encoded("JPEG", progressive=True, dpi=(300, 300)),
        encoded("PNG"),
        encoded("TIFF", compression="tiff_lzw"),
        deep_tiff(),
        deep_tiff(tile=(32, 32)),
    ],
)
def test_libvips_reads_what_pillow_reads(data: bytes, everything_is_large: list[tuple[int, int]]) -> None:
    large = Picture.open(data)
    assert len(everything_is_large) == 1
    vips.PIXELS = 10**9  # the fixture puts it back
    small = Picture.open(data)
    assert len(everything_is_large) == 1
    np.testing.assert_array_equal(large.samples, small.samples)
    assert large.samples.dtype == small.samples.dtype
    for name in ("bits", "exif", "profile", "xmp", "dpi", "file_format", "alpha"):
        assert getattr(large, name) == getattr(small, name)


def test_what_is_no_plain_rgb_is_left_to_pillow(everything_is_large: list[tuple[int, int]]) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for data in (encoded("GIF"), encoded("PNG", icc_profile=lab), encoded("JPEG", icc_profile=b"no profile")):
        assert Picture.open(data).width == 90
    assert Picture.open(file_bytes(Image.fromarray(WIDE).convert("RGBA"))).alpha is not None
    assert not everything_is_large


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF"])
def test_a_large_file_that_is_cut_short_is_refused(
    file_format: str, everything_is_large: list[tuple[int, int]]
) -> None:
    data = encoded(file_format)
    with refused(PictureError, "damaged-file"):
        Picture.open(data[: len(data) * 2 // 3])
    assert not everything_is_large


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "deep.png", "deep.tif"])
def test_what_is_written_in_strips_comes_back(
    tmp_path: Path, name: str, everything_is_large: list[tuple[int, int]]
) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    before = Picture.open(file_bytes(LARGE, "JPEG", dpi=(200, 200), icc_profile=profile))
    assert before.samples.nbytes > STRIP_BYTES
    made = Picture(before.samples, exif=before.exif, profile=before.profile, xmp=XMP, dpi=(200.0, 200.0))
    made.save(tmp_path / name, bits=16 if "deep" in name else 8, quality=95)
    after = Picture.open(tmp_path / name)
    assert len(everything_is_large) == 2
    assert after.profile
    assert after.xmp == XMP
    assert after.dpi == pytest.approx((200, 200), abs=0.1)
    difference = np.abs(after.pixels - before.pixels)
    assert difference.max() < 0.15 if name == "a.jpg" else difference.max() == 0
    with Image.open(tmp_path / name) as image:
        np.testing.assert_array_equal(np.asarray(image), (after.pixels * 255).astype(np.uint8))


def test_exif_is_the_same_whoever_encodes(
    everything_is_large: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0131] = "Maker", "Firmware"
    picture = Picture(Picture.open(file_bytes(LARGE, "JPEG", exif=exif)).samples, comment=b"said", dpi=(72.0, 72.0))
    picture = Picture(**vars(picture) | {"exif": exif.tobytes(), "xmp": XMP})
    libvips = Image.open(io.BytesIO(picture.encode("JPEG")))
    monkeypatch.setitem(sys.modules, "pyvips", None)
    pillow = Image.open(io.BytesIO(picture.encode("JPEG")))
    for name in ("exif", "xmp", "comment", "dpi", "jfif_version"):
        assert libvips.info[name] == pillow.info[name]


def test_without_libvips_pillow_does_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(vips, "PIXELS", 0)
    monkeypatch.setitem(sys.modules, "pyvips", None)
    picture = Picture.open(encoded("PNG"))
    np.testing.assert_array_equal(picture.samples, WIDE)
    picture.save(tmp_path / "a.jpg")
    assert Picture.open(tmp_path / "a.jpg").width == 90


def test_a_file_on_disk_holds_the_samples(everything_is_large: list[tuple[int, int]]) -> None:
    samples = Picture.open(encoded("PNG")).samples
    assert isinstance(samples, np.memmap) or isinstance(samples.base, np.memmap)
    assert everything_is_large


def test_a_full_disk_leaves_it_to_pillow(
    everything_is_large: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutOfMemory("no room")

    monkeypatch.setattr(vips, "allocate", full)
    np.testing.assert_array_equal(Picture.open(encoded("PNG")).samples, WIDE)
    assert not everything_is_large


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "WEBP", "AVIF", "JPEG2000", "GIF"])
def test_large_pictures_are_reduced_as_they_are_decoded(file_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.asarray(Image.fromarray(scene(60, 40)).resize((960, 640)))
    options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 95}}.get(file_format, {})
    data = file_bytes(samples, file_format, **options)
    small = Picture.open(data, at_most=100)
    monkeypatch.setattr(vips, "PIXELS", 1000)
    large = Picture.open(data, at_most=100)
    assert large.samples.shape == small.samples.shape == (67, 100, 3)
    assert np.abs(large.pixels - small.pixels).mean() < 0.01


def test_large_tiff_files_with_sixteen_bits_are_reduced_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.asarray(Image.fromarray(scene(60, 40)).resize((960, 640))).astype(np.uint16) * 257
    out = io.BytesIO()
    tifffile.imwrite(out, samples, photometric="rgb", compression="zlib")
    small = Picture.open(out.getvalue(), at_most=100)
    monkeypatch.setattr(vips, "PIXELS", 1000)
    large = Picture.open(out.getvalue(), at_most=100)
    assert large.bits == 16
    assert np.abs(large.pixels - small.pixels).mean() < 0.01


def test_large_tiff_files_have_no_dark_rim_when_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    y, x = np.ogrid[:640, :640]
    disc = np.where((y - 320) ** 2 + (x - 320) ** 2 < 200**2, 65535, 0).astype(np.uint16)
    out = io.BytesIO()
    tifffile.imwrite(out, np.dstack([disc] * 4), photometric="rgb", extrasamples=["unassalpha"])
    monkeypatch.setattr(vips, "PIXELS", 1000)
    picture = Picture.open(out.getvalue(), at_most=100)
    assert picture.alpha is not None
    assert picture.pixels[picture.alpha > 0.1].min() > 0.99


@pytest.mark.parametrize("kind", ["TIFF 8", "TIFF 16", "WEBP", "PNG"])
def test_large_pictures_that_lie_on_their_side(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.asarray(Image.fromarray(scene(60, 40)).resize((960, 640)))
    if kind.startswith("TIFF"):
        out = io.BytesIO()
        deep = samples.astype(np.uint16) * 257 if kind == "TIFF 16" else samples
        tifffile.imwrite(out, deep, photometric="rgb", compression="zlib", extratags=[(274, 3, 1, 6, True)])
        data = out.getvalue()
    else:
        exif = Image.Exif()
        exif[274] = 6
        data = file_bytes(samples, kind, exif=exif.tobytes(), **({"lossless": True} if kind == "WEBP" else {}))
    small = Picture.open(data, at_most=100)
    monkeypatch.setattr(vips, "PIXELS", 1000)
    large = Picture.open(data, at_most=100)
    assert large.samples.shape == small.samples.shape == (100, 67, 3)
    assert np.abs(large.pixels - small.pixels).mean() < 0.01


def test_formats_that_are_decoded_as_a_whole_have_a_lower_limit() -> None:
    data = file_bytes(Image.new("L", (16_000, 8_000)), "WEBP", lossless=True, quality=0, method=0)
    with refused(PictureError, "too-large", "128.0 megapixels", "120.0"):
        Picture.open(data)
