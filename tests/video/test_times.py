"""When frames are shown, where files say it badly."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from clips import moving, read, write
from PIL import Image

from impasto.video.reading import Clip, VideoFrame
from impasto.video.times import FrameTimes, PacketTimes, exact_rate

FRAMES = moving(12)


def steps(frames: list[VideoFrame]) -> list[float]:
    return [round(float(after.time - before.time), 3) for before, after in pairwise(frames)]


def test_every_frame_of_an_avi_with_b_frames_is_read_in_its_order(tmp_path: Path) -> None:
    encoder = {"crf": "10", "bf": "3", "b-pyramid": "normal"}
    frames = read(write(tmp_path / "c.avi", FRAMES, encoder=encoder))
    assert steps(frames) == [0.1] * 11
    for before, after in zip(FRAMES, frames, strict=True):
        assert abs(after.pixels - before).mean() < 0.03


@pytest.mark.parametrize("ending", ["ts", "vob"])
@pytest.mark.parametrize("count", [3, 12])
def test_joined_recordings_go_on(tmp_path: Path, ending: str, count: int) -> None:
    how = {"codec": {"ts": "libx264", "vob": "mpeg2video"}[ending], "rate": 25, "base": Fraction(1, 25)}
    times = [i / 25 for i in range(12)]
    one = write(tmp_path / f"one.{ending}", FRAMES, times=times, encoder={}, **how)
    two = write(tmp_path / f"two.{ending}", FRAMES[:count], times=times[:count], encoder={}, **how)
    joined = tmp_path / f"joined.{ending}"
    joined.write_bytes(one.read_bytes() + two.read_bytes() + one.read_bytes())
    clip = Clip(joined)
    frames = list(clip.frames())
    assert len(frames) == 24 + count
    assert steps(frames) == [0.04] * (23 + count)
    assert [note for note in clip.notes if "times" in note]
    assert len(clip.notes) == 1


def test_a_counter_that_jumps_is_no_pause_but_a_pause_is(tmp_path: Path) -> None:
    near = write(tmp_path / "near.ts", FRAMES)
    far = write(tmp_path / "far.ts", FRAMES, times=[7200 + i / 10 for i in range(12)])
    joined = tmp_path / "joined.ts"
    joined.write_bytes(near.read_bytes() + far.read_bytes())
    assert max(steps(read(joined))) == 0.1
    paused = write(tmp_path / "paused.mkv", FRAMES, times=[i / 10 + (600 if i > 5 else 0) for i in range(12)])
    assert max(steps(read(paused))) == 600.1


def test_times_that_repeat_part_frames(tmp_path: Path) -> None:
    times = [0, 0.1, 0.1, 0.2, 0.3, 0.3, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    clip = Clip(write(tmp_path / "c.mkv", FRAMES, times=times, encoder={"bf": "0"}))
    frames = list(clip.frames())
    assert len(frames) == 12
    assert min(steps(frames)) > 0
    assert float(frames[-1].time) == 0.8
    assert "times" in clip.notes[0]


def test_a_late_start_is_none(tmp_path: Path) -> None:
    for name in ("c.mkv", "c.mp4", "c.ts"):
        path = write(tmp_path / name, FRAMES, times=[5 + i / 10 for i in range(12)])
        clip = Clip(path)
        assert steps(list(clip.frames())) == [0.1] * 11, name
        assert clip.notes == [], name


def test_frames_without_times_get_the_usual_step() -> None:
    frames = [SimpleNamespace(pts=None, dts=None, time_base=None) for _ in range(4)]
    times = FrameTimes(Fraction(1, 25), depth=2)
    assert [time for _, time in times.of(frames)] == [Fraction(i, 25) for i in range(4)]


def test_packets_without_a_time_of_decoding_do_not_count_as_jumps() -> None:
    def packet(pts: int, dts: int | None) -> Any:
        return SimpleNamespace(pts=pts, dts=dts, duration=1, time_base=Fraction(1, 10), is_discard=False)

    times = PacketTimes(Fraction(1, 10))
    packets = [packet(50, None), packet(54, None), packet(52, 50), packet(51, 51), packet(53, 52)]
    for one in packets:
        times.mend(one)
    assert [one.pts for one in packets] == [50, 54, 52, 51, 53]
    assert times.jumps == 0


def test_a_rate_that_is_a_clock_s_is_measured(tmp_path: Path) -> None:
    path = write(tmp_path / "c.mkv", FRAMES, rate=1000, times=[i / 25 for i in range(12)])
    assert Clip(path).rate == 25


def test_rates_are_meant_as_broadcasts_have_them() -> None:
    assert exact_rate(23.976) == Fraction(24000, 1001)
    assert exact_rate(29.97) == Fraction(30000, 1001)
    assert exact_rate(24) == 24
    assert exact_rate(12.5) == Fraction(25, 2)


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
@pytest.mark.parametrize(("said", "shown"), [(0, 100), (10, 100), (20, 20), (50, 50), ([100, 40, 300], [100, 40])])
def test_animations_are_timed_as_browsers_show_them(tmp_path: Path, ending: str, said: Any, shown: Any) -> None:
    path = tmp_path / f"c.{ending}"
    frames = [Image.new("RGB", (48, 32), (index * 80, 50, 60)) for index in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=said)
    clip = Clip(path)
    wanted = shown if isinstance(shown, list) else [shown] * 2
    assert steps(list(clip.frames())) == [value / 1000 for value in wanted]
    assert clip.count == 3
