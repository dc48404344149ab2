"""`impasto web`: serve the edition that paints in the browser; nothing is painted here."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
import time
import webbrowser
from pathlib import Path

import click

from impasto.cli.addresses import address, addresses, listening
from impasto.cli.app import has_screen
from impasto.cli.command import Command, option
from impasto.errors import UsageError

BUILT = Path(__file__).resolve().parents[3] / "web" / "dist"
"""Where `make web` builds it in a checkout."""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Sends the files of a folder, without lists of it, to pages that are isolated and so may use threads."""

    protocol_version = "HTTP/1.1"
    extensions_map = {  # noqa: RUF012 - as the base class has it
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".webmanifest": "application/manifest+json",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".webp": "image/webp",
        ".wasm": "application/wasm",
        "": "application/octet-stream",
    }

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")  # it is asked whether a file has changed
        super().end_headers()

    def list_directory(self, path: object) -> None:  # noqa: ARG002
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@click.command(cls=Command)
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@option("--host", default="127.0.0.1", help="Address to listen on; 0.0.0.0 lets others in.")
@option("--port", type=click.IntRange(1, 65535), default=8502, help="Port.")
@option("--browser/--no-browser", default=True, help="Open it in the browser.")
def web(folder: Path | None, host: str, port: int, browser: bool) -> None:
    """Serve the edition that paints in the browser, as `make web` builds it.

    Any static host serves the same FOLDER. Pictures stay on the device that opens the page; on other devices than this
    one, browsers keep it for use offline, and allow the camera, only over HTTPS.
    """
    folder = folder or BUILT
    if not (folder / "index.html").is_file():
        raise UsageError(
            f"{folder} holds no edition for browsers",
            "make web builds web/dist in a checkout of Impasto; impasto web FOLDER serves another one",
            code="nothing-given",
        )
    host = host.strip("[]")  # as IPv6 addresses stand in URLs
    with listening(host, port) as place:
        server = http.server.ThreadingHTTPServer(
            place.getsockname()[:2], functools.partial(Handler, directory=str(folder)), bind_and_activate=False
        )
        server.socket.close()
        server.socket = place
        url = address(host, place.getsockname()[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"Impasto for browsers is at {addresses(host, place.getsockname()[1])}  (Ctrl-C ends it)", flush=True)
        if browser and has_screen():
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
