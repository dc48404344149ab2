"""Streams that are closed or full, signals that end the program, and users without a home."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Outcome, assert_refused, file_bytes, scene, wait_until

from impasto.cli.console import one_line

Run = Callable[..., Outcome]
PROGRAM = [sys.executable, "-W", "ignore", "-m", "impasto"]


def shell(line: str, folder: Path, **more: str) -> tuple[int, str]:
    """The exit code and all output of a command line; $IMPASTO is the program."""
    environment = {**os.environ, "IMPASTO": " ".join(PROGRAM), **more}
    done = subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, timeout=120)
    said = (done.stdout + done.stderr).decode()
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    return done.returncode, said


def test_controls_and_bytes_are_escaped_and_scripts_are_not() -> None:
    assert one_line("two\nlines \x1b[31m \udcff") == r"two\nlines \x1b[31m \udcff"
    assert one_line("Ölbild 漢字 🎨 narrow\u202fspace") == "Ölbild 漢字 🎨 narrow\u202fspace"


def test_closed_streams_do_not_stop_the_work(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(file_bytes(scene()))
    painted = "$IMPASTO stylize p.png --style udnie --engine light -o"
    assert shell(f"{painted} closed.png <&- >&- 2>&-", tmp_path) == (0, "")
    assert (tmp_path / "closed.png").read_bytes().startswith(b"\x89PNG")
    code, said = shell(f"{painted} - >&-", tmp_path)
    assert (code, "standard output is closed" in said) == (2, True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_output_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(file_bytes(scene()))
    for words in ("styles", "stylize p.png --style udnie --engine light -o -"):
        code, said = shell(f"$IMPASTO {words} > /dev/full", tmp_path)
        assert code == 1
        assert len(said.splitlines()) == 1
        assert "No space left on device" in said


def test_an_output_without_umlauts_gets_escapes(tmp_path: Path) -> None:
    (tmp_path / "ü.png").write_bytes(file_bytes(scene()))
    ascii_only = {"LANG": "C", "PYTHONIOENCODING": "ascii"}
    code, said = shell("$IMPASTO stylize . --style udnie --engine light -o out --json", tmp_path, **ascii_only)
    assert code == 0
    assert r"\u00fc.png" in said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_end_it_without_leftovers(tmp_path: Path, number: int, code: int) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "0.png").write_bytes(file_bytes(scene()))
    words = ["stylize", "in", "--style", "udnie", "--engine", "light", "--watch", "-o", "out"]
    with subprocess.Popen(
        [*PROGRAM, *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as watching:
        try:
            wait_until((tmp_path / "out" / "0.png").exists)
            watching.send_signal(number)
            _, said = watching.communicate(timeout=30)
        finally:
            watching.kill()
    assert watching.returncode == code
    assert b"stopped" in said
    assert not list((tmp_path / "out").glob("*.part"))


def test_without_a_home_the_gallery_is_empty(
    run: Run, tmp_path: Path, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IMPASTO_HOME", "HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(user: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {user}")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert run("styles").code == 0
    assert "IMPASTO_HOME" in run("doctor").out
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.png").write_bytes(file_bytes(scene()))
    assert run("stylize", folder, "--style", painting, "--engine", "light", "-o", tmp_path / "out").code == 0
    assert_refused(run("styles", "add", painting, "--name", "mine"), 1, "no-such-folder", "IMPASTO_HOME")
    monkeypatch.setenv("SHELL", "/bin/bash")
    assert_refused(run("--install-completion"), 2, "no-such-folder", "--show-completion")


def test_a_gallery_that_cannot_be_written_says_so(run: Run, painting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_HOME", "/proc/nowhere")
    assert_refused(run("styles", "add", painting, "--name", "mine"), 1, "not-writable", "IMPASTO_HOME")


def answers(port: int) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}/", timeout=30):
            return True
    except OSError:
        return False


def is_up(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_the_page_ends_with_the_command(number: int, code: int) -> None:
    pytest.importorskip("starlette")
    pytest.importorskip("prometheus_client")
    from impasto.cli.addresses import check_free

    port = check_free("127.0.0.1", 0)
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*PROGRAM, "app", "--no-browser", "--port", str(port)], **silent) as page:
        wait_until(lambda: answers(port))
        page.send_signal(number)
        assert page.wait(30) == code
    if number != signal.SIGKILL or sys.platform == "linux":
        wait_until(lambda: not is_up(port), 10)
