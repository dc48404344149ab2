"""Webhooks: signed as Standard Webhooks says, to hosts that were named, and to no others."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import refused, wait_until
from job_listener import Listener

from impasto.errors import ImpastoError, UsageError
from impasto.service.jobs.queue import Bounds, Queue
from impasto.service.jobs.sqlite import SqliteStore
from impasto.service.jobs.store import Job
from impasto.service.jobs.webhook import Webhooks, deliver_all, read_secrets

SECRET = bytes(range(32))


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        yield server


def test_the_signature_is_that_of_the_convention(listener: Listener) -> None:
    body = json.dumps({"id": "abc", "state": "done"}).encode()
    assert Webhooks([listener.place], [SECRET]).deliver(f"http://{listener.place}/done?for=me", "abc", body)
    path, headers, heard = listener.heard[0]
    assert (path, heard, headers["content-type"]) == ("/done?for=me", body, "application/json")
    assert headers["webhook-id"] == "abc"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 10
    signed = b".".join([b"abc", headers["webhook-timestamp"].encode(), body])
    expected = base64.b64encode(hmac.digest(SECRET, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_the_example_of_the_convention_gives_its_signature() -> None:
    """From the specification of Standard Webhooks."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = Webhooks([], [secret]).signed("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_two_secrets_give_two_signatures(listener: Listener) -> None:
    headers = Webhooks([], [SECRET, SECRET[::-1]]).signed("a", b"body", 1)
    expected = [
        base64.b64encode(hmac.new(key, b"a.1.body", hashlib.sha256).digest()).decode() for key in (SECRET, SECRET[::-1])
    ]
    assert headers["webhook-signature"].split() == [f"v1,{text}" for text in expected]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://evil.example.org/",
        "https://hooks.example.org.evil.org/",
        "https://hooks.example.org:8443/",
    ],
)
def test_nobody_else_is_told(url: str) -> None:
    with refused(ImpastoError, "not-allowed"):
        Webhooks(["hooks.example.org"], [SECRET]).check(url)
    with refused(ImpastoError, "not-allowed"):
        Webhooks([], []).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "http://",
        "https://me:secret@hooks.example.org/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nx: y",
        "https://[::1/",
        "https://hooks.example.org/" + "a" * 3000,
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with refused(UsageError, "malformed"):
        Webhooks(["hooks.example.org"], [SECRET]).check(url)


def test_the_allowed_one_is_taken_in_any_case() -> None:
    hooks = Webhooks(["Hooks.example.org", "[::1]:81"], [SECRET])
    for url in (
        "https://hooks.example.org/x",
        "HTTP://HOOKS.EXAMPLE.ORG",
        "https://hooks.example.org:443/",
        "http://[::1]:81/",
    ):
        assert hooks.check(url) == url


def test_a_name_that_stands_for_this_machine_is_not_followed(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = listener.server_address[1]
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))],
    )
    place = f"hooks.example.org:{port}"
    assert not Webhooks([place], [SECRET]).deliver(f"http://{place}/", "a", b"{}")
    assert not listener.heard


def test_the_name_is_looked_up_once(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    port, asked = listener.server_address[1], []

    def look_up(host: str, *_: object, **__: object) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert Webhooks([f"localhost:{port}"], [SECRET]).deliver(f"http://localhost:{port}/", "a", b"{}")
    assert [host for host in asked if host != "127.0.0.1"] == ["localhost"]


def test_redirects_are_not_followed(listener: Listener) -> None:
    listener.answers = [302]
    assert not Webhooks([listener.place], [SECRET]).deliver(f"http://{listener.place}/first", "a", b"{}")
    assert [path for path, _, _ in listener.heard] == ["/first"]


def test_a_server_that_does_not_answer_is_no_fault() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        assert not Webhooks([place], [SECRET]).deliver(f"http://{place}/", "a", b"{}")


def test_a_job_that_has_ended_is_told_and_told_again_if_nobody_heard(listener: Listener, tmp_path: Path) -> None:
    async def main() -> Job:
        store = SqliteStore(tmp_path / "jobs")
        await store.open()
        queue = Queue(store, Bounds(10, 1000, 60))
        await queue.add(Job("a", "photo", "", 0, 0, webhook=f"http://{listener.place}/"), b"x")
        claim = await queue.claim()
        assert claim is not None
        hooks = Webhooks([listener.place], [SECRET])
        task = asyncio.create_task(deliver_all(queue, hooks, lambda job: job.state.encode()))
        assert not listener.heard
        await queue.done(claim, b"result", media_type="image/png")
        await asyncio.to_thread(wait_until, lambda: listener.heard)
        while (found := await store.get("a")) is None or found.deliver_at < found.ended + 4:
            await asyncio.sleep(0.01)
        await store.change("a", lambda job: replace(job, deliver_at=0.0))
        while (found := await store.get("a")) is None or found.delivery != "delivered":
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()
        return found

    listener.answers = [500]
    assert asyncio.run(main()).attempts == 2
    assert [body for _, _, body in listener.heard] == [b"done", b"done"]
    assert len({headers["webhook-id"] for _, headers, _ in listener.heard}) == 1


def test_secrets_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"whsec_{base64.b64encode(SECRET).decode()}\n{'x' * 24}\n")
    assert read_secrets(file) == [SECRET, b"x" * 24]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty-file"), ("short", "too-small"), ("whsec_AAAA", "too-small"), ("whsec_%%", "malformed")],
)
def test_a_bad_secret_is_refused_and_not_shown(tmp_path: Path, text: str, code: str) -> None:
    file = tmp_path / "secrets"
    file.write_text(text)
    with refused(UsageError, code) as caught:
        read_secrets(file)
    assert not text or text not in str(caught.value)


def test_no_file_is_said(tmp_path: Path) -> None:
    with refused(UsageError, "not-readable", "nothing"):
        read_secrets(tmp_path / "nothing")


def test_hosts_without_a_secret_are_refused() -> None:
    with refused(UsageError, "nothing-given"):
        Webhooks(["hooks.example.org"], [])
