"""Show the studio in a Streamlit page, and start the service that paints for it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from impasto.errors import ImpastoError, UsageError
from impasto.service.beside import Beside

SCRIPT = Path(__file__).with_name("mount.js")
HEIGHT = 760
_NAMES = ("localhost", "127.0.0.1", "[::1]")
_PORTS = {"http": 80, "https": 443}
_starting = threading.Lock()
_services: list[Beside] = []


def studio(server: str | None = None, *, height: int = HEIGHT, key: str | None = None) -> dict[str, Any] | None:
    """Show the studio at this place of the page: photo, styles, brush, export.

    Without `server`, a service starts on a free port of this machine, once for all visitors and pages of this process,
    and ends with the process. Only browsers on this machine reach it. If visitors are on other machines, run `impasto
    app` where they can reach it, allow this page's origin there, and give its address.

    Args:
        server: the address of a running service, such as "https://paint.example"; "" if this page's own server provides
            it.
        height: the height of the studio in pixels, at least 200.
        key: distinguishes several studios on one page, as for Streamlit's widgets.
    Returns:
        The visitor's last export, {"name": of the file, "settings": that made it}; None before the first export.
    Raises:
        UsageError: `server` is not an address, or `height` is too small.

    A page that lists exports::

        import impasto.streamlit
        import streamlit as st

        exported = impasto.streamlit.studio()
        if exported:
            st.write(exported["name"], exported["settings"])
    """
    if height < 200:
        raise UsageError(f"height {height} is less than 200 pixels", "height=760", code="out-of-range")
    if server is not None:
        server = _checked(server)
    else:
        try:
            server = _own_service()
        except ImpastoError as error:  # it depends on the visitor, so it is shown on the page, and not raised
            st.error(str(error))
            return None
    mount = st.components.v2.component("impasto-studio", js=SCRIPT.read_text("utf-8"), isolate_styles=False)
    found = mount(key=key, data={"server": server, "height": height}, height=height, on_exported_change=lambda: None)
    exported: dict[str, Any] | None = found.exported
    return exported


def _checked(server: str) -> str:
    """Return a service's address without a trailing slash."""
    parts = urlsplit(server)
    if server and (parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment):
        raise UsageError(f"{server} is not a server's address", 'server="https://paint.example"', code="malformed")
    return server.rstrip("/")


def _own_service() -> str:
    """Return the address of the service of this process for the visitor's browser. Start the service if necessary.

    Raises:
        ImpastoError: the visitor's browser cannot reach the service, or the service cannot be started.
    """
    origins = _origins()
    page = urlsplit(st.context.url or origins[0])  # tests without a browser have no address
    if f"{page.scheme}://{page.netloc}" not in origins:
        message = f"visitors at {page.netloc} cannot reach the studio's server, which serves {origins[0]}"
        raise ImpastoError(message, 'name one that they can reach: studio(server="https://...")', code="not-allowed")
    with _starting:
        if not (_services and _services[-1].alive()):
            _services[:] = [Beside(origins)]
        port = _services[-1].port
    # Use the page's own host name, so that browsers treat both as the same site.
    host = "127.0.0.1" if ":" in str(page.hostname) else page.hostname
    return f"http://{host}:{port}"


def _origins() -> tuple[str, ...]:
    """Return this page's origins, as browsers on this machine name them."""
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    port = st.get_option("server.port")
    return tuple(f"{scheme}://{name}" + ("" if port == _PORTS[scheme] else f":{port}") for name in _NAMES)
