"""Reading and writing: every kind of file, and every way in which one can be broken."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from helpers import file_bytes, refused, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageCms, ImageOps

from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.formats import format_of
from impasto.picture.png import profile_chunk, write_png


def max_difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).max())


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".webp", ".jpg", ".avif", ".heic", ".gif"])
def test_a_picture_survives_each_format(tmp_path: Path, suffix: str) -> None:
    smooth = np.asarray(Image.fromarray(scene()).resize((24, 16)).resize((97, 63), Image.Resampling.BICUBIC))
    path = tmp_path / f"picture{suffix}"
    Picture.from_array(smooth).save(path, quality=95)
    again = Picture.open(path)
    assert again.to_numpy().shape == (63, 97, 3)
    lossless = suffix in (".png", ".tif", ".bmp")
    error = np.abs(again.to_numpy().astype(float) - smooth)
    assert error.max() == 0 if lossless else error.mean() < 5


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.tuples(st.integers(1, 17), st.integers(1, 17), st.sampled_from([1, 3, 4])),
    ),
    st.sampled_from(["PNG", "TIFF"]),
)
def test_arrays_come_back_exactly(samples: np.ndarray, file_format: str) -> None:
    bits = 16 if samples.dtype == np.uint16 else 8
    picture = Picture.open(Picture.from_array(samples).encode(file_format, bits=bits))
    expected = np.repeat(samples, 3, axis=2) if samples.shape[2] == 1 else samples
    assert picture.bits == bits
    np.testing.assert_array_equal(picture.to_numpy(bits=bits), expected)


@pytest.mark.parametrize(("shorter", "height"), [(75, 76), (76, 152), (151, 152), (152, 304), (304, 607), (900, 607)])
def test_a_large_jpeg_is_decoded_smaller_where_that_does(shorter: int, height: int) -> None:
    """At an eighth, a quarter, a half; it shows the same, and no side is below what is needed."""
    turned = Image.Exif()
    turned[0x0112] = 6
    image = Image.fromarray(scene(24, 16)).resize((607, 900), Image.Resampling.BICUBIC)
    data = file_bytes(np.asarray(image), "JPEG", quality=95, exif=turned)
    whole, small = Picture.open(data), Picture.open(data, shorter=shorter)
    assert (whole.height, small.height) == (607, height)
    shrunk = whole.resized(small.width, small.height).pixels
    assert np.abs(shrunk - small.pixels).mean() < 0.01
    png = Picture.open(file_bytes(np.asarray(image)), shorter=shorter)
    assert (png.width, png.height) == image.size


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("side", [100, 299, 301, 450, 899, 901, 2000])
def test_reduced_while_it_is_read_a_picture_is_what_it_would_be(orientation: int, side: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    smooth = np.asarray(Image.fromarray(scene(24, 16)).resize((901, 607), Image.Resampling.BICUBIC))
    jpeg, png = file_bytes(smooth, "JPEG", quality=95, exif=exif), file_bytes(smooth, "PNG", exif=exif)
    for data, far in ((jpeg, 1.0), (png, 0.0)):
        wanted = Picture.open(data).at_most(side)
        found = Picture.open(data, at_most=side)
        assert (found.width, found.height) == (wanted.width, wanted.height)
        assert np.abs(found.pixels - wanted.pixels).mean() * 255 <= far
    assert Picture.open(smooth, at_most=side).width == min(side, 901)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_forgotten(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    data = file_bytes(scene(40, 24), "PNG", exif=exif)
    picture = Picture.open(data)
    np.testing.assert_array_equal(picture.to_numpy(), np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))))
    kept = Image.open(io.BytesIO(picture.encode("JPEG"))).getexif()
    assert kept[0x010F] == "Maker"
    assert 0x0112 not in kept


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_exif_is_kept(file_format: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x8298] = "Somebody"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    data = Picture.open(file_bytes(scene(), "JPEG", exif=exif)).encode(file_format)
    Picture.open(data)  # registers the HEIF reader
    kept = Image.open(io.BytesIO(data)).getexif()
    assert (kept[0x010F], kept[0x8298]) == ("Maker", "Somebody")
    assert kept.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert kept.get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bit_files_keep_exif_and_profile(file_format: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    source = file_bytes(scene(), "JPEG", exif=exif, icc_profile=_adobe_like(), dpi=(300, 300))
    data = Picture.open(source).encode(file_format, bits=16)
    image = Image.open(io.BytesIO(data))
    assert image.getexif()[0x010F] == "Maker"
    assert image.getexif().get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
    assert image.info["icc_profile"]
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert tifffile.imread(io.BytesIO(data)).dtype == np.uint16 if file_format == "TIFF" else data[24] == 16


def test_a_sixteen_bit_tiff_of_another_program_is_read_whole() -> None:
    samples = np.random.default_rng(0).integers(0, 65536, (19, 23, 3), dtype=np.uint16)
    for options in ({}, {"compression": "zlib", "predictor": True}, {"byteorder": ">"}, {"tile": (16, 16)}):
        out = io.BytesIO()
        tifffile.imwrite(out, samples, photometric="rgb", **options)
        np.testing.assert_array_equal(Picture.open(out.getvalue()).to_numpy(bits=16), samples)


def test_sixteen_bit_gray_is_read_properly() -> None:
    gray = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    picture = Picture.open(file_bytes(Image.fromarray(gray)))
    assert picture.bits == 16
    np.testing.assert_array_equal(picture.to_numpy(bits=16)[:, :, 1], gray)


def _adobe_like() -> bytes:
    """A wide-gamut RGB profile: sRGB's with red and green primaries of Adobe RGB's size."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = struct.unpack(">I", profile[128:132])[0]
    for index in range(tags):
        name, offset, _ = struct.unpack(">4sII", profile[132 + 12 * index : 144 + 12 * index])
        if name == b"gXYZ":
            profile[offset + 8 : offset + 20] = struct.pack(
                ">iii", *(round(v * 65536) for v in (0.2053, 0.6257, 0.0609))
            )
        if name == b"rXYZ":
            profile[offset + 8 : offset + 20] = struct.pack(
                ">iii", *(round(v * 65536) for v in (0.6097, 0.3111, 0.0195))
            )
        if name == b"desc":
            profile[offset + 8 :] = profile[offset + 8 :].replace(
                "sRGB".encode("utf-16-be"), "wide".encode("utf-16-be")
            )
    return bytes(profile)


