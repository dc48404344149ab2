"""Notify a client's server that a job has ended, with a signed POST. The operator lists the allowed hosts.

The signature follows Standard Webhooks (https://www.standardwebhooks.com): the headers webhook-id, webhook-timestamp
and webhook-signature, which is "v1," and the base64 of HMAC-SHA256 over "ID.TIMESTAMP.BODY".
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from impasto.errors import ImpastoError, UsageError
from impasto.service.jobs.queue import Queue
from impasto.service.jobs.store import Job, StoreFault
from impasto.service.origins import is_address
from impasto.version import __version__

LOG = logging.getLogger("impasto.service")
SHORTEST = 24
"""The smallest length of a secret in bytes."""
_TIMEOUT = 10.0  # seconds
_POLL = 1.0  # seconds
_LONGEST = 2000  # characters of an address


class Webhooks:
    """Checks the addresses that clients give, and delivers notifications.

    Args:
        hosts: allowed host names, exactly as in the address, with :PORT if it is not the scheme's default.
        secrets: for the signature; several while one replaces another.
    """

    def __init__(self, hosts: Sequence[str], secrets: Sequence[bytes]) -> None:
        self.hosts, self.secrets = frozenset(host.lower() for host in hosts), secrets
        if hosts and not secrets:
            raise UsageError(
                "webhooks need a secret for their signature", "add --webhook-secret-file FILE", code="nothing-given"
            )

    def check(self, url: str) -> str:
        """Check and return an address that a client has given.

        Raises:
            UsageError: it is not the address of a web server.
            ImpastoError: the operator has not allowed it.
        """
        parts = _split(url)
        if _place(parts) not in self.hosts:
            raise ImpastoError(
                f"webhooks to {_place(parts)} are not allowed",
                "the operator can allow them: impasto serve --webhook-host HOST",
                code="not-allowed",
            )
        return url

    def signed(self, job: str, body: bytes, moment: int) -> dict[str, str]:
        """Return the headers of a delivery."""
        signed = f"{job}.{moment}.".encode() + body
        digests = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in self.secrets)
        signature = " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
        return {"webhook-id": job, "webhook-timestamp": str(moment), "webhook-signature": signature}

    def deliver(self, url: str, job: str, body: bytes) -> bool:
        """Send a notification once, without following redirects. This blocks. Return True if the answer is 2xx."""
        try:
            parts = _split(self.check(url))
            connection = _connection(parts)
        except (ImpastoError, OSError) as error:
            LOG.warning("cannot deliver a webhook: %s", error)
            return False
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"content-type": "application/json", "user-agent": f"impasto/{__version__}"}
        with contextlib.closing(connection):
            try:
                connection.request("POST", path, body, headers | self.signed(job, body, int(time.time())))
                return 200 <= connection.getresponse().status < 300
            except (OSError, http.client.HTTPException) as error:
                LOG.warning("cannot deliver a webhook to %s: %s", _place(parts), type(error).__name__)
                return False


def read_secrets(path: Path) -> list[bytes]:
    """Return the secrets in a file, one per line: whsec_ and base64, or any text of 24 characters or more.

    Raises:
        UsageError: the file cannot be read, or a secret is too short.
    """
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise UsageError(f"--webhook-secret-file {path}: {reason}", code="not-readable") from None
    found = []
    for line in lines:
        try:
            secret = base64.b64decode(line[6:], validate=True) if line.startswith("whsec_") else line.encode()
        except binascii.Error:
            raise UsageError(f"{path}: a secret is not base64", "write whsec_ and base64", code="malformed") from None
        if len(secret) < SHORTEST:
            raise UsageError(
                f"{path}: a secret has fewer than {SHORTEST} bytes",
                "make one: openssl rand -base64 32",
                code="too-small",
            )
        found.append(secret)
    if not found:
        raise UsageError(f"{path} contains no secret", "make one: openssl rand -base64 32", code="empty-file")
    return found


async def deliver_all(queue: Queue, webhooks: Webhooks, body: Callable[[Job], bytes]) -> None:
    """Deliver due notifications forever.

    Args:
        body: returns the body of a notification about a job.
    """
    while True:
        job = None
        with contextlib.suppress(StoreFault):
            job = await queue.claim_delivery()
        if job is None:
            await asyncio.sleep(_POLL)
            continue
        delivered = await asyncio.to_thread(webhooks.deliver, job.webhook, job.id, body(job))
        with contextlib.suppress(StoreFault):
            await queue.note_delivery(job, delivered=delivered)


def _split(url: str) -> SplitResult:
    """Return the parts of an address.

    Raises:
        UsageError: it is not the address of a web server, or it contains a user name and password.
    """
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fine = False
    if (
        not fine
        or parts.username is not None
        or len(url) > _LONGEST
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        raise UsageError("the webhook is not the address of a web server", "use https://HOST/PATH", code="malformed")
    return parts


def _place(parts: SplitResult) -> str:
    """Return HOST, or HOST:PORT if the port is not the scheme's default."""
    usual = {"http": 80, "https": 443}[parts.scheme]
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return host if parts.port in (None, usual) else f"{host}:{parts.port}"


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    """Open a connection to the single address to which the name resolves now.

    Raises:
        ImpastoError: the name resolves to this machine or to a service of its network, but the operator has allowed
            only the name.
        OSError: the name is unknown.
    """
    host = parts.hostname or ""
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    address = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
    if host != "localhost" and not is_address(host) and _is_inside(address):
        raise ImpastoError(
            f"{host} resolves to {address}, a private address",
            "the operator can allow it: impasto serve --webhook-host HOST",
            code="not-allowed",
        )
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=ssl.create_default_context())
    else:
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)

    def connect(_: object, timeout: float, source: object = None) -> socket.socket:  # noqa: ARG001
        return socket.create_connection((address, port), timeout)

    connection._create_connection = connect  # type: ignore[attr-defined]  # the name is not looked up again
    return connection


def _is_inside(address: str) -> bool:
    """Return True if an address belongs to this machine or its host. Other machines' names must not resolve to it."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified or found.is_reserved
