"""The optimiser on a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import moving, read, write
from helpers import scene

from impasto.errors import UsageError
from impasto.measure.warping import warping_error
from impasto.optimization.recipe import Recipe
from impasto.picture import Picture
from impasto.video.paint_video import paint_video


def test_the_optimiser_holds_frames_together(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", moving(5, 1))
    options = {"engine": "optimize", "recipe": Recipe(iterations=12, pyramid=1.0, start="noise"), "codec": "ffv1"}
    loose = paint_video(clip, "udnie", tmp_path / "l.mkv", steady=0, **options)  # type: ignore[arg-type]
    held = paint_video(clip, "udnie", tmp_path / "h.mkv", steady=100, long_term=3, **options)  # type: ignore[arg-type]
    source = [frame.pixels for frame in read(clip)]
    errors = [warping_error([f.pixels for f in read(result.path)], source) for result in (loose, held) if result.path]
    assert held.frames == 5
    assert errors[1] < 0.5 * errors[0]
    with pytest.raises(UsageError, match="one style"):
        paint_video(clip, [], tmp_path / "k.mkv", engine="optimize", keyframes="0:udnie")
    with pytest.raises(UsageError, match="engine 'magic' is unknown"):
        paint_video(clip, "udnie", tmp_path / "k.mkv", engine="magic")  # type: ignore[arg-type]


def test_the_optimiser_works_on_small_frames_and_enlarges_them(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        Picture(np.roll(scene(300, 200), 2 * index, axis=1)).save(frames / f"{index}.png")
    recipe = Recipe(iterations=4, largest=128)
    made = paint_video(frames, "udnie", tmp_path / "out", engine="optimize", recipe=recipe, steady=70)
    assert made.frames == 3
    pictures = [Picture.open(path) for path in sorted((tmp_path / "out").glob("*.png"))]
    assert [(picture.width, picture.height) for picture in pictures] == [(300, 200)] * 3
