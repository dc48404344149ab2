"""The studio in a Streamlit page, without a browser: what is refused, and the service beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from helpers import refused, wait_until

pytest.importorskip("streamlit")
pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from streamlit.testing.v1 import AppTest

import impasto.streamlit
from impasto.errors import ImpastoError, UsageError
from impasto.service.beside import Beside
from impasto.streamlit import mount

ORIGIN = "http://localhost:8501"


@pytest.fixture(scope="module")
def beside() -> Iterator[Beside]:
    found = Beside([ORIGIN])
    yield found
    found.close()


def asked(service: Beside, origin: str = ORIGIN, host: str = "127.0.0.1") -> tuple[int, str | None]:
    """The status of an answer, and the origin that may read it."""
    headers = {"Origin": origin, "Host": f"{host}:{service.port}", "Sec-Fetch-Site": "cross-site"}
    request = urllib.request.Request(f"http://127.0.0.1:{service.port}/v1/styles", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers["Access-Control-Allow-Origin"]
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Access-Control-Allow-Origin"]


def test_the_page_may_use_the_service_beside_it(beside: Beside) -> None:
    assert beside.alive()
    assert asked(beside) == (200, ORIGIN)


@pytest.mark.parametrize("origin", ["http://localhost:8502", "https://localhost:8501", "http://evil.example", "null"])
def test_other_pages_may_not(beside: Beside, origin: str) -> None:
    assert asked(beside, origin) == (403, None)


def test_nor_under_another_name(beside: Beside) -> None:
    assert asked(beside, host="evil.example")[0] == 403


def test_it_ends_when_it_is_closed() -> None:
    service = Beside([ORIGIN])
    service.close()
    assert not service.alive()
    with pytest.raises(OSError):
        asked(service)


def test_it_ends_with_the_program_that_is_killed() -> None:
    program = (
        "import time\n"
        "from impasto.service.beside import Beside\n"
        f"print(Beside(['{ORIGIN}']).port, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        port = int(started.stdout.readline())
        address = f"http://127.0.0.1:{port}/healthz"
        urllib.request.urlopen(address, timeout=60).close()
        started.kill()

    def gone() -> bool:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            return True
        return False

    wait_until(gone)


def test_what_does_not_start_says_why() -> None:
    with refused(ImpastoError, "malformed", "not an origin"):
        Beside(["not an origin"])


@pytest.mark.parametrize("server", ["paint.example", "ftp://paint.example", "http://", "https://paint.example/?a=b"])
def test_a_server_is_named_by_its_address(server: str) -> None:
    with refused(UsageError, "malformed", server):
        impasto.streamlit.studio(server)


def test_it_is_not_lower_than_a_picture_needs() -> None:
    with refused(UsageError, "out-of-range", "100"):
        impasto.streamlit.studio("", height=100)


@pytest.mark.parametrize(
    ("server", "data"),
    [
        ("https://paint.example/", "https://paint.example"),
        ("http://[::1]:8080/paint", "http://[::1]:8080/paint"),
        ("", ""),
    ],
)
def test_it_is_mounted_and_has_exported_nothing_at_first(server: str, data: str) -> None:
    def script(server: str) -> None:
        import streamlit as st

        import impasto.streamlit

        st.write(f"exported: {impasto.streamlit.studio(server, height=500, key='studio')}")

    app = AppTest.from_function(script, args=(server,), default_timeout=60).run()
    assert not app.exception
    assert app.markdown[0].value == "exported: None"
    (component,) = app.get("bidi_component")
    assert component.proto.component_name == "impasto-studio"
    assert json.loads(component.proto.json) == {"server": data, "height": 500}


def test_one_service_is_started_for_all_runs(monkeypatch: pytest.MonkeyPatch, beside: Beside) -> None:
    started: list[object] = []

    class Counted:
        port = beside.port

        def __init__(self, origins: object) -> None:
            started.append(origins)
            self.lives = True

        def alive(self) -> bool:
            return self.lives

    monkeypatch.setattr(mount, "Beside", Counted)
    monkeypatch.setattr(mount, "_services", [])
    app = AppTest.from_string("import impasto.streamlit\nimpasto.streamlit.studio()", default_timeout=60)
    for _ in range(2):
        assert not app.run().exception
    assert started == [("http://localhost:8501", "http://127.0.0.1:8501", "http://[::1]:8501")]
    mount._services[-1].lives = False  # type: ignore[attr-defined]
    app.run()
    assert len(started) == 2
