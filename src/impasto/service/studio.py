"""Serve the studio: the page at `/`, which consists of static files and sends requests only to this service."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from impasto.service.negotiation import header_of, matches
from impasto.system.files import ASSETS

FOLDER = Path(__file__).parent.parent / "studio"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}
"""The kinds of files that are served, by suffix. No other files are served."""
SAMPLE = ASSETS / "samples" / "colosseum.jpg"
"""The picture that the page shows as `sample.jpg` until a photo is opened."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Studio:
    """Serves the files of a folder at paths that have no route.

    Args:
        folder: read at each request, so that changes of a page in development show at once.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a file. Raise an HTTPException if there is no such file."""
        name = scope["path"].removeprefix("/") or "index.html"
        data = await asyncio.to_thread(self.read, name) if scope.get("method") in ("GET", "HEAD") else None
        if data is None:
            raise HTTPException(404)
        tag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
        headers = {**HEADERS, "ETag": tag}
        answer = Response(data, headers=headers, media_type=TYPES[Path(name).suffix])
        if matches(header_of(Request(scope), "if-none-match"), tag):
            answer = Response(status_code=304, headers=headers)
        await answer(scope, receive, send)

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if the file does not exist or must not be served."""
        files = {file.relative_to(self.folder).as_posix(): file for file in self.folder.rglob("*") if _is_served(file)}
        files["sample.jpg"] = SAMPLE
        return files[name].read_bytes() if name in files else None


def _is_served(file: Path) -> bool:
    return file.suffix in TYPES and file.is_file() and not file.is_symlink() and not file.name.startswith(".")
