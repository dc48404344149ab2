"""Broken files: whatever they hold, they are read or refused, soon, and nothing else happens.

IMPASTO_FUZZ=100000 python -m pytest tests/test_fuzz.py     # many more of them
"""

from __future__ import annotations

import io
import os
import random
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import Outcome, scene
from PIL import Image, ImageCms

from impasto.engines.network import Network
from impasto.errors import ImpastoError
from impasto.nn.tensors import read_tensors
from impasto.picture import Picture, vips
from impasto.styles.store import trial_photo

COUNT = int(os.environ.get("IMPASTO_FUZZ", "5000"))
SLOWEST = 10.0  # seconds
MOST = 1_500_000_000  # bytes beyond what there was before
SUFFIXES = (".jpg", ".png", ".webp", ".tif", ".gif", ".bmp", ".avif")


def seeds() -> list[bytes]:
    """Whole files of many kinds, with metadata."""
    picture = Image.fromarray(scene(160, 120))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description " * 20
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = []
    for kind, options in (
        ("JPEG", {"quality": 90, "exif": exif, "icc_profile": profile}),
        ("JPEG", {"progressive": True, "quality": 60}),
        ("PNG", {"icc_profile": profile, "exif": exif}),
        ("PNG", {"compress_level": 0}),
        ("WEBP", {"exif": exif, "quality": 80}),
        ("TIFF", {"compression": "tiff_deflate", "exif": exif}),
        ("TIFF", {}),
        ("BMP", {}),
        ("AVIF", {"quality": 60}),
    ):
        out = io.BytesIO()
        picture.save(out, kind, **options)
        found.append(out.getvalue())
    for kind in ("GIF", "WEBP", "PNG"):
        out = io.BytesIO()
        frames = [Image.fromarray(scene(80, 60, seed)) for seed in range(4)]
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        found.append(out.getvalue())
    return [*found, Picture(scene(60, 50).astype(np.float32) / 255).encode("PNG", bits=16)]


def broken(count: int) -> Iterator[tuple[str, bytes]]:
    """How each was broken, and its bytes."""
    chance, whole = random.Random(11), seeds()
    for number in range(count):
        data = bytearray(chance.choice(whole))
        kind = ("cut", "flip", "burst", "numbers", "splice", "noise", "twice")[number % 7]
        place = chance.randrange(len(data))
        if kind == "cut":
            del data[1024 * chance.randrange(len(data) // 1024 + 1) + chance.randrange(2) :]
        elif kind == "flip":
            for _ in range(chance.choice((1, 4, 64))):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif kind == "burst":
            data[place : place + 64] = chance.randbytes(64)
        elif kind == "numbers":  # in the headers: sizes, offsets, counts
            for _ in range(4):
                at = chance.randrange(min(len(data), 256))
                data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0"))
        elif kind == "splice":
            data[place:] = chance.choice(whole)[place:]
        elif kind == "noise":
            data = bytearray(bytes(data[: chance.randrange(16)]) + chance.randbytes(chance.randrange(4000)))
        else:
            data = data[: place + 1] + data
        yield f"{number} {kind}", bytes(data)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reader", ["pillow", "libvips"])
def test_broken_pictures_are_read_or_refused(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if reader == "libvips":  # as for large files; what it has no answer to, Pillow reads after all
        monkeypatch.setattr(vips, "PIXELS", 0)
    read = refused = 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, data in broken(COUNT):
        began = time.monotonic()
        try:
            pixels = Picture.open(data, max_pixels=10_000_000).pixels
        except ImpastoError as error:
            assert "\n" not in error.message, name
            refused += 1
        except Exception as error:
            pytest.fail(f"{name}: {type(error).__name__}: {error}")
        else:
            assert np.isfinite(pixels).all(), name
            assert pixels.min() >= 0, name
            assert pixels.max() <= 1, name
            read += 1
        assert time.monotonic() - began < SLOWEST, name
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST
    assert read > COUNT // 20
    assert refused > COUNT // 20


def test_the_command_survives_a_folder_of_them(run: Callable[..., Outcome], tmp_path: Path) -> None:
    folder, count = tmp_path / "photos", max(60, COUNT // 10)
    folder.mkdir()
    chance = random.Random(5)
    for number, (_, data) in enumerate(broken(count)):
        (folder / f"{number:04}{chance.choice(SUFFIXES)}").write_bytes(data)
    done = run("stylize", folder, "--style", "udnie", "-o", tmp_path / "out", "--size", 64, "--max-pixels", 10_000_000)
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "should not have happened" not in done.err
    failed = [line for line in done.err.splitlines() if line.startswith("impasto: ") and "note:" not in line]
    painted = [path for path in (tmp_path / "out").rglob("*") if path.suffix in SUFFIXES]
    assert painted
    assert len(failed) + len(painted) == count
    assert not list((tmp_path / "out").rglob("*.part"))


def test_broken_models_get_one_line(tmp_path: Path) -> None:
    chance = random.Random(7)
    header = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    whole = len(header).to_bytes(8, "little") + header + bytes(8)
    for number in range(max(40, COUNT // 10)):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        file = tmp_path / f"{number}{chance.choice(('.safetensors', '.pth', '.onnx'))}"
        file.write_bytes(bytes(data[: chance.randrange(1, len(data) + 1)]))
        try:
            if file.suffix == ".onnx":
                Network(file, trial_photo)
            else:
                read_tensors(file)
        except ImpastoError as error:
            assert "\n" not in error.message
        else:
            assert file.suffix == ".safetensors"  # what was changed was a value, not the file's form
