"""The live camera, with a clip in its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest
from clips import moving, read, write
from helpers import refused

from impasto.controls import Controls
from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.picture.metadata import SOURCE_TYPE
from impasto.pixels.arrays import Pixels
from impasto.video.camera import Camera, Live, LiveStatus


class Recorded:
    """A screen that keeps what it is shown, and presses keys at certain frames."""

    def __init__(self, keys: dict[int, str] | None = None) -> None:
        self.pictures: list[Pixels] = []
        self.statuses: list[str] = []
        self.keys = keys or {}
        self.closed = False

    def show(self, picture: Pixels, status: str) -> Sequence[str]:
        self.pictures.append(picture)
        self.statuses.append(status)
        return list(self.keys.get(len(self.pictures), ""))

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write(tmp_path / "clip.mp4", moving(40), rate=10)


def live(clip: Path, tmp_path: Path, **options: object) -> Live:
    controls = Controls(size=int(str(options.pop("size", 96))), strength=float(str(options.pop("strength", 100))))
    return Live(Camera(str(clip)), ["udnie", "great-wave"], controls, folder=tmp_path, **options)  # type: ignore[arg-type]


def test_keys_change_style_and_strength(clip: Path, tmp_path: Path) -> None:
    screen = Recorded({2: "n", 4: "-", 6: "p", 8: "q"})
    assert live(clip, tmp_path).run(screen) == 8
    assert screen.closed
    assert [status.split("   ")[0] for status in screen.statuses[1:7:2]] == ["udnie", "great-wave", "great-wave"]
    assert [status.split("   ")[1] for status in screen.statuses[3:5]] == ["100 %", "90 %"]
    assert screen.statuses[-1].startswith("udnie")
    colors = [picture.mean((0, 1)) for picture in screen.pictures]
    assert np.abs(colors[1] - colors[2]).max() > 3 * np.abs(colors[0] - colors[1]).max()


def test_a_strength_of_0_shows_the_camera(clip: Path, tmp_path: Path) -> None:
    screen = Recorded({1: "q"})
    live(clip, tmp_path, strength=0).run(screen)
    assert min(np.abs(screen.pictures[0] - frame.pixels).mean() for frame in read(clip)) < 0.02


def test_snapshots_and_recordings(clip: Path, tmp_path: Path) -> None:
    said: list[str] = []
    screen = Recorded({1: "s", 2: "r", 10: "r", 11: "ss", 12: "q"})
    live(clip, tmp_path, on_note=said.append).run(screen)
    pictures, clips = sorted(tmp_path.glob("impasto-*.png")), list(tmp_path.glob("impasto-*.mp4"))
    assert len(pictures) == 3
    assert len(said) == 4
    assert np.abs(Picture.open(pictures[0]).pixels - screen.pictures[0]).max() < 0.01
    frames = read(clips[0])
    assert len(frames) == 8
    assert np.abs(frames[0].pixels - screen.pictures[2]).mean() < 0.03
    times = [float(frame.time) for frame in frames]
    assert times == sorted(times)
    assert times[-1] > 0.1  # at the camera's speed, not at once


@pytest.mark.parametrize("mark", [True, False])
def test_snapshots_and_recordings_say_how_they_were_made(clip: Path, tmp_path: Path, mark: bool) -> None:
    live(clip, tmp_path, mark=mark).run(Recorded({1: "ns", 2: "-r"}), frames=5)
    (snapshot,) = tmp_path.glob("impasto-*.png")
    assert (SOURCE_TYPE.encode() in snapshot.read_bytes()) == mark
    (recording,) = tmp_path.glob("impasto-*.mp4")
    with av.open(str(recording)) as container:
        made = json.loads(container.metadata.get("comment", "{}"))
    if mark:
        assert (made["style"], made["digital_source_type"]) == ("great-wave", SOURCE_TYPE)
        assert made["controls"] == Controls(size=96, strength=90).as_dict()
    else:
        assert made == {}


def test_a_recording_ends_with_the_camera(clip: Path, tmp_path: Path) -> None:
    live(clip, tmp_path).run(Recorded({1: "r"}), frames=5)
    (path,) = tmp_path.glob("impasto-*.mp4")
    assert len(read(path)) == 4


def test_the_size_follows_the_speed(clip: Path, tmp_path: Path) -> None:
    seen: list[LiveStatus] = []

    def keep(status: LiveStatus) -> bool:
        seen.append(status)
        return len(seen) < 16

    big = write(tmp_path / "big.mp4", [np.tile(frame, (4, 4, 1)) for frame in moving(30)])
    screen = Recorded()
    live(big, tmp_path, fps=100, size=384).run(screen, on_status=keep)
    assert seen[0].side == 384
    assert seen[-1].side < 384
    assert {picture.shape for picture in screen.pictures} == {(256, 384, 3)}  # what is shown stays as large
    seen.clear()
    slow = live(clip, tmp_path, fps=1, size=96)
    slow.run(Recorded(), on_status=keep)
    assert {status.side for status in seen} == {96}


def test_a_clip_in_place_of_a_camera_ends(tmp_path: Path) -> None:
    clip = write(tmp_path / "short.mp4", moving(3))
    assert 1 <= live(clip, tmp_path).run(Recorded()) <= 3


def test_what_is_no_camera_is_said(clip: Path) -> None:
    with refused(PictureError, "no-device", "camera 93"):
        Camera(93)
    with closing(Camera(str(clip))) as camera, refused(UsageError, "unknown-style", "nobody"):
        Live(camera, ["nobody"], Controls())
