"""Who may ask the service, how often and how much."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from helpers import refused, wait_until

pytest.importorskip("starlette")

from asgi import Said, ask, asked, echo, request
from starlette.types import Message

from impasto.errors import UsageError
from impasto.service.body import Body
from impasto.service.config import ServiceConfig
from impasto.service.keys import OPEN, Keyring
from impasto.service.limits import Access, limited
from impasto.service.origins import check_origin
from impasto.service.rates import Rates

KEY, OTHER = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.txt"
    path.write_text(f"# ours\n\nshop: {KEY}\n{OTHER}\n")
    path.chmod(0o600)
    return path


def service(access: Access | None = None, **settings: Any) -> Any:
    return limited(echo, access or Access(), ServiceConfig(**settings))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("paint.example", 200),
        ("evil.example:8080", 403),
        ("localhost.evil.example", 403),
        ("[::1", 403),
        ("shop@localhost", 403),
        ("localhost:<b>", 403),
        ("", 400),
    ],
)
def test_on_loopback_only_its_own_names_are_answered(host: str, status: int) -> None:
    assert ask(service(Access(allowed_hosts=("paint.example",))), host=host).status == status


def test_elsewhere_any_name_is_answered_unless_names_are_given() -> None:
    assert ask(service(Access("0.0.0.0")), host="studio.example").status == 200
    assert ask(service(Access("0.0.0.0", allowed_hosts=("paint.example",))), host="studio.example").status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://localhost:8080"}, 200),
        ({"origin": "https://shop.example"}, 200),
        ({"origin": "http://localhost:3000"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://shop.example.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "no-cors"}, 403),
        ({"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_other_sites_are_refused(method: str, headers: dict[str, str], status: int) -> None:
    app = service(Access(origins=("https://shop.example",)))
    assert ask(app, method=method, **headers).status == status


def test_a_web_socket_of_another_sites_page_is_refused() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {**request(origin="https://evil.example"), "type": "websocket"}
    asyncio.run(service()(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_cors_is_off_until_a_site_is_named() -> None:
    wish = {"method": "OPTIONS", "access_control_request_method": "POST", "access_control_request_headers": "x-api-key"}
    shop = "https://shop.example"
    assert not {name for name in ask(service(), origin="").headers if name.startswith("access-control")}
    assert ask(service(), origin=shop, **wish).status == 403
    app = service(Access(origins=(shop,)))
    preflight = ask(app, origin=shop, **wish)
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == shop
    assert "X-API-Key" in preflight.headers["access-control-allow-headers"]
    answer = ask(app, origin=shop)
    assert answer.headers["access-control-allow-origin"] == shop
    readable = answer.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Impasto-Notes", "Impasto-Size"} <= set(readable)


@pytest.mark.parametrize(
    "text", ["*", "https://*.example", "shop.example", "https://shop.example/page", "https://a:b@c"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with refused(UsageError, "malformed", text):
        check_origin(text)


def test_a_key_is_needed_where_there_are_keys(keys: Path) -> None:
    app = service(Access(keyring=Keyring(keys)))
    without = ask(app, "/v1/styles")
    assert (without.status, without.code) == (401, "no-key")
    assert without.headers["www-authenticate"].startswith("Bearer")
    assert ask(app, "/v1/styles", authorization=f"Bearer {KEY[:-1]}").status == 401
    assert ask(app, "/v1/styles", authorization="Bearer é").status == 401
    assert ask(app, "/v1/styles", authorization=f"Basic {_basic(KEY)}").status == 401
    for known in (
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {OTHER} "},
        {"x_api_key": f"{OTHER} "},
    ):
        assert ask(app, "/v1/styles", **known).status == 200
    assert ask(app, "/metrics").status == 401
    assert all(ask(app, path).status == 200 for path in OPEN)


@pytest.mark.parametrize(("path", "said"), [("/v1/images/edits", True), ("/v1/models", True), ("/v1/stylize", False)])
def test_openais_clients_read_why_they_are_refused(keys: Path, path: str, said: bool) -> None:
    answer = json.loads(ask(service(Access(keyring=Keyring(keys))), path).body)
    assert answer["code"] == "no-key"
    assert (answer.get("error", {}).get("code") == "no-key") == said


def test_browsers_give_the_key_as_a_password_where_there_is_a_page(keys: Path) -> None:
    app = service(Access(keyring=Keyring(keys), page=True))
    ways = ask(app, "/").headers["www-authenticate"].splitlines()
    assert ways == ['Bearer realm="impasto"', 'Basic realm="impasto"']  # in one line, Chromium would not ask
    assert ask(app, "/", authorization=f"Basic {_basic(KEY)}").status == 200
    assert ask(app, "/", authorization=f"Basic {_basic(KEY[:-1])}").status == 401
    assert ask(app, "/", authorization="Basic !").status == 401


def _basic(key: str) -> str:
    return base64.b64encode(f"me:{key}".encode()).decode()


def test_keys_are_told_apart_by_name_and_read_again(keys: Path) -> None:
    ring = Keyring(keys)
    unnamed = ring.name_of(OTHER)
    assert ring.name_of(KEY) == "shop"
    assert unnamed
    assert OTHER[:4] not in unnamed
    keys.write_text(f"{OTHER}\n")
    ring.reload()
    assert ring.name_of(KEY) is None
    assert ring.name_of(OTHER) == unnamed  # wherever it stands: jobs belong to it
    keys.write_text("short\n")
    with refused(UsageError, "malformed", "line 1"):
        ring.reload()
    assert ring.name_of(OTHER) == unnamed


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty-file"), ("# none\n", "empty-file"), ("secret\n", "malformed"), ("a b c\n", "malformed")],
)
def test_files_without_usable_keys_are_refused(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "keys.txt"
    path.write_text(text)
    with refused(UsageError, code) as caught:
        Keyring(path)
    assert "secret" not in str(caught.value)


def test_a_keys_file_that_cannot_be_read_is_refused(tmp_path: Path, keys: Path) -> None:
    with refused(UsageError, "no-such-file"):
        Keyring(tmp_path / "none.txt")
    with refused(UsageError, "not-a-file"):
        Keyring(tmp_path)
    keys.chmod(0o644)
    with pytest.warns(UserWarning, match="other users can read"):
        Keyring(keys)


def test_requests_a_minute_are_counted_by_key_or_address(keys: Path) -> None:
    now = [0.0]
    app = Rates(echo, 2, clock=lambda: now[0])

    def status(**who: str) -> int:
        return asyncio.run(asked(app, request("/v1/styles", **who))).status

    assert [status(client="192.0.2.1") for _ in range(3)] == [200, 200, 429]
    assert status(client="192.0.2.2") == 200
    assert [status(client=f"2001:db8::{host}") for host in (1, 2, 3)] == [200, 200, 429]  # one network
    answer = asyncio.run(asked(app, request("/v1/styles", client="192.0.2.1")))
    assert (answer.code, answer.headers["retry-after"]) == ("too-often", "30")
    assert ask(app, "/healthz", client="192.0.2.1").status == 200
    now[0] += 30
    assert [status(client="192.0.2.1") for _ in range(2)] == [200, 429]
    both = service(Access(keyring=Keyring(keys)), requests_per_minute=1)
    assert [ask(both, "/a", x_api_key=key).status for key in (KEY, KEY, OTHER)] == [200, 429, 200]


def test_buckets_are_bounded() -> None:
    rates = Rates(echo, 5, most=3)
    for number in range(10):
        rates.take(str(number))
    assert len(rates._buckets) == 3


def test_a_body_above_the_limit_is_refused_before_or_while_it_is_read() -> None:
    app = Body(echo, 1000, 10_000_000)
    told = ask(app, method="POST", content_length="2000000")
    assert (told.status, told.code) == (413, "too-large")
    grown = ask(app, method="POST", parts=[b"x" * 600_000] * 3, transfer_encoding="chunked")
    assert (grown.status, grown.code) == (413, "too-large")
    assert ask(app, method="POST", parts=[b"ab", b"c"], transfer_encoding="chunked").body == b"abc"
    assert app.held == 0


def test_what_all_requests_hold_is_bounded() -> None:
    async def both() -> tuple[Said, Said]:
        reading, go = asyncio.Event(), asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/slow":
                await receive()
                reading.set()
                await go.wait()
            await echo(scope, receive, send)

        app = Body(slow, 1000, 1000)
        first = asyncio.create_task(asked(app, request("/slow", "POST"), [b"x" * 900, b"x"]))
        await reading.wait()
        second = await asked(app, request("/", "POST", content_length="200"))
        go.set()
        return await first, second

    first, second = asyncio.run(both())
    assert first.status == 200
    assert (second.status, second.code) == (429, "busy")
    assert int(second.headers["retry-after"]) >= 1


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Body(echo, 1000, 1000, patience=0.05)(request("/", "POST"), never, send))
    assert sent[0]["status"] == 408


def test_an_application_that_answers_all_the_same_does_not_hide_the_refusal() -> None:
    async def stubborn(scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
        except Exception:
            await echo({**scope, "path": "/deaf"}, receive, send)

    assert ask(Body(stubborn, 0, 10_000_000), parts=[b"x" * 1_000_001]).status == 413


def test_a_refusal_reaches_a_client_that_still_sends() -> None:
    """Bytes that nobody reads would reset the connection, with the answer on its way."""
    taken: list[int] = []

    async def talk() -> Said:
        app = service(max_upload=1)
        scope = request("/v1/stylize", "POST", content_length="3000000", host="evil.example")
        parts = [b"x" * 1_000_000] * 3
        coming, sent = list(parts), list[Message]()

        async def receive() -> Message:
            taken.append(1)
            part = coming.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(coming)}

        async def send(message: Message) -> None:
            sent.append({**message, "before": len(taken)})

        await app(scope, receive, send)
        assert sent[1]["more_body"]  # the client has the answer before the rest is read
        assert sent[1]["before"] == 0
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Said(sent[0]["status"], headers, sent[1]["body"])

    answer = asyncio.run(talk())
    assert (answer.status, answer.headers["connection"]) == (403, "close")
    wait_until(lambda: len(taken) == 3, 1)
