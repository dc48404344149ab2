"""The live camera, with a clip in its place."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from clips import moving, read, write
from helpers import Outcome, assert_refused
from PIL import Image

from impasto.controls import Controls
from impasto.errors import PictureError, UsageError
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels
from impasto.video.camera import Camera, Live, LiveStatus
from impasto.video.screens import Server, Window

Run = Callable[..., Outcome]


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


def test_what_is_no_camera_is_said(clip: Path, tmp_path: Path, run: Run) -> None:
    with pytest.raises(PictureError, match="camera 93 cannot be opened"):
        Camera(93)
    with pytest.raises(UsageError, match="nobody is no style"):
        Live(Camera(str(clip)), ["nobody"], Controls())
    (tmp_path / "text.mp4").write_text("no clip")
    assert_refused(run("camera", "--camera", tmp_path / "text.mp4", "--serve"), 1, "cannot be opened")
    assert_refused(run("camera", "--camera", clip, "--serve", "--virtual"), 2, "one of the two")
    assert_refused(run("camera", "--camera", clip, "--style", "nobody", "--serve"), 2, "is no style")


def test_without_a_display_a_window_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(UsageError, match="no window can be opened|no Tk"):
        Window()


def test_a_page_shows_it_and_presses_keys(clip: Path, tmp_path: Path) -> None:
    server = Server(0)
    running = live(clip, tmp_path)
    thread = threading.Thread(target=running.run, args=(server,))
    thread.start()

    def ask(path: str, data: bytes | None = None, **headers: str) -> bytes:
        request = urllib.request.Request(server.url + path, data, headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())

    try:
        assert b"/stream" in ask("/")
        with urllib.request.urlopen(server.url + "/stream", timeout=10) as stream:
            assert "multipart/x-mixed-replace" in stream.headers["Content-Type"]
            assert stream.readline() == b"--frame\r\n"
            stream.readline()
            length = int(stream.readline().split(b":")[1])
            stream.readline()
            (tmp_path / "frame.jpg").write_bytes(stream.read(length))
        assert Image.open(tmp_path / "frame.jpg").size == (96, 64)
        ask("/key", b"key=n")
        before = running.frames
        while running.frames < before + 3 and thread.is_alive():
            pass
        assert json.loads(ask("/status"))["status"].startswith("great-wave")
        for path, data, headers, code in (
            ("/key", b"key=%26", {}, 400),
            ("/key", b"key=n", {"Origin": "https://elsewhere.example"}, 403),
            ("/stream", None, {"Host": "elsewhere.example"}, 403),
            ("/nothing", None, {}, 404),
        ):
            with pytest.raises(urllib.error.HTTPError) as refusal:
                ask(path, data, **headers)
            assert refusal.value.code == code
        with pytest.raises(UsageError, match="is taken"):
            Server(int(server.url.rpartition(":")[2]))
    finally:
        running.camera.close()
        thread.join(10)
    assert not thread.is_alive()


def test_the_command_serves_a_clip(clip: Path, run: Run) -> None:
    done = run("camera", "--camera", clip, "--serve", "--port", 0, "--frames", 5, "--style", "udnie", "--size", 96)
    assert done.code == 0, done.err
    assert done.out.strip() == "5 frames painted"
    assert "open http://127.0.0.1:" in done.err
