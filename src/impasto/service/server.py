"""The server that speaks HTTP, with signals left to whoever runs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp


class Server(uvicorn.Server):
    """Ends when it is asked to, and never by a signal of its own hearing."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self, seconds: float) -> None:
        """Take no more connections, and close those that there are after so many seconds at the latest."""
        self.config.timeout_graceful_shutdown = max(0.2, seconds)  # type: ignore[assignment]  # it may be a fraction
        self.should_exit = True


def make_server(app: ASGIApp, **settings: Any) -> Server:
    """A server without a log and without its name in the answers.

    Args:
        settings: further ones, of `uvicorn.Config`.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # who sends nonsense shall not fill the log
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