def test_a_profile_is_converted_to_srgb_and_srgb_is_said() -> None:
    image = Image.fromarray(scene())
    profile = _adobe_like()
    picture = Picture.open(file_bytes(image, icc_profile=profile))
    expected = ImageCms.profileToProfile(
        image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), renderingIntent=1, flags=0x2000
    )
    assert max_difference(np.asarray(image), np.asarray(expected)) > 10  # the profile matters
    assert max_difference(picture.to_numpy(), np.asarray(expected)) <= 1
    assert Image.open(io.BytesIO(picture.encode("PNG"))).info["icc_profile"]
    deep = np.asarray(image).astype(np.uint16) * 257
    in_sixteen = Picture.open(write_png(deep, [profile_chunk(profile)]))
    assert in_sixteen.bits == 16
    assert max_difference(in_sixteen.to_numpy(), np.asarray(expected)) <= 1


def test_a_broken_profile_does_not_stop_a_photo() -> None:
    picture = Picture.open(file_bytes(scene(), icc_profile=b"\0garbage" * 40))
    np.testing.assert_array_equal(picture.to_numpy(), scene())


def test_garbage_in_exif_does_not_stop_a_photo() -> None:
    picture = Picture.open(file_bytes(scene(), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xee" * 50))
    np.testing.assert_array_equal(picture.to_numpy(), scene())


def test_gray_palette_cmyk_and_bilevel() -> None:
    image = Image.fromarray(scene())
    gray = image.convert("L")
    for mode_image, reference, tolerance in (
        (gray, gray.convert("RGB"), 0),
        (image.quantize(32), image.quantize(32).convert("RGB"), 0),
        (image.convert("1"), image.convert("1").convert("RGB"), 0),
    ):
        picture = Picture.open(file_bytes(mode_image))
        assert max_difference(picture.to_numpy(), np.asarray(reference)) <= tolerance
        assert picture.alpha is None
    cmyk = Picture.open(file_bytes(image.convert("CMYK"), "JPEG", quality=100))
    assert np.abs(cmyk.to_numpy().astype(float) - scene()).mean() < 4


def test_transparency_of_every_kind_becomes_alpha() -> None:
    rgba = np.dstack([scene(), np.tile(np.arange(96, dtype=np.uint8), (64, 1))])
    picture = Picture.open(file_bytes(rgba))
    np.testing.assert_array_equal(picture.to_numpy(), rgba)
    palette = Image.fromarray(scene()).quantize(16)
    keyed = Picture.open(file_bytes(palette, transparency=3))
    assert keyed.alpha is not None
    np.testing.assert_array_equal(keyed.alpha == 0, np.asarray(palette) == 3)
    gray_alpha = Image.merge("LA", [Image.fromarray(scene()[:, :, 0]), Image.fromarray(rgba[:, :, 3])])
    assert Picture.open(file_bytes(gray_alpha)).to_numpy().shape == (64, 96, 4)


def test_jpeg_shows_transparent_parts_white() -> None:
    rgba = np.zeros((32, 32, 4), np.uint8)
    out = Picture.open(Picture.from_array(rgba).encode("JPEG")).to_numpy()
    assert out.min() >= 254


def moving(count: int = 3) -> list[Image.Image]:
    return [Image.fromarray(scene(seed=seed)) for seed in range(count)]


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP"])
def test_animations_keep_frames_durations_and_loop(file_format: str) -> None:
    first, *rest = moving()
    data = file_bytes(first, file_format, save_all=True, append_images=rest, duration=[50, 100, 150], loop=3)
    picture = Picture.open(data)
    assert len(picture.frames) == 2
    again = Picture.open(picture.encode(file_format))
    assert [again.duration, *(frame.duration for frame in again.frames)] == [50, 100, 150]
    assert again.loop == (4 if file_format == "GIF" else 3)  # GIF counts what follows the first run
    brighter = picture.with_frames(lambda pixels: 1 - pixels)
    for before, after in zip(picture.every_frame(), brighter.every_frame(), strict=True):
        assert max_difference(before, 1 - after) < 1 / 255


def test_a_phone_s_two_picture_jpeg_is_one_photo() -> None:
    first, second = moving(2)
    data = file_bytes(first, "MPO", save_all=True, append_images=[second])
    assert Picture.open(data).frames == ()


def test_one_bad_frame_is_named() -> None:
    first, *rest = moving(4)
    data = file_bytes(first, "GIF", save_all=True, append_images=rest, duration=50)
    with refused(PictureError, "damaged-file"):
        Picture.open(data[: int(len(data) * 0.6)])


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
@settings(max_examples=12, deadline=None)
@given(share=st.floats(0.01, 0.97))
def test_a_file_cut_anywhere_gives_one_clear_error_or_a_picture(file_format: str, share: float) -> None:
    data = file_bytes(scene(), file_format)
    try:
        picture = Picture.open(data[: int(len(data) * share)])
    except PictureError as error:
        assert "\n" not in str(error)
    else:
        assert picture.to_numpy().shape == (64, 96, 3)  # all that matters was before the cut


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_flipped_bits_never_give_another_error(data: st.DataObject) -> None:
    file = bytearray(
        file_bytes(scene(32, 24), data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])))
    )
    for _ in range(data.draw(st.integers(1, 8))):
        file[data.draw(st.integers(0, len(file) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        Picture.open(bytes(file), max_pixels=10_000_000)
    except PictureError as error:
        assert "\n" not in str(error)


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more than it holds."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    with refused(PictureError, "too-large", "900.0 megapixels", "200.0", "--max-pixels 900000000"):
        Picture.open(bomb(30_000, 30_000))
    with refused(PictureError, "too-large", "0.0"):
        Picture.open(file_bytes(scene()), max_pixels=1000)
    assert Image.MAX_IMAGE_PIXELS == 89478485  # Pillow's own limit is as it was


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        (b"", "empty-file", ""),
        (b"just text", "not-a-picture", "text"),
        (b"%PDF-1.7", "not-a-picture", "document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-a-picture", "document"),
        (b"\0\1\2\3" * 100, "not-a-picture", ""),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not-a-picture", ""),
    ],
)
def test_what_is_no_picture_says_so(data: bytes, code: str, word: str) -> None:
    with refused(PictureError, code, word):
        Picture.open(data)


def test_paths_that_lead_to_no_picture(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "no.png", "no-such-file"), (tmp_path, "not-a-file")):
        with refused(PictureError, code, path.name):
            Picture.open(path)
    with refused(PictureError, "web-address"):
        Picture.open("https://example.org/a.jpg")
    with refused(UsageError, "wrong-type"):
        Picture.open(io.StringIO("text"))  # type: ignore[arg-type]
    with refused(UsageError, "wrong-type", "int"):
        Picture.open(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.zeros((4, 4, 2), np.uint8), "(4, 4, 2)"),
        (np.zeros((0, 4, 3), np.uint8), "(0, 4, 3)"),
        (np.zeros((4, 4, 3), np.int64), "int64"),
        (np.full((4, 4, 3), 200.0), "0..1"),
        (np.full((4, 4, 3), np.nan), "0..1"),
    ],
)
def test_arrays_that_are_no_picture(array: np.ndarray, word: str) -> None:
    with refused(PictureError, "not-a-picture", word):
        Picture.from_array(array)


