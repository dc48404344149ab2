"""Styles that change over a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import read
from helpers import refused, scene

from impasto.engines.by_name import engine_of
from impasto.errors import UsageError
from impasto.painting.stylizer import Stylizer
from impasto.picture import Picture
from impasto.video.paint_video import paint_video


def test_styles_change_over_time(clip: Path, tmp_path: Path) -> None:
    options = {"steady": 0, "codec": "ffv1", "keyframes": "0:udnie,0.4:great-wave,0.7:great-wave:0.5"}
    paint_video(clip, [], tmp_path / "out.mkv", **options)  # type: ignore[arg-type]
    painted = [frame.pixels for frame in read(tmp_path / "out.mkv")]
    source, light = [frame.pixels for frame in read(clip)], engine_of("light")
    one, two = (
        [Stylizer(name, painter=light)(Picture(frame)).pixels for frame in source] for name in ("udnie", "great-wave")
    )
    assert np.abs(painted[0] - one[0]).mean() < 0.02
    ways = [float(np.abs(painted[i] - one[i]).mean()) for i in range(5)]
    assert ways == sorted(ways)
    assert np.abs(painted[4] - two[4]).mean() < 0.02
    assert np.abs(painted[7] - source[7]).mean() < 0.8 * np.abs(two[7] - source[7]).mean()  # half the strength


def test_brush_size_changes_over_the_clip(clip: Path, tmp_path: Path) -> None:
    options = {"steady": 0, "codec": "ffv1", "size": 400}
    changing = paint_video(clip, [], tmp_path / "c.mkv", keyframes="0:udnie:1:1,0.7:udnie:1:4", **options)  # type: ignore[arg-type]
    small = paint_video(clip, "udnie", tmp_path / "s.mkv", **options)  # type: ignore[arg-type]
    large = paint_video(clip, "udnie", tmp_path / "l.mkv", brush_size=4, **options)  # type: ignore[arg-type]
    painted, one, two = ([frame.pixels for frame in read(r.path)] for r in (changing, small, large) if r.path)
    assert np.abs(painted[0] - one[0]).mean() < 0.02 < np.abs(painted[0] - two[0]).mean()
    assert np.abs(painted[7] - two[7]).mean() < 0.6 * np.abs(painted[7] - one[7]).mean()


def test_a_brush_that_changes_across_the_frame_s_size_keeps_the_strength(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(8):
        Picture(scene(800, 540)).save(frames / f"{index}.png")
    keyframes = "0:udnie:0.5:0.7,0.3:udnie:0.5:1"
    paint_video(frames, [], tmp_path / "out", keyframes=keyframes, fps=10)
    pictures = [Picture.open(path).pixels for path in sorted((tmp_path / "out").glob("*.png"))]
    away = [float(np.abs(picture - scene(800, 540) / 255).mean()) for picture in pictures]
    assert max(away) < 1.25 * min(away)


@pytest.mark.parametrize(
    ("text", "code"),
    [(text, "malformed") for text in ("", "udnie", "x:udnie", "0:udnie:7", "-1:udnie", "0:", "0:udnie:1:9")]
    + [("5:udnie,2:udnie", "out-of-order")],
)
def test_bad_keyframes_are_refused(clip: Path, tmp_path: Path, text: str, code: str) -> None:
    with refused(UsageError, code, "--keyframes"):
        paint_video(clip, [], tmp_path / "o.mp4", keyframes=text)
