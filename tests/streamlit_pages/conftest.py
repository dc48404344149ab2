"""Streamlit pages in a real browser; left out where there is no Chromium."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is the same again after a test: Streamlit puts the page in its place."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A tab, which has spoken to no other machine in the end."""
    found = browser.new_page(viewport={"width": 1300, "height": 1000})
    found.set_default_timeout(60_000)
    hosts: set[str] = set()
    found.on("request", lambda request: hosts.add(request.url.split("/")[2].split(":")[0]))
    yield found
    found.close()
    assert {host for host in hosts if not host.endswith("localhost")} <= {"127.0.0.1", ""}
