"""The command that serves the page: addresses and ports."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from helpers import Outcome, assert_refused

from impasto.cli.addresses import address

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")


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
