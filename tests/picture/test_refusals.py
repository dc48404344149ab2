"""What is not read is called what it is; what is read beside the usual formats."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from helpers import file_bytes, refused, scene
from pictures import chunk, png, tiff, tiff_of
from PIL import Image

from impasto import Picture, PictureError
from impasto.picture.formats import readable
from impasto.picture.iptc import properties
from impasto.picture.xmp import Packet

SCENE = scene()
HEIGHT, WIDTH = SCENE.shape[:2]


def psd(
    *planes: np.ndarray, mode: int = 3, bits: int = 8, version: int = 1, compression: int = 0, resource: bytes = b""
) -> bytes:
    """A Photoshop file without layers."""
    head = struct.pack(">H6xHIIHH", version, len(planes), *planes[0].shape, bits, mode)
    body = b"".join(plane.astype(f">u{bits // 8}").tobytes() for plane in planes)
    resources = struct.pack(">I", len(resource)) + resource
    return b"8BPS" + head + bytes(4) + resources + bytes(4) + struct.pack(">H", compression) + body


def resource(number: int, body: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(body)) + body + bytes(len(body) % 2)


def version_info(merged: bool) -> bytes:
    return resource(1057, struct.pack(">IB", 1, merged))


PLANES = [SCENE[:, :, channel] for channel in range(3)]


@pytest.mark.parametrize("ending", ["tga", "ico", "pcx", "sgi", "dds", "jp2", "qoi", "ppm", "jfif"])
def test_formats_that_pillow_reads_for_nothing(ending: str, tmp_path: Path) -> None:
    samples = np.asarray(Image.fromarray(SCENE).resize((64, 64)))
    path = tmp_path / f"photo.{ending}"
    Image.fromarray(samples).save(path, **({"sizes": [(16, 16), (64, 64)]} if ending == "ico" else {}))
    assert readable(path)
    named, nameless = Picture.open(path), Picture.open(path.read_bytes())
    np.testing.assert_array_equal(named.to_numpy(), nameless.to_numpy())
    assert np.abs(named.to_numpy()[:, :, :3].astype(int) - samples).mean() < 12


def test_an_icon_s_largest_picture() -> None:
    icon = file_bytes(Image.fromarray(SCENE).resize((512, 512)), "ICNS")
    assert Picture.open(icon).width >= 512


def test_targa_with_zeros_in_alpha_s_place_is_opaque() -> None:
    covered = np.dstack([SCENE, np.zeros((HEIGHT, WIDTH), np.uint8)])
    assert Picture.open(file_bytes(covered, "TGA")).alpha is None
    covered[:, :, 3] = 100
    assert Picture.open(file_bytes(covered, "TGA")).alpha is not None


def test_bitmap_with_zeros_in_alpha_s_place_is_opaque() -> None:
    for alpha in (0, 100):
        body = np.dstack([SCENE[::-1, :, ::-1], np.full((HEIGHT, WIDTH), alpha, np.uint8)]).tobytes()
        masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(52)
        head = struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, 32, 3, 0, 0, 0, 0, 0) + masks
        picture = Picture.open(b"BM" + struct.pack("<IHHI", 122 + len(body), 0, 0, 122) + head + body)
        assert (picture.alpha is None) == (alpha == 0)
        np.testing.assert_array_equal(picture.to_numpy()[:, :, :3], SCENE)


def test_noise_is_no_targa() -> None:
    for seed in range(20):
        with refused(PictureError, "not-a-picture"):
            Picture.open(np.random.default_rng(seed).integers(3, 9, 3000, np.uint8).tobytes())


def test_flat_photoshop_files() -> None:
    np.testing.assert_array_equal(Picture.open(psd(*PLANES)).to_numpy(), SCENE)
    np.testing.assert_array_equal(Picture.open(psd(*PLANES, resource=version_info(True))).to_numpy(), SCENE)
    with refused(PictureError, "unknown-format", "layers"):
        Picture.open(psd(*PLANES, resource=version_info(False)))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker_is_whole(progressive: bool) -> None:
    data = file_bytes(np.asarray(Image.fromarray(SCENE).resize((640, 480))), "JPEG", progressive=progressive)
    np.testing.assert_array_equal(Picture.open(data[:-2]).to_numpy(), Picture.open(data).to_numpy())
    for missing in (12, 500, 5000):
        with refused(PictureError, "damaged-file"):
            Picture.open(data[:-missing])


def test_a_saved_selection_of_photoshop_is_no_transparency() -> None:
    flat = psd(*PLANES, np.zeros((HEIGHT, WIDTH)))
    assert Picture.open(flat).alpha is None
    layers = struct.pack(">IIh", 10, 6, -1) + bytes(4)
    clear = flat[:34] + layers + flat[38:]
    assert Picture.open(clear).alpha is not None


def test_photoshop_files_keep_their_metadata() -> None:
    exif = Image.Exif()
    exif[315] = "Jürgen".encode()
    packet = Packet()
    packet.add({"dc:title": ["Überschrift"]})
    said = resource(1058, exif.tobytes()[6:]) + resource(1060, packet.tobytes()) + resource(1028, b"\x1c\2\x78\0\1a")
    picture = Picture.open(psd(*PLANES, resource=said))
    assert "Jürgen".encode() in picture.exif
    assert "Überschrift".encode() in picture.xmp
    assert properties(picture.iptc) == {"dc:description": ["a"]}


@pytest.mark.parametrize(
    "data",
    [
        psd(*PLANES, bits=16),
        psd(*PLANES, bits=32),
        psd(*PLANES, version=2),
        psd(*PLANES, compression=2),
        file_bytes(SCENE, "BMP")[:30] + b"\x09" + file_bytes(SCENE, "BMP")[31:],
        file_bytes(SCENE, "BMP")[:28] + b"\x07" + file_bytes(SCENE, "BMP")[29:],
        file_bytes(SCENE, "DDS", pixel_format="DXT1").replace(b"DXT1", b"XYZ1"),
        file_bytes(SCENE, "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),  # 12 bits
        file_bytes(SCENE, "JPEG").replace(b"\xff\xc0", b"\xff\xc5"),  # hierarchical
        file_bytes(SCENE, "JPEG").replace(b"\xff\xc0", b"\xff\xf7"),  # JPEG-LS
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"CgBI", bytes(4))
        + png(SCENE, 2)[8:].replace(b"IDAT\x78\x9c", b"IDAT"),  # Apple's
        b"\xff\x0a" + bytes(40),
        b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40),
        b"\x76\x2f\x31\x01" + bytes(40),
        b"#?RADIANCE\n" + bytes(40),
        b"PF\n2 2\n-1.0\n" + bytes(48),
        b"gimp xcf v011\0" + bytes(40),
    ],
)
def test_kinds_that_are_not_read_are_not_called_damaged(data: bytes) -> None:
    with refused(PictureError, "unknown-format") as caught:
        Picture.open(data)
    assert caught.value.hint


def sensor_in_a_sub_directory() -> bytes:
    data = tiff_of(16, 16, [8, 8, 8], 2, bytes(768), tag_254=[1], tag_330=[2**20])
    data += bytes(len(data) % 2)
    below = struct.pack("<H", 1) + struct.pack("<HHII", 262, 3, 1, 32803) + bytes(4)
    entry = struct.pack("<HHI", 330, 4, 1)
    return data.replace(entry + struct.pack("<I", 2**20), entry + struct.pack("<I", len(data))) + below


@pytest.mark.parametrize(
    "data",
    [
        tiff({254: (4, [1]), 256: (4, [8]), 257: (4, [8]), 258: (3, [8]), 262: (3, [1]), 50706: (4, [1])}, bytes(64)),
        tiff_of(16, 16, [16], 32803, bytes(512)),
        sensor_in_a_sub_directory(),
        b"II*\0\x10\0\0\0CR\2\0" + bytes(40),
        b"\0\0\0\x18ftypcrx \0\0\0\1" + bytes(40),
        b"FUJIFILMCCD-RAW 0201" + bytes(40),
        b"IIRO\x08\0\0\0" + bytes(40),
        b"IIU\0\x18\0\0\0" + bytes(40),
        b"FOVb" + bytes(40),
        b"II\x1a\0\0\0HEAPCCDR" + bytes(40),
    ],
)
def test_raw_files_are_told_by_what_they_hold(data: bytes) -> None:
    with refused(PictureError, "unknown-format", "raw"):
        Picture.open(data)


def test_raw_files_are_told_by_their_ending_where_their_thumbnail_is_a_picture(tmp_path: Path) -> None:
    for ending in (".ARW", ".nef"):
        path = tmp_path / f"photo{ending}"
        path.write_bytes(file_bytes(SCENE, "TIFF"))
        with refused(PictureError, "unknown-format", "raw", path.name):
            Picture.open(path)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\0\0\0\x18ftypisom" + bytes(60), "video"),
        (b"\x1aE\xdf\xa3" + bytes(60), "video"),
        (b"<!DOCTYPE html><html>", "document"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"PK\3\4" + bytes(40), "archive"),
    ],
)
def test_what_lies_under_a_picture_s_name(data: bytes, word: str) -> None:
    with refused(PictureError, "not-a-picture", word):
        Picture.open(data)


def test_a_text_of_one_letter_is_no_damaged_picture() -> None:
    with refused(PictureError, "not-a-picture", "it contains text"):
        Picture.open(b"x")
