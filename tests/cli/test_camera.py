"""`impasto camera` as it is typed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from clips import moving, write
from helpers import Outcome, assert_refused

Run = Callable[..., Outcome]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write(tmp_path / "clip.mp4", moving(40), rate=10)


def test_the_command_serves_a_clip(clip: Path, run: Run) -> None:
    done = run("camera", "--camera", clip, "--serve", "--port", 0, "--frames", 5, "--style", "udnie", "--size", 96)
    assert done.code == 0, done.err
    assert done.out.strip() == "5 frames painted"
    assert "open http://127.0.0.1:" in done.err


def test_what_is_no_camera_is_said(clip: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "text.mp4").write_text("no clip")
    assert_refused(run("camera", "--camera", tmp_path / "text.mp4", "--serve"), 1, "no-device", "text.mp4")
    assert_refused(run("camera", "--camera", clip, "--serve", "--virtual"), 2, "conflict", "--virtual")
    assert_refused(run("camera", "--camera", clip, "--style", "nobody", "--serve"), 2, "unknown-style", "nobody")