def test_saving_refuses_what_a_format_cannot_hold(tmp_path: Path) -> None:
    picture = Picture.from_array(scene())
    with refused(UsageError, "not-encodable", "JPEG"):
        picture.save(tmp_path / "a.jpg", bits=16)
    with refused(UsageError, "unknown-format", ".xyz"):
        picture.save(tmp_path / "a.xyz")
    with refused(UsageError, "out-of-range", "quality 0"):
        picture.save(tmp_path / "a.jpg", quality=0)
    with refused(PictureError, "not-encodable", "WEBP"):
        Picture.from_array(np.zeros((4, 20_000, 3), np.uint8)).save(tmp_path / "a.webp")
    assert list(tmp_path.iterdir()) == []
    assert format_of(Path("A.JPEG")) == "JPEG"


def test_what_made_a_picture_is_in_its_file() -> None:
    from dataclasses import replace

    picture = replace(Picture.from_array(scene()), made_with={"program": "Impasto", "version": "9", "style": "udnie"})
    for file_format in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF"):
        info = Image.open(io.BytesIO(picture.encode(file_format))).info
        packet = info.get("xmp") or info.get("XML:com.adobe.xmp", b"")
        packet = packet if isinstance(packet, bytes) else packet.encode()
        assert b"compositeWithTrainedAlgorithmicMedia" in packet, file_format
        assert b"udnie" in packet
        assert b"udnie" not in picture.encode(file_format, mark=False)
    assert '"style": "udnie"' in Image.open(io.BytesIO(picture.encode("PNG", bits=16))).text["impasto"]
    assert b"udnie" in Image.open(io.BytesIO(picture.encode("GIF"))).info["comment"]


def test_a_notebook_shows_the_picture() -> None:
    picture = Picture.from_array(scene())
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture._repr_png_()))), scene())
    assert repr(picture) == "<Picture 96x64>"
