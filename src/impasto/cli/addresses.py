"""Addresses and ports to listen on, and how people call them."""

from __future__ import annotations

import errno
import socket

from impasto.errors import UsageError

ALL = ("0.0.0.0", "::", "")  # noqa: S104  it is compared, not listened on
_BACKLOG = 2048  # connections that may wait to be taken


def address(host: str, port: int) -> str:
    """The URL of a server in a browser on this machine."""
    if host in (*ALL, "127.0.0.1", "::1"):
        host = "localhost" if "." in host else "[::1]"
    elif ":" in host:
        host = f"[{host}]"
    return f"http://{host}:{port}"


def in_the_network() -> str:
    """This machine's address as its neighbors see it; nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # no machine has it
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


def addresses(host: str, port: int) -> str:
    """Return a server's URL, and the one for other machines if `host` lets them in."""
    others = f", for others at {address(in_the_network(), port)}" if host in ALL else ""
    return address(host, port) + others


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on an address. Port 0 is one that is free.

    Raises:
        UsageError: another program has the port, or this machine has no such address.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise UsageError(f"there is no address {host}", "--host 127.0.0.1", code="no-device") from None
    kind, _, _, _, place = found[0]
    taken = socket.socket(kind)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(place)
        taken.listen(_BACKLOG)
    except OSError as error:
        taken.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"port {port} of {host} is taken", f"--port {port % 65535 + 1}", code="in-use") from None
        raise UsageError(f"cannot listen on port {port} of {host}: {error.strerror}", code="no-device") from None
    return taken


def check_free(host: str, port: int) -> int:
    """Refuse an address or a port on which a server could not listen. The port; a free one for 0.

    Raises:
        UsageError: as `listening`.
    """
    with listening(host, port) as taken:
        return int(taken.getsockname()[1])
