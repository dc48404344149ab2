"""The web page beside the routes, in the same process. The one place of the service that knows the page."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from impasto.app.config import PAGE, Config, streamlit_settings
from impasto.app.serve import ask_nobody, need_no_home
from impasto.errors import MissingExtra
from impasto.service.config import ServiceConfig


class WithPage:
    """Whatever is none of the routes' paths is the page's.

    Args:
        routes: the service; it keeps each first part of a path that one of its routes has.
    Raises:
        MissingExtra: Streamlit is not installed.
    """

    def __init__(self, routes: Starlette, config: ServiceConfig) -> None:
        if find_spec("streamlit") is None:
            raise MissingExtra("Streamlit, which the page needs,", "app")
        need_no_home()
        page = Config(max_upload=config.max_upload, max_pixels=config.max_pixels)
        os.environ.update(page.as_environment())
        from streamlit import config as streamlit
        from streamlit.starlette import App

        ask_nobody()
        settings = streamlit_settings(page) | {"server.headless": True}
        streamlit.get_config_options(force_reparse=True, options_from_flags=settings)
        self._routes: ASGIApp = routes
        self._kept = {_first(str(getattr(route, "path", ""))) for route in routes.routes}
        self._page = App(PAGE)
        self._lifespan = self._page.lifespan()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Within this the page answers."""
        return self._lifespan(self._page)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = scope["type"] == "http" and _first(scope["path"]) in self._kept
        await (self._routes if own else self._page)(scope, receive, send)


def _first(path: str) -> str:
    return path.lstrip("/").partition("/")[0]
