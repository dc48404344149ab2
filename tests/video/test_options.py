"""What a user says of a clip."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import refused

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.video.options import VideoOptions, options_and_controls
from impasto.video.paint_video import paint_video


def test_usage_errors_are_raised_in_python(clip: Path, tmp_path: Path) -> None:
    with refused(UsageError, "unknown-setting", "brush"):
        paint_video(clip, "udnie", tmp_path / "o.mp4", brush=3)
    with refused(UsageError, "out-of-range", "fps 0"):
        paint_video(clip, "udnie", tmp_path / "o.mp4", fps=0)


def test_values_replace_the_options_fields_and_make_the_controls() -> None:
    options, controls = options_and_controls(VideoOptions(steady=10, fps=5), {"steady": 20, "strength": 30})
    assert options == VideoOptions(steady=20, fps=5)
    assert controls == Controls(strength=30)
    assert options_and_controls(None, {}) == (VideoOptions(), Controls())


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"steady": 101}, "out-of-range"),
        ({"quality": 64}, "out-of-range"),
        ({"engine": "magic"}, "unknown-choice"),
        ({"long_term": 1.5}, "not-a-number"),
        ({"start": -1}, "out-of-range"),
        ({"segment": 0}, "out-of-range"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, object], code: str) -> None:
    (name,) = values
    with refused(UsageError, code, name.replace("_", " ")):
        options_and_controls(None, values)
