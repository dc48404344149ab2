"""Pictures of strangers: which files are opened, which formats are decoded, and how large they may be."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np
import pytest
from helpers import file_bytes, refused, scene
from PIL import Image

import impasto
from impasto.errors import PictureError
from impasto.picture import Picture


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_the_usual_formats_are_read_as_ever(file_format: str, tmp_path: Path) -> None:
    data = file_bytes(scene(), file_format)
    path = tmp_path / "picture"
    path.write_bytes(data)
    for source in (data, path, str(path), path.open("rb")):
        assert (Picture.open(source, untrusted=True).samples == Picture.open(data).samples).all()


@pytest.mark.parametrize("file_format", ["PPM", "JPEG2000", "TGA", "ICO", "PCX", "EPS", "PDF"])
def test_others_are_refused_before_a_decoder_sees_them(file_format: str) -> None:
    with refused(PictureError, "not-a-picture"):
        Picture.open(file_bytes(scene(32, 32), file_format), untrusted=True)


@pytest.mark.parametrize(
    "text",
    [
        '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>',
        "#EXTM3U\nphoto.jpg",
        "push graphic-context\nimage over 0,0 0,0 'https://example.com/x'",
    ],
)
def test_documents_that_name_other_files_are_refused(text: str) -> None:
    with refused(PictureError, "not-a-picture"):
        Picture.open(text.encode(), untrusted=True)


def test_links_folders_and_devices_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(file_bytes(scene()))
    (tmp_path / "link.png").symlink_to("photo.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "link.png", tmp_path / "loop.png", tmp_path / "pipe.png", tmp_path, Path("/dev/null")):
        with refused(PictureError, "not-a-file", str(path)):
            Picture.open(path, untrusted=True)
    assert Picture.open(tmp_path / "link.png").width == 96
    for address in ("http://localhost/a.png", "file:///etc/passwd", "s3://bucket/a.png"):
        with refused(PictureError, "web-address"):
            Picture.open(address, untrusted=True)
    with refused(PictureError, "no-such-file"):
        Picture.open(tmp_path / "none.png", untrusted=True)


def test_fewer_pixels_are_allowed_unless_the_caller_says_more() -> None:
    large = file_bytes(Image.new("1", (12_000, 10_000)))
    with refused(PictureError, "too-large"):
        Picture.open(large, untrusted=True)
    with refused(PictureError, "too-large"):
        Picture.open(file_bytes(scene()), untrusted=True, max_pixels=1000)


def test_painting_passes_it_on(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "photo.png").write_bytes(file_bytes(scene()))
    (tmp_path / "in" / "link.png").symlink_to("photo.png")
    with refused(PictureError, "not-a-file"):
        impasto.stylize(tmp_path / "in" / "link.png", "udnie", engine="light", untrusted=True)
    report = impasto.stylize_folder(tmp_path / "in", "udnie", tmp_path / "out", engine="light", untrusted=True)
    assert [result.code for result in report.failed] == ["not-a-file"]
    assert len(report.painted) == 1


def test_paintings_and_masks_of_strangers_are_held_to_the_same(tmp_path: Path) -> None:
    photo, link, other, mask = (tmp_path / name for name in ("photo.png", "link.png", "painting.pcx", "mask.png"))
    photo.write_bytes(file_bytes(scene(32, 32)))
    other.write_bytes(file_bytes(scene(32, 32), "PCX"))
    mask.write_bytes(file_bytes(np.tile(np.uint8([[0, 255]]), (32, 16))))
    link.symlink_to(photo)
    (tmp_path / "own.onnx").write_bytes(b"network")
    paint = functools.partial(impasto.stylize, photo, engine="light", untrusted=True)
    for bad, code in ((link, "not-a-file"), (other, "not-a-picture"), (tmp_path / "own.onnx", "not-a-picture")):
        for style, regions in ((bad, None), (str(bad), None), ("great-wave", [(bad, "none")]), (photo, {mask: bad})):
            with refused(PictureError, code, bad.name):
                paint(style, regions=regions)
        with refused(PictureError, code, bad.name):
            impasto.stylize_folder(photo, bad, tmp_path / "out.png", untrusted=True)
    assert paint("great-wave", regions={mask: photo}).width == 32
