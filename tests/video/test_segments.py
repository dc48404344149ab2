"""Long clips in pieces."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import av
import numpy as np
import pytest
from clips import moving, read, write
from helpers import refused, wait_until

from impasto.errors import UsageError
from impasto.progress import Progress
from impasto.video.options import VideoOptions
from impasto.video.paint_video import paint_video


def frames_kept(output: Path) -> int:
    """How many frames another run would not paint again."""
    with contextlib.suppress(OSError), np.load(output.with_name(f".{output.name}.resume") / "state.npz") as state:
        return int(json.loads(str(state["facts"]))["frames"])
    return 0


@pytest.mark.parametrize("name", ["o.mp4", "o.mkv", "folder"])
def test_a_long_run_goes_on_where_it_was_killed(name: str, tmp_path: Path) -> None:
    options = VideoOptions(resume=True, segment=4)
    clip = write(tmp_path / "clip.mp4", moving(14), sound=True)
    whole = paint_video(clip, "udnie", tmp_path / f"whole-{name}")
    seen: list[int] = []

    def die(progress: Progress) -> None:
        if progress.step == 10:
            wait_until(lambda: frames_kept(tmp_path / name) == 8)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        paint_video(clip, "udnie", tmp_path / name, options=options, on_progress=die)
    if name != "folder":
        assert not (tmp_path / name).exists()
    with refused(UsageError, "changed-settings", "style"):
        paint_video(clip, "great-wave", tmp_path / name, options=options)
    result = paint_video(clip, "udnie", tmp_path / name, options=options, on_progress=lambda p: seen.append(p.step))
    assert seen == list(range(9, 15))
    assert result.frames == whole.frames == 14
    assert result.path is not None
    assert whole.path is not None
    one, other = read(whole.path), read(result.path)
    assert [frame.time for frame in one] == [frame.time for frame in other]
    for a, b in zip(one, other, strict=True):
        assert np.abs(a.pixels - b.pixels).mean() < 0.02  # pieces are encoded apart
    if name != "folder":
        with av.open(str(result.path)) as container, av.open(str(whole.path)) as expected:
            assert len(list(container.decode(audio=0))) == len(list(expected.decode(audio=0))) > 10
    assert not list(tmp_path.glob(".*.resume"))


def test_a_stopped_run_keeps_all_that_was_painted(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"
    stopped = paint_video(clip, "udnie", out, resume=True, on_progress=lambda p: p.step < 3)
    assert stopped.path is None
    assert stopped.stopped
    with pytest.MonkeyPatch.context() as later, refused(UsageError, "other-version", "state.npz"):
        later.setattr("impasto.video.segments.FORMAT", 2)
        paint_video(clip, "udnie", out, resume=True)
    seen: list[int] = []
    result = paint_video(clip, "udnie", out, resume=True, on_progress=lambda p: seen.append(p.step))
    assert seen[0] == 4
    assert result.frames == len(read(out)) == 8
    with refused(UsageError, "conflict", ".gif"):
        paint_video(clip, "udnie", tmp_path / "o.gif", resume=True)


@pytest.mark.parametrize("damage", ["truncated", "without an array", "other facts", "facts of another kind"])
def test_a_damaged_state_starts_from_the_beginning(clip: Path, tmp_path: Path, damage: str) -> None:
    out = tmp_path / "o.mp4"
    assert paint_video(clip, "udnie", out, resume=True, on_progress=lambda p: p.step < 3).stopped
    state = tmp_path / ".o.mp4.resume" / "state.npz"
    with np.load(state) as stored:
        arrays = dict(stored)
    if damage == "truncated":
        state.write_bytes(state.read_bytes()[:-200])
    elif damage == "without an array":
        np.savez(state, **{name: values for name, values in arrays.items() if name != "last"})
    else:
        np.savez(state, **{**arrays, "facts": "{}" if damage == "other facts" else "[]"})
    seen: list[int] = []
    with pytest.warns(UserWarning, match="is damaged"):
        result = paint_video(clip, "udnie", out, resume=True, on_progress=lambda p: seen.append(p.step))
    assert seen[0] == 1
    assert result.frames == len(read(out)) == 8


def test_two_runs_do_not_work_on_the_same_result(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.mp4"

    def another(progress: Progress) -> None:
        if progress.step == 3:
            with refused(UsageError, "in-use", "o.mp4"):
                paint_video(clip, "udnie", out, resume=True)

    assert paint_video(clip, "udnie", out, resume=True, on_progress=another).frames == len(read(out)) == 8
    assert not list(tmp_path.glob(".*"))


def test_names_as_long_as_a_name_can_be_are_resumed(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / f"{'x' * 251}.mp4"
    assert paint_video(clip, "udnie", out, resume=True, on_progress=lambda p: p.step < 3).stopped
    seen: list[int] = []
    paint_video(clip, "udnie", out, resume=True, on_progress=lambda p: seen.append(p.step))
    assert seen[0] == 4
    assert len(read(out)) == 8
