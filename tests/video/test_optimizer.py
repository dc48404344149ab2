"""The optimizer on frames: one network for all, each frame as if it were a photo or near the one before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from clips import moving, read, write
from helpers import refused, scene

import impasto
from impasto.errors import UsageError
from impasto.measure.warping import warping_error
from impasto.optimization.recipe import DEFAULT, Recipe
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.video.optimizer import FrameOptimizer
from impasto.video.paint_video import paint_video
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


def test_the_optimizer_holds_frames_together(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", moving(5, 1))
    options = {"engine": "optimize", "recipe": Recipe(iterations=12, pyramid=1.0, start="noise"), "codec": "ffv1"}
    loose = paint_video(clip, "udnie", tmp_path / "l.mkv", steady=0, **options)  # type: ignore[arg-type]
    held = paint_video(clip, "udnie", tmp_path / "h.mkv", steady=100, long_term=3, **options)  # type: ignore[arg-type]
    source = [frame.pixels for frame in read(clip)]
    errors = [warping_error([f.pixels for f in read(result.path)], source) for result in (loose, held) if result.path]
    assert held.frames == 5
    assert errors[1] < 0.5 * errors[0]
    with refused(UsageError, "conflict"):
        paint_video(clip, [], tmp_path / "k.mkv", engine="optimize", keyframes="0:udnie")
    with refused(UsageError, "unknown-choice", "'magic'"):
        paint_video(clip, "udnie", tmp_path / "k.mkv", engine="magic")  # type: ignore[arg-type]


def test_the_optimizer_works_on_small_frames_and_enlarges_them(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        Picture(np.roll(scene(300, 200), 2 * index, axis=1)).save(frames / f"{index}.png")
    recipe = Recipe(iterations=4, largest=128)
    made = paint_video(frames, "udnie", tmp_path / "out", engine="optimize", recipe=recipe, steady=70)
    assert made.frames == 3
    pictures = [Picture.open(path) for path in sorted((tmp_path / "out").glob("*.png"))]
    assert [(picture.width, picture.height) for picture in pictures] == [(300, 200)] * 3
