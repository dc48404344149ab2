"""The studio: the page at `/`, made of static files, which asks this service and nobody else."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from impasto.errors import ImpastoError
from impasto.service.negotiation import header_of, matches
from impasto.service.service import Service
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
    """Serves a folder's files.

    Args:
        folder: read at each request, so that a page under work shows its changes.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def routes(self) -> list[Route]:
        """`/` and every file; the last routes, since they match anything."""
        return [Route("/{file:path}", self.answer, methods=["GET"])]

    async def answer(self, request: Request) -> Response:
        """Send a file."""
        name = request.path_params["file"] or "index.html"
        data = await asyncio.to_thread(self.read, name)
        if data is None:
            message = f"there is no {request.url.path[:200]}"
            raise ImpastoError(message, "/docs lists what there is", code="no-such-page")
        tag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
        headers = {**HEADERS, "ETag": tag}
        if matches(header_of(request, "if-none-match"), tag):
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=TYPES[Path(name).suffix])

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None if the folder has none of that name, or it is not to be served."""
        files = {file.relative_to(self.folder).as_posix(): file for file in self.folder.rglob("*") if _is_served(file)}
        files["sample.jpg"] = SAMPLE
        return files[name].read_bytes() if name in files else None


def _is_served(file: Path) -> bool:
    return file.suffix in TYPES and file.is_file() and not file.is_symlink() and not file.name.startswith(".")


def paths(_service: Service) -> dict[str, Any]:
    return {}
