"""`impasto web`: serve the edition that paints in the browser. This program paints nothing."""

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
"""The folder in which `make web` builds the edition, in a checkout."""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve the files of a folder, without directory lists, with the headers that let pages use threads."""

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
        self.send_header("Cache-Control", "no-cache")  # browsers ask whether a file has changed
        super().end_headers()

    def list_directory(self, path: object) -> None:  # noqa: ARG002
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@click.command(cls=Command)
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@option("--host", default="127.0.0.1", help="Address to listen on. 0.0.0.0 admits other machines.")
@option("--port", type=click.IntRange(1, 65535), default=8502, help="Port to listen on.")
@option("--browser/--no-browser", default=True, help="Open the page in the browser.")
def web(folder: Path | None, host: str, port: int, browser: bool) -> None:
    """Serve the edition that paints in the browser, as `make web` builds it.

    Any static host can serve the same FOLDER. Pictures stay on the device that opens the page. On other devices than
    this computer, browsers allow offline use and the camera only over HTTPS.
    """
    folder = folder or (BUILT if BUILT.is_dir() else Path("web") / "dist")
    if not (folder / "index.html").is_file():
        raise UsageError(
            f"{folder} does not contain the edition for browsers",
            "type make web in a clone of Impasto, which needs Node.js, then impasto web there",
            code="nothing-given",
        )
    host = host.strip("[]")  # URLs put IPv6 addresses in brackets
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
