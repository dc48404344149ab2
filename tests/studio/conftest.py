"""The studio in a real browser, on a service of its own; left out where there is no Chromium."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import file_bytes, scene
from visitors import Studio

WAIT = 60_000
OF_THE_STRIP = re.compile(r"/painted\?side=320(&at=[\d.]+)?&style=[^&]+$")


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
def visit(browser: Any, address: str, tmp_path: Path) -> Iterator[Callable[..., Studio]]:
    """Makes visitors, each with a browser's profile of its own.

    The strip's 32 pictures of each photo are painted where `strip` asks for it. Elsewhere one picture stands for all.
    """
    contexts = []
    stand_in = file_bytes(scene(32, 24), "JPEG")

    def make(strip: bool = False, **options: Any) -> Studio:
        folder = tmp_path / f"visitor{len(contexts)}"
        folder.mkdir()
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 850}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        studio = Studio(page, address, folder)
        page.on("pageerror", lambda error: studio.faults.append(str(error)))
        page.on("console", lambda line: line.type == "error" and studio.faults.append(line.text))
        page.on("request", lambda request: studio.hosts.add(request.url.split("/")[2] if "//" in request.url else ""))
        if not strip:
            page.route(OF_THE_STRIP, lambda route: route.fulfill(content_type="image/jpeg", body=stand_in))
        studio.open()
        return studio

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def studio(visit: Callable[..., Studio]) -> Studio:
    return visit()
