"""What is read of a clip."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import moving, read, write
from helpers import file_bytes, scene

from impasto.pixels.arrays import floats, resize
from impasto.video.decoding import Orientation, decoded_samples
from impasto.video.reading import Clip


def test_size_and_depth_are_the_file_s(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.mp4", moving(2))
    assert (Clip(plain).width, Clip(plain).height) == (96, 64)
    deep = write(tmp_path / "deep.mkv", moving(2), codec="ffv1", pixels="yuv420p10le")
    assert len(np.unique(np.rint(read(deep)[0].pixels * 65535))) > 256


@pytest.mark.parametrize("kind", ["plain", "alpha", "deep"])
def test_frames_are_read_in_the_size_that_is_wanted(tmp_path: Path, kind: str) -> None:
    frames = moving(2)
    if kind == "alpha":
        fade = np.broadcast_to(np.linspace(0, 1, 96, dtype=np.float32)[None, :, None], (64, 96, 1))
        frames = [np.concatenate([frame, fade], axis=2) for frame in frames]
    pixels = {"alpha": "yuva444p", "deep": "yuv444p10le"}.get(kind, "yuv444p")
    path = write(tmp_path / "c.mkv", frames, codec="ffv1", pixels=pixels)
    whole = next(Clip(path).frames())
    small = next(Clip(path).frames((48, 40)))
    assert small.pixels.shape == (40, 48, 3)
    assert np.abs(small.pixels - resize(whole.pixels, 48, 40)).mean() < 1 / 255
    assert (small.alpha is None) == (kind != "alpha")
    if small.alpha is not None and whole.alpha is not None:
        assert np.abs(small.alpha - resize(whole.alpha, 48, 40)).mean() < 1 / 255


def test_a_turned_frame_is_upright_in_the_size_that_is_wanted() -> None:
    frame = av.VideoFrame.from_ndarray((moving(1)[0] * 255).round().astype(np.uint8), format="rgb24")
    turned = Orientation.of_degrees(90)
    whole, small = (floats(decoded_samples(frame, size, turned)[0]) for size in (None, (32, 60)))
    assert whole.shape == (96, 64, 3)
    assert small.shape == (60, 32, 3)
    assert np.abs(small - resize(whole, 32, 60)).mean() < 1 / 255


def test_frames_of_another_size_are_brought_to_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for index, size in enumerate([(96, 64), (48, 32), (120, 80)]):
        (folder / f"{index}.png").write_bytes(file_bytes(scene(*size)))
    assert [frame.pixels.shape for frame in read(folder)] == [(64, 96, 3)] * 3


def test_another_rate_leaves_out_or_repeats_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mkv", moving(4), codec="ffv1", pixels="bgr0")
    before = read(path)
    for fps, chosen in ((20, [0, 0, 1, 1, 2, 2, 3, 3]), (5, [0, 2])):
        clip = Clip(path, fps=fps)
        frames = list(clip.frames())
        assert (clip.rate, clip.count) == (fps, len(chosen))
        assert [frame.time for frame in frames] == [Fraction(index, fps) for index in range(len(chosen))]
        for frame, index in zip(frames, chosen, strict=True):
            np.testing.assert_array_equal(frame.samples, before[index].samples)


def test_a_folder_has_the_rate_that_is_given(tmp_path: Path) -> None:
    for index in range(3):
        (tmp_path / f"{index}.png").write_bytes(file_bytes(scene()))
    assert [frame.time for frame in Clip(tmp_path).frames()] == [0, Fraction(1, 25), Fraction(2, 25)]
    assert [frame.time for frame in Clip(tmp_path, fps=10, start=0.1).frames()] == [0, Fraction(1, 10)]
