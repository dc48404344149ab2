"""Addresses and ports that servers listen on, and their URLs."""

from __future__ import annotations

import errno
import socket

from impasto.errors import UsageError

ALL = ("0.0.0.0", "::", "")  # noqa: S104  only compared with, never bound
_BACKLOG = 2048  # connections that may wait to be accepted


def address(host: str, port: int) -> str:
    """Return the URL of a server, for a browser on this machine."""
    if host in (*ALL, "127.0.0.1", "::1"):
        host = "localhost" if "." in host else "[::1]"
    elif ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}"


def in_the_network() -> str:
    """Return this machine's address in the local network. Nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation (RFC 5737), so no machine has it
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


def addresses(host: str, port: int) -> str:
    """Return a server's URL, and the URL for other machines if `host` admits them."""
    others = f", for others at {address(in_the_network(), port)}" if host in ALL else ""
    return address(host, port) + others


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Port 0 means any free port.

    Raises:
        UsageError: another program uses the port, or this machine does not have the address.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise UsageError(f"this machine has no address {host}", "--host 127.0.0.1", code="no-device") from None
    kind, _, _, _, place = found[0]
    taken = socket.socket(kind)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(place)
        taken.listen(_BACKLOG)
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} of {host} is in use", f"--port {port % 65535 + 1}", code="in-use") from None
        raise UsageError(
            f"cannot listen on port {port} of {host}: {error.strerror}",
            "choose another --port or --host",
            code="no-device",
        ) from None
    return taken


def check_free(host: str, port: int) -> int:
    """Check that a server could listen on an address, and return the port. Port 0 becomes a free port.

    Raises:
        UsageError: another program uses the port, or this machine does not have the address.
    """
    with listening(host, port) as taken:
        return int(taken.getsockname()[1])
