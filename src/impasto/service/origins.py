"""Decide which web pages may use the service: its own, and the allowed ones."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from impasto.errors import ImpastoError, UsageError
from impasto.service.problems import problem

_HOST = re.compile(r"([\w.-]+|\[[\da-f:.]+\])(:\d{0,5})?", re.ASCII)
HERE = ("localhost", "127.0.0.1", "::1")


class Origins:
    """Refuses requests from pages of other sites, and requests for other host names.

    A browser sends a form to any address for any page. A page can also rebind its own name to this address, and then
    counts as this server's page. The Host header reveals such a page.

    Args:
        allowed: origins of pages besides the server's own, such as "https://shop.example".
        hosts: names that the Host header may contain; None for any.
        by_number: True if the Host header may also be any numeric address.
        verb: verb of the command line, for the hints.
    """

    def __init__(
        self,
        app: ASGIApp,
        allowed: Collection[str] = (),
        hosts: Collection[str] | None = None,
        *,
        by_number: bool = False,
        verb: str = "serve",
    ) -> None:
        self.app, self.allowed, self.by_number, self.verb = app, frozenset(allowed), by_number, verb
        self.hosts = None if hosts is None else frozenset(map(str.lower, hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            error = self._fault(Headers(scope=scope), scope)
            if error:
                await refuse(error, scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _fault(self, headers: Headers, scope: Scope) -> ImpastoError | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 and scope["http_version"] != "1.0":
            return ImpastoError("a request must have exactly one Host header", code="malformed")
        own = hosts[0].lower() if hosts else ""
        if self.hosts is not None and not (_name(own) in self.hosts or (self.by_number and is_address(_name(own)))):
            return ImpastoError(
                "this server does not answer under this host name",
                f"the operator can add it: impasto {self.verb} --allowed-host NAME",
                code="not-allowed",
            )
        origin = headers.get("origin")
        if origin is None:  # browsers omit it for embedded pictures and for links
            far = headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate"
        else:
            far = origin not in self.allowed and (not own or _place(origin) != own)
        if far:
            return ImpastoError(
                "pages of this site may not use this server",
                "the operator can allow it: impasto serve --cors-origin URL" if self.verb == "serve" else "",
                code="not-allowed",
            )
        return None


def check_origin(text: str) -> str:
    """Return an origin as browsers send it.

    Raises:
        UsageError: the text is not an origin, for example a page's whole address or *.
    """
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and text == f"{parts.scheme}://{parts.netloc}"
        valid = valid and "@" not in parts.netloc and "*" not in text and (parts.port or 0) >= 0
    except ValueError:
        valid = False
    if not valid:
        raise UsageError(f"{text} is not an origin", "for example --cors-origin https://shop.example", code="malformed")
    return text.lower()


async def refuse(
    error: ImpastoError, scope: Scope, receive: Receive, send: Send, headers: Sequence[tuple[str, str]] = ()
) -> None:
    """Answer a request with a problem, or refuse its web socket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    response = problem(error, scope["path"])
    for name, value in headers:
        response.headers.append(name, value)
    await response(scope, receive, send)


def _name(host: str) -> str:
    """Return the name in a Host header, without port and brackets; "" if the header is invalid."""
    parts = _HOST.fullmatch(host)
    return parts[1].strip("[]") if parts else ""


def is_address(name: str) -> bool:
    """Return True if a host is a numeric address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
