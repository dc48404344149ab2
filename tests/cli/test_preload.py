"""What is loaded before a command has been read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Queue

import numpy as np
import onnxruntime
import pytest
from helpers import Outcome, assert_refused

from impasto.cli import preload
from impasto.engines.base import StyleVector
from impasto.engines.painter import Painter
from impasto.picture import Picture
from impasto.pixels.arrays import Samples
from impasto.styles import builtin


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[StyleVector | None]:
    found: list[StyleVector | None] = []
    monkeypatch.setattr(Painter, "prepare", lambda _, vector=None: found.append(vector))
    return found


def test_the_one_style_of_a_command_is_loaded(
    prepared: list[StyleVector | None], painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Queue[Samples] = Queue()
    monkeypatch.setattr(Painter, "encode", lambda _, picture: seen.put(picture))
    preload.begin(["stylize", "photo.jpg", "-s", "udnie", "-o", "out.png"])
    preload.begin(["stylize", "--style", str(painting), "photo.jpg"])
    named, file = prepared
    assert named is not None
    np.testing.assert_array_equal(named, builtin.vector("udnie", "painter"))
    assert file is None
    np.testing.assert_array_equal(seen.get(timeout=10), Picture.open(painting).pixels)
    assert seen.empty()


def test_what_is_no_painting_is_left_to_the_command(tmp_path: Path, run: Callable[..., Outcome], photo: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff")
    words = ["stylize", str(photo), "--style", str(tmp_path / "bad.jpg"), "-o", str(tmp_path / "out.png")]
    preload.begin(words)
    assert_refused(run(*words), 1, "damaged-file", "bad.jpg")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--version",
        "stylize --help",
        "stylize photo.jpg --style",
        "stylize photo.jpg --style no-such-style",
        "stylize photo.jpg --style network.onnx",
        "stylize photo.jpg --style udnie --style great-wave",
        "stylize photo.jpg --style udnie --engine wct",
        "stylize photo.jpg --style udnie --region sky.png=great-wave",
        "stylize photo.jpg --style udnie --memory 1GB",
        "sheet photo.jpg --style udnie",
    ],
)
def test_nothing_is_loaded_for_other_commands(
    prepared: list[StyleVector | None], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "network.onnx").write_bytes(b"a network")
    preload.begin(words.split())
    assert prepared == []


@pytest.mark.parametrize("named", [True, False])
def test_what_is_prepared_is_what_paints(monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    made = []
    session = onnxruntime.InferenceSession

    def counted(*args: object, **options: object) -> onnxruntime.InferenceSession:
        made.append(threading.current_thread())
        return session(*args, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted)
    painter, before = Painter(), set(threading.enumerate())
    painter.prepare(builtin.vector("udnie", "painter") if named else None)
    for thread in set(threading.enumerate()) - before:
        thread.join()
    loaded = len(made)
    assert loaded >= 2
    photo = np.full((64, 64, 3), 0.5, np.float32)
    painter.paint(photo, builtin.vector("udnie", "painter") if named else painter.encode(photo))
    assert len(made) == loaded
    assert threading.current_thread() not in made


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
@pytest.mark.parametrize("early", [True, False])
def test_ctrl_c_leaves_no_traceback(early: bool) -> None:
    code = (
        "import os, signal, sys, time; from impasto import __main__; from impasto.cli import preload, main;"
        "sys.argv = ['impasto', 'styles']; stop = lambda *_: (os.kill(os.getpid(), signal.SIGINT), time.sleep(10));"
        + ("preload.begin = stop;" if early else "main.Program.get_command = stop;")
        + "__main__.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.strip().count("\n")) == (-signal.SIGINT if early else 130, 0)
    assert "Traceback" not in done.stderr
