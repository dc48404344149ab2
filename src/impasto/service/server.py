"""The HTTP server. Signals are left to the program that runs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """Ends when asked to, and ignores signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self, seconds: float) -> None:
        """Accept no more connections, and close the existing ones after a time in seconds at the latest."""
        self.config.timeout_graceful_shutdown = max(0.2, seconds)  # type: ignore[assignment]  # it may be a fraction
        self.should_exit = True


def make_server(app: ASGIApp, **settings: Any) -> Server:
    """Make a server without a log and without its name in the answers.

    Args:
        settings: further settings of `uvicorn.Config`.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # invalid requests of clients must not fill the log
    return Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            headers=[("X-Content-Type-Options", "nosniff")],
            **settings,
        )
    )
