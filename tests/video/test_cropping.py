"""What containers say of a frame's part that is shown."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from clips import write
from helpers import scene

from impasto.video.reading import Clip

FRAMES = [scene() / 255.0] * 2


def with_clean_aperture(data: bytes, width: int, height: int, right: int, down: int) -> bytes:
    """An MP4 file whose pictures are shown in part; its index is its last box."""
    box = struct.pack(">I4sIIIIiIiI", 40, b"clap", width, 1, height, 1, right, 1, down, 1)
    out = bytearray(data)
    places, at = [], out.rindex(b"moov")
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = out.index(name, at)
        places.append(at - 4)
    end = places[-1] + int.from_bytes(out[places[-1] : places[-1] + 4], "big")
    for place in places:
        out[place : place + 4] = struct.pack(">I", int.from_bytes(out[place : place + 4], "big") + len(box))
    out[end:end] = box
    return bytes(out)


def test_the_clean_aperture_of_mp4(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mp4", FRAMES, pixels="yuv444p", encoder={"crf": "4"})
    path.write_bytes(with_clean_aperture(path.read_bytes(), 80, 48, 8, -4))
    clip = Clip(path)
    assert (clip.width, clip.height) == (80, 48)
    assert np.abs(next(clip.frames()).samples - scene()[4:52, 16:].astype(float)).mean() < 8
    assert next(clip.frames((40, 24))).samples.shape == (24, 40, 3)


def test_matroska_s_crop(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mkv", FRAMES, codec="ffv1", pixels="bgr0", encoder={})
    whole = path.read_bytes()
    unit, top = b"\x54\xb2\x81\x04", b"\x54\xbb\x81\x08"  # what unit its size is in; how many rows are hidden above
    assert whole.count(unit) == 1
    path.write_bytes(whole.replace(unit, top))
    clip = Clip(path)
    assert (clip.width, clip.height) == (96, 56)
    np.testing.assert_array_equal(next(clip.frames()).samples, scene()[8:])


def test_a_crop_that_leaves_nothing_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mp4", FRAMES)
    for width, height, right in ((0, 0, 0), (200, 48, 0), (80, 48, 90)):
        cropped = tmp_path / f"{width}.mp4"
        cropped.write_bytes(with_clean_aperture(path.read_bytes(), width, height, right, 0))
        assert (Clip(cropped).width, Clip(cropped).height) == (96, 64)
