"""The command that serves programs: what it refuses, and that it paints."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import Outcome, assert_refused

pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")

PROGRAM = [sys.executable, "-m", "impasto"]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.txt"
    path.write_text("0123456789abcdef\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", ""])
def test_others_are_let_in_with_a_key_or_on_purpose(run: Callable[..., Outcome], host: str) -> None:
    assert_refused(run("serve", "--host", host), 2, "nothing-given", "--api-key-file", "--open")


def test_keys_and_no_keys_contradict_each_other(run: Callable[..., Outcome], keys: Path) -> None:
    assert_refused(run("serve", "--open", "--api-key-file", keys), 2, "conflict", "--open")


def test_what_cannot_be_meant_is_refused(run: Callable[..., Outcome], tmp_path: Path) -> None:
    assert_refused(run("serve", "--api-key-file", tmp_path / "none"), 2, "no-such-file", "none")
    assert_refused(run("serve", "--workers", "many"), 2, "out-of-range", "many")
    assert_refused(run("serve", "--workers", "0"), 2, "out-of-range", "0")
    assert_refused(run("serve", "--cors-origin", "*"), 2, "malformed", "*")
    assert_refused(run("serve", "--queue-megapixels", "0"), 2, "out-of-range", "--queue-megapixels")
    assert_refused(run("serve", "--port", 0, "--jobs-url", "file.txt"), 2, "unknown-choice", "file.txt")
    assert_refused(run("serve", "--engine-hosts", "elsewhere"), 2, "usage", "elsewhere")


def test_hosts_of_webhooks_are_given_together_or_one_by_one(
    run: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, made = tmp_path / "secret", []
    secret.write_text("x" * 32)
    monkeypatch.setattr("impasto.service.run.Front.run", lambda front, *_: made.append(front.jobs.webhooks.hosts))
    words = ("serve", "--port", 0, "--webhook-secret-file", secret)
    assert run(*words, "--webhook-host", "a.example,b.example:81", "--webhook-host", "c.example").code == 0
    assert made == [{"a.example", "b.example:81", "c.example"}]


def test_threads_that_make_no_sense_are_refused_before_workers_start(
    run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_THREADS", "many")
    assert_refused(run("serve"), 2, "not-a-number", "IMPASTO_THREADS")


def test_a_port_that_is_taken_is_refused(run: Callable[..., Outcome]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert_refused(run("serve", "--port", port), 2, "in-use", str(port))


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "prometheus_client"])
def test_without_the_extra_it_says_what_to_install(
    run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert_refused(run("serve"), 1, "missing-extra", "impasto[serve]")


def test_it_paints_a_picture_to_show_that_it_does() -> None:
    done = subprocess.run([*PROGRAM, "serve", "--check", "--workers", "1"], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("the service paints")


def test_help_needs_none_of_the_services_libraries() -> None:
    code = "import sys; from impasto.cli.main import main\ntry: main()\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "serve", "--help"], capture_output=True, text=True, timeout=60)
    assert "curl -F image=@photo.jpg" in done.stdout
    assert not {"starlette", "uvicorn", "prometheus_client", "streamlit"} & set(done.stdout.split())
