"""Where a live camera's frames are shown."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from clips import moving, write
from helpers import refused, wait_until
from PIL import Image

from impasto.controls import Controls
from impasto.errors import UsageError
from impasto.video.camera import Camera, Live
from impasto.video.screens import Server, Window


def test_without_a_display_a_window_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with refused(UsageError, "no-device"):
        Window()


def test_a_page_shows_it_and_presses_keys(tmp_path: Path) -> None:
    server = Server(0)
    camera = Camera(str(write(tmp_path / "clip.mp4", moving(40), rate=10)))
    running = Live(camera, ["udnie", "great-wave"], Controls(size=96), folder=tmp_path)
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
        wait_until(lambda: running.frames >= before + 3 or not thread.is_alive())
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
        with refused(UsageError, "in-use"):
            Server(int(server.url.rpartition(":")[2]))
    finally:
        running.camera.close()
        thread.join(10)
    assert not thread.is_alive()
