"""TIFF of every layout: planes, tiles, depths, floats, inks, pages."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from helpers import file_bytes, refused, scene
from pictures import profile, tiff_of
from PIL import Image

from impasto import Picture, PictureError
from impasto.picture import tiff_samples
from impasto.pixels import arrays

SCENE = scene()
DEEP = SCENE.astype(np.uint16) * 257
HEIGHT, WIDTH = SCENE.shape[:2]
COVER = np.tile(np.linspace(1, 255, WIDTH).round().astype(np.uint8), (HEIGHT, 1))
GRAY = np.repeat(SCENE[:, :, :1], 3, axis=2)


def written(samples: np.ndarray, **options: Any) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, samples, **{"photometric": "rgb", **options})
    return out.getvalue()


def close(picture: Picture, expected: np.ndarray, tolerance: float = 0.6) -> None:
    assert picture.pixels.shape == expected.shape
    assert np.abs(picture.pixels * 255 - expected).max() <= tolerance


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (32, 48)])
def test_planes_strips_and_tiles(order: str, compression: str | None, tile: tuple[int, int] | None) -> None:
    options: dict[str, Any] = {"byteorder": order, "compression": compression, "tile": tile, "rowsperstrip": 7}
    for samples, bits in ((DEEP, 16), (SCENE, 8)):
        for predictor in (False, True) if compression else (False,):
            picture = Picture.open(written(samples, predictor=predictor, **options))
            planes = samples.transpose(2, 0, 1)
            planar = Picture.open(written(planes, planarconfig="separate", predictor=predictor, **options))
            assert picture.bits == planar.bits == bits
            close(picture, SCENE, 0)
            close(planar, SCENE, 0)


@pytest.mark.parametrize(
    ("samples", "options"),
    [
        (SCENE.astype(np.float32), {}),
        (np.linspace(0, 4, HEIGHT)[:, None, None] ** 2 / 16 * np.ones((HEIGHT, WIDTH, 3), np.float32), {}),
        (SCENE.astype(np.uint32) << 24, {}),
        (np.dstack([DEEP // 2, np.full((HEIGHT, WIDTH), 32768, np.uint16)]), {"extrasamples": ["assocalpha"]}),
    ],
)
def test_samples_are_scaled_some_at_a_time(
    samples: np.ndarray, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(samples, **options)
    whole = Picture.open(data).to_numpy(bits=16)
    monkeypatch.setattr(arrays, "STRIP_PIXELS", 5 * WIDTH)
    np.testing.assert_array_equal(Picture.open(data).to_numpy(bits=16), whole)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("layout", [{"tile": (16, 32)}, {"rowsperstrip": 7}])
def test_samples_are_decoded_some_at_a_time(
    layout: dict[str, Any], planar: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_samples, "_AT_ONCE", 9000)
    options: dict[str, Any] = {"compression": "zlib", "predictor": True, **layout}
    if planar:
        close(Picture.open(written(DEEP.transpose(2, 0, 1), planarconfig="separate", **options)), SCENE, 0)
    else:
        close(Picture.open(written(DEEP, **options)), SCENE, 0)


def test_pillow_s_limit_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for samples in (SCENE, DEEP):
        close(Picture.open(written(samples, compression="zlib")), SCENE, 0)


def test_large_files_have_another_head() -> None:
    for compression in (None, "zlib"):
        close(Picture.open(written(DEEP, bigtiff=True, compression=compression)), SCENE, 0)
    with refused(PictureError, "unknown-format", "BigTIFF"):
        Picture.open(written(DEEP, bigtiff=True, byteorder=">"))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "u4", "i1", "i2"])
def test_numbers_of_every_kind(kind: str, order: str) -> None:
    values = {
        "f": lambda: (SCENE / 255).astype(kind),
        "u": lambda: (SCENE.astype(np.uint64) * 0x01010101).astype(kind),
        "i": lambda: (SCENE.astype(int) * (257 if kind == "i2" else 1) - (32768 if kind == "i2" else 128)).astype(kind),
    }[kind[0]]()
    close(Picture.open(written(values, byteorder=order)), SCENE)
    gray = written(values[:, :, 0], photometric="minisblack", byteorder=order)
    close(Picture.open(gray), GRAY)


def test_whole_numbers_of_32_bits_with_16_in_use() -> None:
    close(Picture.open(written(DEEP.astype(np.uint32))), SCENE)


@pytest.mark.parametrize("bits", [2, 4, 10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_packed_bits(bits: int, channels: int) -> None:
    top = (1 << bits) - 1
    values = (SCENE[:, :, :channels].astype(np.uint32) * top + 127) // 255
    planes = values.reshape(HEIGHT, -1)[:, :, None] >> np.arange(bits - 1, -1, -1) & 1
    rows = np.packbits(planes.reshape(HEIGHT, -1).astype(np.uint8), axis=1)
    picture = Picture.open(tiff_of(WIDTH, HEIGHT, [bits] * channels, 2 if channels == 3 else 1, rows.tobytes()))
    close(picture, np.broadcast_to(values * (255 / top), SCENE.shape), 1)
    assert picture.bits == (16 if bits > 8 else 8)


def test_light_brighter_than_white_is_clipped_with_a_note() -> None:
    light = np.where(SCENE > 200, 5, SCENE / 255).astype(np.float32)
    with pytest.warns(UserWarning, match="brighter than white"):
        close(Picture.open(written(light)), np.where(SCENE > 200, 255, SCENE))
    close(Picture.open(written(SCENE.astype(np.float32))), SCENE)  # most of it above 1: another scale


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_white_is_zero(kind: type) -> None:
    top = np.iinfo(kind).max
    samples = (SCENE[:, :, 0].astype(np.uint32) * (top // 255)).astype(kind)
    for compression in (None, "zlib"):
        data = written(top - samples, photometric="miniswhite", compression=compression)
        close(Picture.open(data), GRAY, 0)


@pytest.mark.parametrize("scale", [1, 257])
@pytest.mark.parametrize("planar", [False, True])
def test_what_a_further_channel_means(scale: int, planar: bool) -> None:
    kind = np.uint8 if scale == 1 else np.uint16
    cover = COVER.astype(np.uint32)[:, :, None] * scale
    color = SCENE.astype(np.uint32) * scale

    def opened(color: np.ndarray, meaning: str) -> Picture:
        samples = np.dstack([color, cover]).astype(kind)
        layout = {"planarconfig": "separate"} if planar else {}
        return Picture.open(
            written(samples.transpose(2, 0, 1) if planar else samples, extrasamples=[meaning], **layout)
        )

    straight, unsaid = opened(color, "unassalpha"), opened(color, "unspecified")
    premultiplied = opened((color * (COVER[:, :, None] / 255)).round(), "assocalpha")
    close(straight, SCENE, 0)
    close(unsaid, SCENE, 0)
    assert unsaid.alpha is None
    np.testing.assert_allclose(premultiplied.pixels[:, 48:], SCENE[:, 48:] / 255, atol=0.011)
    for picture in (straight, premultiplied):
        assert picture.alpha is not None
        np.testing.assert_allclose(picture.alpha * 255, COVER, atol=0.01)


def test_many_bands_without_a_meaning() -> None:
    close(Picture.open(written(np.dstack([DEEP, DEEP]), extrasamples=["unspecified"] * 3)), SCENE, 0)
    bands = np.repeat(SCENE[:, :, :1], 9, axis=2)
    close(Picture.open(written(bands, photometric="minisblack", planarconfig="contig")), GRAY, 0)


def test_inks_and_lab() -> None:
    inks = np.asarray(Image.fromarray(SCENE).convert("CMYK"))
    for samples in (inks, inks.astype(np.uint16) * 257):
        for planes in (False, True):
            layout = {"planarconfig": "separate"} if planes else {}
            stored = samples.transpose(2, 0, 1) if planes else samples
            close(Picture.open(written(stored, photometric="separated", **layout)), SCENE, 1.1)
    gray = np.stack([SCENE[:, :, 0], *[np.zeros((HEIGHT, WIDTH), np.uint8)] * 2], axis=2)
    plain = Picture.open(written(gray, photometric="cielab")).pixels
    deep = Picture.open(written(gray.astype(np.uint16) * 257, photometric="cielab")).pixels
    centered = gray + np.array([0, 128, 128], np.uint8)
    other = Picture.open(written(centered, photometric="icclab")).pixels
    np.testing.assert_array_equal(deep, plain)
    np.testing.assert_array_equal(other, plain)
    assert np.ptp(plain, axis=2).max() < 0.02


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_orientation_is_applied_once(compression: str | None) -> None:
    for samples in (SCENE, DEEP, (SCENE / 255).astype(np.float32)):
        data = written(samples, compression=compression, extratags=[(274, 3, 1, 6, True)])
        close(Picture.open(data), np.rot90(SCENE, -1))


def test_a_thumbnail_before_the_picture(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(DEEP[::4, ::4], photometric="rgb", subfiletype=1)
        file.write(DEEP, photometric="rgb", compression="zlib")
        file.write(SCENE[::2, ::2], photometric="rgb")
    with pytest.warns(UserWarning, match="2 pages; only the largest"):
        close(Picture.open(out.getvalue()), SCENE, 0)
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:  # a document: its first page
        file.write(SCENE[::2, ::2], photometric="rgb")
        file.write(SCENE, photometric="rgb")
        file.write(SCENE[::4, ::4], photometric="rgb", subfiletype=1)
        file.write(SCENE, photometric="rgb", subfiletype=2)
    (tmp_path / "scan.tif").write_bytes(out.getvalue())
    with pytest.warns(UserWarning, match="scan.tif has 3 pages; only the first is painted"):
        assert Picture.open(tmp_path / "scan.tif").width == WIDTH // 2


def test_one_page_with_thumbnails_is_no_document() -> None:
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(SCENE, photometric="rgb")
        file.write(SCENE[::2, ::2], photometric="rgb", subfiletype=1)
    close(Picture.open(out.getvalue()), SCENE, 0)


def test_metadata_of_layouts_that_pillow_does_not_know() -> None:
    data = written(
        (SCENE / 255).astype(np.float32),
        resolution=(300, 300),
        resolutionunit="INCH",
        iccprofile=profile("mine", 2.2),
        extratags=[(315, "s", 0, "Ann", True)],
    )
    picture = Picture.open(data)
    assert picture.dpi == (300, 300)
    assert picture.profile
    assert b"Ann" in picture.exif


@pytest.mark.parametrize(("number", "word"), [(34887, "LERC"), (34712, "JPEG 2000"), (50002, "JPEG XL"), (99, "99")])
def test_unknown_compressions_are_not_called_damage(number: int, word: str) -> None:
    data = tiff_of(WIDTH, HEIGHT, [8, 8, 8], 2, b"data", tag_259=[number])
    with refused(PictureError, "unknown-format", word):
        Picture.open(data)


@pytest.mark.parametrize("data", [written(DEEP)[:9000], written(DEEP, compression="zlib", rowsperstrip=8)[:3000]])
def test_files_cut_short(data: bytes) -> None:
    with refused(PictureError, "damaged-file"):
        Picture.open(data)


def test_libtiff_says_nothing_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 2000, np.uint8).tobytes()
    with contextlib.suppress(PictureError):
        Picture.open(tiff_of(200, 80, [1], 0, noise, tag_259=[4]))
    with refused(PictureError, "damaged-file"):
        Picture.open(file_bytes(SCENE, "TIFF", compression="tiff_lzw")[:-3000] + bytes(3000))
    assert capfd.readouterr().err == ""
