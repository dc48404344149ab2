"""The optimizer on frames: one network for all, each frame as if it were a photo or near the one before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers import scene

import impasto
from impasto.optimization.recipe import DEFAULT
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.video.optimizer import FrameOptimizer
from impasto.video.steady import MotionFinder

QUICK = replace(DEFAULT, iterations=6, start="photo", pyramid=1.0)


def test_every_shot_begins_as_a_photo_would(painting: Path) -> None:
    """One network paints all frames, and nothing of an earlier frame is left in it."""
    frames = [(scene(96, 64, seed) / 255).astype(np.float32) for seed in (1, 2)]
    alone = [impasto.optimize(Picture(frame), painting, recipe=QUICK).picture.pixels for frame in frames]
    optimizer = FrameOptimizer(Stylizer(painting), QUICK, steady=0.7)
    still = MotionFinder(flow=False)(frames[0], (96, 64))
    for frame, wanted in zip(frames, alone, strict=True):
        assert np.array_equal(optimizer(frame, still, None), wanted)


def test_a_later_frame_stays_near_the_one_before(painting: Path) -> None:
    first, second = ((scene(96, 64, seed) / 255).astype(np.float32) for seed in (1, 2))  # they differ by their grain
    find = MotionFinder(flow=True)
    motions = [find(frame, (96, 64)) for frame in (first, second)]
    ways = []
    for steady in (0.0, 0.7):
        optimizer = FrameOptimizer(Stylizer(painting), QUICK, steady)
        before = optimizer(first, motions[0], None)
        ways.append(float(np.abs(optimizer(second, motions[1], before) - before).mean()))
    assert ways[1] < 0.9 * ways[0]
