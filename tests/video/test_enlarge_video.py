"""A clip made larger."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import moving, read, write
from helpers import refused
from PIL import Image

import impasto
from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.video.options import VideoOptions


def test_every_frame_reduced_is_the_frame(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for index, picture in enumerate(moving(3)):
        Picture(picture).save(frames / f"{index:03}.png")
    done = impasto.enlarge_video(frames, tmp_path / "large", scale=2)
    assert (done.frames, done.stopped) == (3, False)
    for small, large in zip(sorted(frames.glob("*.png")), sorted((tmp_path / "large").glob("*.png")), strict=True):
        with Image.open(small) as one, Image.open(large) as two:
            assert two.size == (2 * one.width, 2 * one.height)
            again = two.convert("RGB").resize(one.size, Image.Resampling.BICUBIC)
            assert np.abs(np.asarray(again).astype(float) - np.asarray(one.convert("RGB"))).mean() < 0.2


def test_what_stands_still_does_not_flicker(tmp_path: Path) -> None:
    still = [moving(1)[0]] * 4
    write(tmp_path / "still.mkv", still, codec="ffv1")
    impasto.enlarge_video(tmp_path / "still.mkv", tmp_path / "large.mkv", scale=4, options=VideoOptions(codec="ffv1"))
    first, *others = read(tmp_path / "large.mkv")
    assert all(np.array_equal(first.samples, other.samples) for other in others)


def test_it_can_be_stopped_and_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    write(tmp_path / "clip.mp4", moving(4))
    seen: list[Progress] = []

    def until_two(now: Progress) -> bool:
        seen.append(now)
        return now.step < 2

    done = impasto.enlarge_video(tmp_path / "clip.mp4", tmp_path / "large.mp4", scale=2, on_progress=until_two)
    assert (done.path, done.stopped, len(seen)) == (None, True, 2)
    assert not (tmp_path / "large.mp4").exists()
    keep = VideoOptions(keep_partial=True)
    done = impasto.enlarge_video(
        tmp_path / "clip.mp4", tmp_path / "part.mp4", scale=2, options=keep, on_progress=until_two
    )
    assert done.path == tmp_path / "part.mp4"
    assert len(read(tmp_path / "part.mp4")) == 2
    with refused(UsageError, "too-large"):
        impasto.enlarge_video(tmp_path / "clip.mp4", tmp_path / "x.mp4", scale=4, max_pixels=20_000)
    with refused(UsageError, "unknown-choice", "dog"):
        impasto.enlarge_video(tmp_path / "clip.mp4", tmp_path / "x.mp4", kind="dog")
    with refused(PictureError, "no-such-file", "gone.mp4"):
        impasto.enlarge_video(tmp_path / "gone.mp4", tmp_path / "x.mp4")
    with pytest.raises(PictureError):
        impasto.enlarge_video(tmp_path / "clip.mp4", tmp_path / "clip.mp4", scale=2)
    assert len(read(tmp_path / "clip.mp4")) == 4
