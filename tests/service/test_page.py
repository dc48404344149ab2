"""The web page and the routes on one server."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")
pytest.importorskip("streamlit")

import streamlit
from asgi import Said, asked, request
from services import ThreadHosts

from impasto.service.app import make_app
from impasto.service.config import ServiceConfig
from impasto.service.page import WithPage
from impasto.service.service import Service


def test_what_is_no_route_is_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_APP", "")  # what is set here is taken back
    config = ServiceConfig(max_upload=7)
    both = WithPage(make_app(Service.of(ThreadHosts(), config)), config)

    async def ask(*paths: str) -> list[Said]:
        async with both.running():
            return [await asked(both, request(path)) for path in paths]

    page, health, styles, wrong, nothing = asyncio.run(
        ask("/", "/_stcore/health", "/v1/styles", "/v1/stylize", "/v1/nothing")
    )
    assert b"<html" in page.body.lower()
    assert (health.status, health.body) == (200, b"ok")
    assert b"starry-night" in styles.body
    assert wrong.code == "wrong-method"
    assert nothing.code == "no-such-page"
    assert streamlit.get_option("server.maxUploadSize") == 7
    assert streamlit.get_option("browser.gatherUsageStats") is False
