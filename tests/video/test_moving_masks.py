"""Masks that move."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from clips import read, write
from helpers import file_bytes
from PIL import Image

from impasto.video.moving_masks import MovingMasks
from impasto.video.paint_video import paint_video
from impasto.video.steady import Motion

FRAME, STILL = np.zeros((32, 32, 3), np.uint8), Motion(None, None, False)


def test_masks_that_move(clip: Path, tmp_path: Path) -> None:
    masks = []
    for index in range(4):  # the left half, then the right half; it ends before the clip does
        mask = np.zeros((64, 96, 3), np.float32)
        mask[:, :48] = index < 2
        mask[:, 48:] = index >= 2
        masks.append(mask)
    moving_mask = write(tmp_path / "mask.mkv", masks, codec="ffv1", pixels="bgr0")
    result = paint_video(clip, "udnie", tmp_path / "o.mkv", codec="ffv1", steady=0, regions=[(moving_mask, "none")])
    assert result.path is not None
    source, painted = read(clip), read(result.path)
    for index, (before, after) in enumerate(zip(source, painted, strict=True)):
        change = np.abs(after.pixels - before.pixels).mean((0, 2))
        left, right = change[4:44].mean(), change[52:92].mean()
        kept, other = (left, right) if index < 2 else (right, left)
        assert kept < 0.02 < other, index


def test_a_folder_of_masks_comes_in_natural_order(tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    for index in range(1, 12):
        (folder / f"{index}.png").write_bytes(file_bytes(np.full((32, 32, 3), 30 + index * 20, np.uint8)))
    (folder / "._1.png").write_bytes(b"junk")
    (folder / "5.png").write_bytes(b"junk")
    masks = MovingMasks([(folder, "none")])
    levels = [float(masks.at(Fraction(index, 25), FRAME, STILL)[0].mean()) for index in range(11)]
    assert np.allclose(levels, [(30 + index * 20) / 255 for index in (1, 2, 3, 4, 4, 6, 7, 8, 9, 10, 11)], atol=0.01)
    assert len(masks.notes) == 1
    assert "5.png" in masks.notes[0]


def test_an_animation_of_masks_moves(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((32, 32), level, np.uint8)) for level in (60, 120, 180)]
    frames[0].save(tmp_path / "masks.gif", save_all=True, append_images=frames[1:], duration=100)
    masks = MovingMasks([(tmp_path / "masks.gif", "none")])
    levels = [float(masks.at(Fraction(index, 10), FRAME, STILL)[0].mean()) for index in range(3)]
    assert np.allclose(levels, [level / 255 for level in (60, 120, 180)], atol=0.01)
