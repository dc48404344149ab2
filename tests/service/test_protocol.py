"""Connections whose requests do not come: they are closed, and others are answered meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from helpers import wait_until

pytest.importorskip("uvicorn")
pytest.importorskip("httptools")

import uvicorn
from asgi import echo

from impasto.service import protocol


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "UNREAD_SECONDS", 0.5)
    options = {"lifespan": "off", "log_config": None, "access_log": False, "timeout_keep_alive": 30}
    server = uvicorn.Server(uvicorn.Config(echo, port=0, http=protocol.Protocol, **options))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


def told(connection: socket.socket) -> bytes:
    """All that is said until the connection is closed."""
    connection.settimeout(10)
    found = b""
    while piece := connection.recv(4096):
        found += piece
    return found


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"GET / HTTP/1.1\r\nhost: localhost\r\n", b"GE"])
def test_a_head_that_does_not_end_is_not_waited_for(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(begun)
        assert b"408 Request Timeout" in told(slow)


def test_a_second_head_that_does_not_end_is_not_waited_for_either(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HTTP/1.1\r\n")
        answers = told(slow)
    assert answers.index(b"200 OK") < answers.index(b"408 Request Timeout")


def test_a_body_may_take_longer(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\na")
        slow.settimeout(0.6)
        with pytest.raises(TimeoutError):
            slow.recv(1)
        slow.sendall(b"b")
        assert told(slow).endswith(b"ab")


@pytest.mark.parametrize(
    "sent",
    [
        b"no request at all\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nx: a\0b\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_request_is_told_so_as_a_problem(port: int, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent)
        head, _, body = told(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "malformed"


@pytest.mark.parametrize("line", [b"x-filler: " + b"y" * 1000 + b"\r\n", b"y" * 1000])
def test_a_head_that_is_too_large_is_refused(port: int, line: bytes) -> None:
    """Many headers, or one without an end."""
    with socket.create_connection(("127.0.0.1", port)) as large:
        large.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-first: ")
        sent = 0
        try:
            while sent < 10_000_000:
                large.sendall(line)
                sent += len(line)
        except ConnectionError:
            pass
    assert sent < 10_000_000
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/", b"x" * 300_000, {"X-Filler": "y" * 30_000})
    assert len(connection.getresponse().read()) == 300_000


_LARGE = 20_000_000  # bytes; more than the system keeps for a reader


def _wanted(slow: socket.socket) -> None:
    """Have a large answer sent."""
    slow.sendall(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % _LARGE + b"x" * _LARGE)
    slow.settimeout(20)


def test_an_answer_that_is_not_read_is_given_up(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as slow:
        _wanted(slow)
        time.sleep(1.5)
        found = 0
        with contextlib.suppress(ConnectionError):
            while piece := slow.recv(1 << 20):
                found += len(piece)
    assert 0 < found < _LARGE


def test_an_answer_that_is_read_slowly_is_sent_to_its_end(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as slow:
        _wanted(slow)
        found = b""
        while len(found) < _LARGE:
            more = len(found) + 5_000_000
            while len(found) < min(more, _LARGE):
                found += slow.recv(1 << 20)
            time.sleep(0.3)
    assert found.endswith(b"x")
