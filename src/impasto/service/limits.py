"""What stands before the routes: who may ask, how often and how much."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from impasto.service.body import Body
from impasto.service.config import ServiceConfig
from impasto.service.keys import Keyring, Keys
from impasto.service.linger import Linger
from impasto.service.origins import HERE, Origins
from impasto.service.rates import Rates

_HEARD = ("Authorization", "X-API-Key", "Impasto-Visitor", "Content-Type", "If-None-Match")
_HEARD_OF_JOBS = ("Last-Event-ID", "Idempotency-Key")
_TOLD = ("ETag", "Location", "Retry-After", "Server-Timing", "Impasto-Notes", "Impasto-Size")


@dataclass(frozen=True)
class Access:
    """Who may use the service.

    Attributes:
        host: that it listens on.
        keyring: None lets all in who reach it.
        origins: of web pages that may use it, beside its own.
        allowed_hosts: names by which it is asked for, beside `host`.
        page: whether browsers use it.
        by_number: whether it may be asked for by any address in numbers: no page can have one bound to it anew.
    """

    host: str = "127.0.0.1"
    keyring: Keyring | None = None
    origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    page: bool = False
    by_number: bool = False

    @property
    def at_home(self) -> bool:
        """Whether only whoever runs the service reaches it."""
        return is_loopback(self.host) and self.keyring is None and not self.allowed_hosts

    def hosts(self) -> tuple[str, ...] | None:
        """What the Host header may name: on loopback this machine; elsewhere anything, unless names are given."""
        if is_loopback(self.host) or self.allowed_hosts:
            return (*HERE, self.host, *self.allowed_hosts)
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host in HERE or host.startswith("127.")


def limited(app: ASGIApp, access: Access, config: ServiceConfig) -> ASGIApp:
    """The application behind its limits. What costs least is asked first."""
    if config.requests_per_minute:
        app = Rates(app, config.requests_per_minute)
    if access.keyring is not None:
        app = Keys(app, access.keyring, page=access.page)
    app = Body(app, config.max_upload * 1_000_000, config.queue_megabytes * 1_000_000)
    if access.origins:
        app = CORSMiddleware(
            app,
            allow_origins=access.origins,
            allow_methods=("GET", "POST", "PATCH", "DELETE"),
            allow_headers=(*_HEARD, *_HEARD_OF_JOBS),
            expose_headers=_TOLD,
        )
    app = Origins(app, access.origins, access.hosts(), by_number=access.by_number)
    return Linger(app)
