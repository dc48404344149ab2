"""The studio in a real browser, on a service of its own; left out where there is no Chromium."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from visitors import Studio

WAIT = 60_000


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    environment = os.environ | {"IMPASTO_HOME": str(home), "XDG_CACHE_HOME": str(home)}
    command = [sys.executable, "-m", "impasto", "app", "--no-browser", "--port", str(port)]
    server = subprocess.Popen([*command, "--max-pixels", "20000000"], env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=2).close()
            break
        except OSError:
            assert server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(20)


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Studio]]:
    """Makes visitors, each with a browser's profile of its own."""
    contexts = []

    def make(**options: Any) -> Studio:
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 850}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        studio = Studio(page, address)
        page.on("pageerror", lambda error: studio.faults.append(str(error)))
        page.on("console", lambda line: line.type == "error" and studio.faults.append(line.text))
        page.on("request", lambda request: studio.hosts.add(request.url.split("/")[2] if "//" in request.url else ""))
        studio.open()
        return studio

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def studio(visit: Callable[..., Studio]) -> Studio:
    return visit()
