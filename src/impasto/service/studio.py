"""The studio: the page at `/`, made of static files, which asks this service and nobody else."""

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
"""What is served, by its ending; nothing else is."""
SAMPLE = ASSETS / "samples" / "colosseum.jpg"
"""What the page shows until a photo is opened, as `sample.jpg`."""
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
    """Serves a folder's files at paths that no route has.

    Args:
        folder: read at each request, so that a page under work shows its changes.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a file. Raises HTTPException if there is none of that name."""
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
        """A file's bytes; None if the folder has none of that name, or it is not to be served."""
        files = {file.relative_to(self.folder).as_posix(): file for file in self.folder.rglob("*") if _is_served(file)}
        files["sample.jpg"] = SAMPLE
        return files[name].read_bytes() if name in files else None


def _is_served(file: Path) -> bool:
    return file.suffix in TYPES and file.is_file() and not file.is_symlink() and not file.name.startswith(".")
