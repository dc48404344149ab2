"""What is written of a clip, and what its metadata say."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import moving, read, writer
from helpers import refused

from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.metadata import SOURCE_TYPE
from impasto.video.encoding import CONTAINERS
from impasto.video.reading import VideoFrame
from impasto.video.writing import ANIMATIONS, AnimationWriter


@pytest.mark.parametrize("height", [64, 720])
def test_colors_survive_the_matrix(tmp_path: Path, height: int) -> None:
    """Written and read again: the matrix goes with the size, both ways."""
    colors = np.zeros((height, 96, 3), np.float32)
    colors[:, :48], colors[:, 48:] = (0.8, 0.2, 0.2), (0.2, 0.3, 0.8)
    file = writer(tmp_path / "c.mp4", 96, height)
    for index in range(2):
        file.write(VideoFrame(colors, Fraction(index, 10)))
    file.close()
    back = read(tmp_path / "c.mp4")[0].pixels
    assert np.abs(back[:, 8:40] - colors[:, 8:40]).max() < 0.03
    assert np.abs(back[:, 56:88] - colors[:, 56:88]).max() < 0.03


@pytest.mark.parametrize("ending", sorted(CONTAINERS))
def test_every_container_keeps_how_it_was_made(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"c{ending}"
    file = writer(path, made_with={"program": "Impasto", "style": "Étude"})
    for index, pixels in enumerate(moving(2)):
        file.write(VideoFrame(pixels, Fraction(index, 10)))
    file.close()
    with av.open(str(path)) as container:
        (comment,) = (text for name, text in container.metadata.items() if name.lower() == "comment")
    assert json.loads(comment) == {"digital_source_type": SOURCE_TYPE, "program": "Impasto", "style": "Étude"}


def test_what_is_clear_is_white_where_there_is_no_transparency(tmp_path: Path) -> None:
    alpha = np.ones((64, 96), np.float32)
    alpha[:, 48:] = 0
    file = writer(tmp_path / "c.mp4")
    file.write(VideoFrame(np.full((64, 96, 3), 0.2, np.float32), Fraction(0), alpha))
    file.close()
    pixels = read(tmp_path / "c.mp4")[0].pixels
    assert abs(pixels[:, :40].mean() - 0.2) < 0.02
    assert pixels[:, 56:].mean() > 0.98


@pytest.mark.parametrize("ending", ANIMATIONS)
def test_animations_keep_frames_alpha_and_timing(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"c{ending}"
    alpha = np.ones((64, 96), np.float32)
    alpha[24:40, 16:32] = 0
    file = AnimationWriter(path, Fraction(10))
    frames = moving(3, step=8)
    for index, pixels in enumerate(frames):
        file.write(VideoFrame(pixels, Fraction(index, 10), alpha))
    file.close()
    picture = Picture.open(path)
    assert (len(picture.frames), picture.duration, picture.loop) == (2, 100, 0)
    assert picture.alpha is not None
    assert np.abs(picture.alpha - alpha).max() < 0.02
    for seen, pixels in zip(picture.every_frame(), frames, strict=True):
        assert np.abs(seen - pixels)[:, 40:].mean() < 0.04
    with refused(PictureError, "already-there"):
        AnimationWriter(path, Fraction(10))


def test_too_long_an_animation_is_refused(tmp_path: Path) -> None:
    file = AnimationWriter(tmp_path / "c.gif", Fraction(10))
    large = np.broadcast_to(np.uint8(0), (20_000, 20_000, 3))
    with refused(UsageError, "too-large", "1 frames"):
        file.write(VideoFrame(large, Fraction(0)))
    assert not list(tmp_path.iterdir())
