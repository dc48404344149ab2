"""The command that serves the studio: addresses, ports, and who may ask."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from asgi import ask, echo
from helpers import Outcome, assert_refused

from impasto.cli.addresses import address
from impasto.service.jobs.jobs import open_store
from impasto.service.origins import Origins
from impasto.service.personal import Personal, access


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://localhost:8501"),
        ("0.0.0.0", "http://localhost:8501"),
        ("::", "http://[::1]:8501"),
        ("::1", "http://[::1]:8501"),
        ("fe80::2", "http://[fe80::2]:8501"),
        ("studio.local", "http://studio.local:8501"),
    ],
)
def test_the_address_can_be_clicked(host: str, url: str) -> None:
    assert address(host, 8501) == url


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_that_is_taken_is_refused(run: Callable[..., Outcome], host: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
        try:
            listening.bind((host, 0))
        except OSError:
            pytest.skip("no IPv6 here")
        listening.listen()
        port = listening.getsockname()[1]
        assert_refused(run("app", "--host", host, "--port", port), 2, "in-use", str(port))


def test_a_host_that_is_none_of_this_machine_is_refused(run: Callable[..., Outcome]) -> None:
    assert_refused(run("app", "--host", "192.0.2.7"), 2, "no-device", "192.0.2.7")
    assert_refused(run("app", "--host", "no host"), 2, "no-device", "no host")


def test_the_page_is_asked_for_without_a_proxy(run: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert "the page answers" in run("app", "--check").out


def test_on_loopback_this_computer_alone_is_answered() -> None:
    here = access("127.0.0.1")
    assert here.at_home
    assert here.page
    app = Origins(echo, (), here.hosts(), by_number=here.by_number)
    assert ask(app, host="localhost:8501").status == 200
    for host in ("evil.example:8501", "192.168.1.7:8501"):
        assert ask(app, host=host).code == "not-allowed"


def test_in_a_network_it_has_this_computers_names_and_numbers() -> None:
    """A page whose name is bound to this address anew asks by that name."""
    there = access("0.0.0.0")
    assert not there.at_home
    app = Origins(echo, (), there.hosts(), by_number=there.by_number)
    for host in ("localhost:8501", "192.168.1.7:8501", "[fe80::1]:8501", f"{socket.gethostname()}:8501"):
        assert ask(app, host=host).status == 200, host
    assert ask(app, host="evil.example:8501").code == "not-allowed"
    assert ask(app, host="192.168.1.7:8501", origin="http://evil.example").code == "not-allowed"


def test_jobs_survive_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "a home"))
    config = Personal().service_config()
    store = open_store(config.jobs_url)
    asyncio.run(store.open())
    asyncio.run(store.close())
    assert (tmp_path / "a home" / "cache" / "jobs.sqlite").is_file()


def test_a_user_without_a_home_has_jobs_for_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("IMPASTO_HOME", str(tmp_path / "file"))
    assert Personal().service_config().jobs_url is None


def test_limits_are_checked(run: Callable[..., Outcome]) -> None:
    assert_refused(run("app", "--max-upload", "0"), 2, "out-of-range", "--max-upload")
