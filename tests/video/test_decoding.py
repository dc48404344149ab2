"""Frames as arrays: upright, in sRGB, with their alpha."""

from __future__ import annotations

import gc
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from clips import moving, read, write
from helpers import scene

from impasto.video.decoding import Orientation
from impasto.video.reading import Clip

ONE, W = 1 << 16, 1 << 30
ORANGE = np.array([200, 60, 30])


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("lying") / "c.mp4"
    return write(path, [scene() / 255.0] * 2, pixels="yuv444p", encoder={"crf": "4"}).read_bytes()


def flat(path: Path, color: np.ndarray, pixels: str, to: dict[str, Any], **of_context: Any) -> Path:
    """A clip of one color, in the matrix and range that `to` names."""
    deep = color.dtype == np.uint16
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
        for name, value in of_context.items():
            setattr(stream.codec_context, name, value)
        picture = np.full((64, 96, 3), color, color.dtype if deep else np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb48le" if deep else "rgb24")
        container.mux([*stream.encode(frame.reformat(format=pixels, **to)), *stream.encode(None)])
    return path


MATRICES = {
    "plain": ((ONE, 0, 0, 0, ONE, 0, 0, 0, W), lambda a: a),
    "zeros": ((0, 0, 0, 0, 0, 0, 0, 0, W), lambda a: a),
    "right": ((0, ONE, 0, -ONE, 0, 0, 0, 0, W), lambda a: np.rot90(a, -1)),
    "left": ((0, -ONE, 0, ONE, 0, 0, 0, 0, W), lambda a: np.rot90(a)),
    "half": ((-ONE, 0, 0, 0, -ONE, 0, 0, 0, W), lambda a: a[::-1, ::-1]),
    "mirrored": ((-ONE, 0, 0, 0, ONE, 0, 96 * ONE, 0, W), lambda a: a[:, ::-1]),
    "upside down": ((ONE, 0, 0, 0, -ONE, 0, 0, 0, W), lambda a: a[::-1]),
    "transposed": ((0, ONE, 0, ONE, 0, 0, 0, 0, W), lambda a: a.swapaxes(0, 1)),
    "askew": ((ONE, ONE // 3, 0, -ONE // 3, ONE, 0, 0, 0, W), lambda a: a),
    "twice as large": ((2 * ONE, 0, 0, 0, 2 * ONE, 0, 0, 0, W), lambda a: a),
}


@pytest.mark.parametrize("name", MATRICES)
def test_display_matrices(lying: bytes, tmp_path: Path, name: str) -> None:
    matrix, turn = MATRICES[name]
    at = lying.index(b"tkhd") + 44
    path = tmp_path / "c.mp4"
    path.write_bytes(lying[:at] + struct.pack(">9i", *matrix) + lying[at + 36 :])
    clip = Clip(path)
    frame = next(clip.frames())
    wanted = turn(scene())
    assert (clip.height, clip.width) == wanted.shape[:2] == frame.samples.shape[:2]
    assert np.abs(frame.samples.astype(float) - wanted).mean() < 8


def test_the_tag_of_older_files_turns_a_frame(tmp_path: Path) -> None:
    for tag, turned in (("90", True), ("0", False), ("sideways", False)):
        clip = Clip(write(tmp_path / f"{tag}.mkv", moving(1), tags={"rotate": tag}))
        assert ((clip.width, clip.height) == (64, 96)) == turned
    assert Orientation.of_degrees(float("nan")) == Orientation.of_degrees(-2147483648) == Orientation()


makes_bt2020 = pytest.mark.skipif("BT2020" not in Colorspace.__members__, reason="this PyAV makes no such clip")


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("number", "matrix"),
    [(1, "ITU709"), (6, "ITU601"), (7, "SMPTE240M"), pytest.param(9, "BT2020", marks=makes_bt2020)],
)
def test_matrices_and_ranges_that_a_file_names(tmp_path: Path, number: int, matrix: str, full: bool) -> None:
    colors = ColorRange.JPEG if full else ColorRange.MPEG
    to = {"dst_colorspace": Colorspace[matrix], "dst_color_range": colors}
    path = flat(tmp_path / "c.mkv", ORANGE, "yuv444p", to, colorspace=number, color_range=int(colors))
    assert np.abs(read(path)[0].samples.reshape(-1, 3).mean(0) - ORANGE).max() < 2


@makes_bt2020
@pytest.mark.parametrize(("transfer", "paper_white"), [(16, 0.58), (18, 0.75)])
def test_hdr_is_tone_mapped_and_said(tmp_path: Path, transfer: int, paper_white: float) -> None:
    code = np.array([round(paper_white * 65535)] * 3, np.uint16)
    to = {"dst_colorspace": Colorspace.BT2020}
    path = flat(
        tmp_path / "c.mkv", code, "yuv420p10le", to, color_trc=transfer, color_primaries=9, colorspace=9, color_range=1
    )
    clip = Clip(path)
    frames = [*clip.frames(), *clip.frames()]
    assert frames[0].samples.dtype == np.uint16
    assert 0.85 < frames[0].pixels.mean() < 1
    assert len(clip.notes) == 1
    assert "HDR" in clip.notes[0]


@pytest.mark.parametrize(("primaries", "stronger"), [(9, 30), (12, 10), (1, 0), (5, 0)])
def test_wide_gamuts_are_brought_to_srgb(tmp_path: Path, primaries: int, stronger: int) -> None:
    path = flat(tmp_path / "c.mkv", ORANGE, "bgr0", {}, color_primaries=primaries, color_trc=1)
    red = read(path)[0].samples.reshape(-1, 3).mean(0)[0]
    assert red == 200 if stronger == 0 else red > 200 + stronger


def test_gray_at_16_of_255_is_black_where_the_range_is_limited(tmp_path: Path) -> None:
    for color_range, wanted in ((1, 0), (2, 16)):
        path = tmp_path / f"{color_range}.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "gray"
            stream.codec_context.color_range = color_range
            frame = av.VideoFrame.from_ndarray(np.full((64, 96), 16, np.uint8), format="gray")
            frame.color_range = color_range
            container.mux([*stream.encode(frame), *stream.encode(None)])
        assert read(path)[0].samples.mean() == wanted


def sticker(index: int) -> np.ndarray:
    picture = np.zeros((64, 96, 4), np.float32)
    picture[10:40, 10 + 4 * index : 50 + 4 * index] = (0.8, 0.3, 0.1, 1)
    return picture


@pytest.mark.parametrize(
    ("codec", "pixels", "ending"),
    [
        ("libvpx", "yuva420p", "webm"),
        ("libvpx-vp9", "yuva420p", "webm"),
        ("prores_ks", "yuva444p10le", "mov"),
        ("ffv1", "bgra", "mkv"),
        ("png", "rgba", "mov"),
        ("qtrle", "argb", "mov"),
    ],
)
def test_alpha_moves_and_resizes_without_a_rim(tmp_path: Path, codec: str, pixels: str, ending: str) -> None:
    vpx = codec.startswith("libvpx")
    encoder = {"auto-alt-ref": "0", "b": "4M"} if vpx else {}
    tags = {"alpha_mode": "1"} if vpx else {}
    frames = [sticker(index) for index in range(4)]
    path = write(tmp_path / f"c.{ending}", frames, codec=codec, pixels=pixels, encoder=encoder, tags=tags)
    clip = Clip(path)
    for index, frame in enumerate(clip.frames()):
        assert frame.alpha is not None
        assert np.abs(frame.alpha - frames[index][:, :, 3]).mean() < 0.02
    small = next(clip.frames((37, 23)))
    assert small.alpha is not None
    seen = small.pixels[small.alpha > 0.2]
    assert np.abs(seen - (0.8, 0.3, 0.1)).max() < 0.12
    assert clip.notes == []


def test_interlaced_frames_are_made_whole(tmp_path: Path) -> None:
    frames = []
    for index in range(8):
        picture = np.zeros((64, 96, 3), np.float32)
        picture[0::2, 10 + 6 * index : 40 + 6 * index] = 1
        picture[1::2, 13 + 6 * index : 43 + 6 * index] = 1
        frames.append(picture)
    path = write(tmp_path / "c.mkv", frames, encoder={"crf": "4", "x264-params": "tff=1"}, pixels="yuv420p")
    clip = Clip(path)
    read_frames = list(clip.frames())
    assert len(read_frames) == 8
    combs = np.abs(np.diff(read_frames[3].pixels, axis=0)).mean()
    assert combs < 0.3 * np.abs(np.diff(frames[3], axis=0)).mean()
    assert "interlaced" in clip.notes[0]


def test_frames_go_as_soon_as_they_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mp4", moving(24))
    gc.collect()
    gc.disable()
    try:
        for _ in Clip(path).frames():
            held = sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
    finally:
        gc.enable()
    assert held < 12
