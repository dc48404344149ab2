"""Masks that move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from clips import read, write

from impasto.video.paint_video import paint_video


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
