"""Apply the limits before the routes: who may send requests, how many, and how large."""

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
        host: the address on which it listens.
        keyring: the keys; None admits everybody who can reach it.
        origins: of web pages that may use it, besides its own.
        allowed_hosts: names that the Host header may contain, besides `host`.
        page: True if browsers use it.
        by_number: True if the Host header may be any numeric address, which no page can rebind.
    """

    host: str = "127.0.0.1"
    keyring: Keyring | None = None
    origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    page: bool = False
    by_number: bool = False

    @property
    def at_home(self) -> bool:
        """Return True if only the operator of the service can reach it."""
        return is_loopback(self.host) and self.keyring is None and not self.allowed_hosts

    def hosts(self) -> tuple[str, ...] | None:
        """Return the allowed names in the Host header: on loopback this machine, else any unless some are given."""
        if is_loopback(self.host) or self.allowed_hosts:
            return (*HERE, self.host, *self.allowed_hosts)
        return None


def is_loopback(host: str) -> bool:
    """Return True if only this machine can reach an address."""
    return host in HERE or host.startswith("127.")


def limited(app: ASGIApp, access: Access, config: ServiceConfig) -> ASGIApp:
    """Return the application with its limits. The cheapest checks come first."""
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
