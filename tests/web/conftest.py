"""The edition for browsers; its tests are left out where `make web` has not built it, or there is no Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hosts import Host

from impasto.cli.web import BUILT


@pytest.fixture
def host() -> Iterator[Host]:
    if not (BUILT / "index.html").is_file():
        pytest.skip("make web has not built the edition for browsers")
    server = Host(BUILT)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
