"""`impasto video` as it is typed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import av
import numpy as np
import pytest
from clips import moving, read, write
from helpers import ROOT, Outcome, assert_refused, wait_until

from impasto.video.options import VideoOptions

Run = Callable[..., Outcome]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write(tmp_path / "clip.mp4", moving(8), sound=True)


def test_bad_commands_get_one_line(run: Run, clip: Path, tmp_path: Path) -> None:
    def refuses(exit_code: int, code: str, *words: object, says: str) -> None:
        assert_refused(run("video", *words), exit_code, code, says)

    (tmp_path / "text.mp4").write_text("no video")
    write(tmp_path / "sound.mp4", moving(2), sound=True)
    with av.open(str(tmp_path / "only.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=44_100)
        chunk = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        chunk.sample_rate = 44_100
        container.mux(stream.encode(chunk))
        container.mux(stream.encode(None))
    (tmp_path / "empty").mkdir()
    out = ("-o", tmp_path / "o.mp4")
    refuses(1, "not-a-video", tmp_path / "text.mp4", "--style", "udnie", *out, says="text.mp4")
    refuses(1, "no-such-file", tmp_path / "gone.mp4", "--style", "udnie", *out, says="gone.mp4")
    refuses(1, "not-a-video", tmp_path / "only.m4a", "--style", "udnie", *out, says="only.m4a")
    refuses(1, "no-pictures", tmp_path / "empty", "--style", "udnie", *out, says="empty")
    refuses(2, "unknown-style", clip, "--style", "nobody", *out, says="nobody")
    refuses(2, "unknown-format", clip, "--style", "udnie", "-o", tmp_path / "o.xyz", says="o.xyz")
    refuses(2, "unknown-choice", clip, "--style", "udnie", *out, "--codec", "mpeg9", says="mpeg9")
    webm = ("-o", tmp_path / "o.webm")
    refuses(2, "not-encodable", clip, "--style", "udnie", *webm, "--codec", "prores", says="prores")
    refuses(2, "out-of-range", clip, "--style", "udnie", *out, "--steady", 200, says="steady 200")
    refuses(2, "conflict", clip, *out, says="--keyframes")
    refuses(2, "conflict", clip, "--style", "udnie", "--keyframes", "0:udnie", *out, says="--keyframes")
    refuses(2, "no-frames", clip, "--style", "udnie", *out, "--start", 5, "--end", 2, says="5 s")
    refuses(2, "no-frames", clip, "--style", "udnie", *out, "--start", 50, says="50 s")
    refuses(2, "same-file", clip, "--style", "udnie", "-o", clip, "--overwrite", says="clip.mp4")
    assert not (tmp_path / "o.mp4").exists()
    done = run("video", clip, "--style", "udnie", *out, "--end", 0.3, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["frames"] == 3
    refuses(1, "already-there", clip, "--style", "udnie", *out, says="o.mp4")


def interrupted(tmp_path: Path, number: int, *words: str) -> tuple[int, str]:
    """The exit code and the messages of a long clip's painting to out.mp4 that a signal ends after some frames."""
    long = write(tmp_path / "long.mp4", moving(110))
    command = [sys.executable, "-m", "impasto", "video", str(long), "--style", "udnie", "--size", "320", "--crf", "1"]
    command += ["-o", str(tmp_path / "out.mp4"), *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    wait_until(lambda: any(part.stat().st_size > 100_000 for part in tmp_path.glob(".*.part.mp4")))
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert not list(tmp_path.glob(".*.part.mp4"))
    return process.returncode, err


def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    code, err = interrupted(tmp_path, signal.SIGINT, "--keep-partial")
    assert code == 130, err
    assert all(line.startswith("impasto: note: ") for line in err.splitlines()), err
    assert 0 < len(read(tmp_path / "out.mp4")) < 110


def test_a_service_s_end_keeps_what_is_painted(tmp_path: Path) -> None:
    code, err = interrupted(tmp_path, signal.SIGTERM)
    assert code == 143, err
    assert "out-unfinished.mp4" in err
    assert 0 < len(read(tmp_path / "out-unfinished.mp4")) < 110
    assert not (tmp_path / "out.mp4").exists()


def test_no_mark_leaves_the_comment_out(run: Run, clip: Path, tmp_path: Path) -> None:
    for words, marked in (((), True), (("--no-mark",), False)):
        out = tmp_path / f"marked-{marked}.mp4"
        done = run("video", clip, "--style", "udnie", "--end", 0.2, "--size", 48, "-o", out, *words)
        assert done.code == 0, done.err
        with av.open(str(out)) as container:
            assert ("udnie" in container.metadata.get("comment", "")) == marked


def test_every_video_option_can_be_typed(run: Run) -> None:
    shown = run("video", "--help").out
    names = {part.name for part in fields(VideoOptions)} - {"quality", "segment", "untrusted"}
    for name in (*names, "crf", "no-sound"):
        assert f"--{name.replace('_', '-')}" in shown
    for name in ("segment", "quality", "no-resume", "no-keep-partial"):
        assert f"--{name}" not in shown
