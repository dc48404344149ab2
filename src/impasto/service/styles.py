"""`GET /v1/styles`: list and describe the styles of the gallery."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto.errors import ImpastoError
from impasto.service import openapi
from impasto.service.negotiation import header_of, matches
from impasto.service.owners import may_change, visitor_of
from impasto.service.service import Service, service_of
from impasto.styles.gallery import Gallery
from impasto.styles.store import Entry

_ENTRY: dict[str, Any] = {
    "type": "object",
    "required": ["name", "title", "builtin"],
    "properties": {
        **{key: {"type": "string"} for key in ("name", "title", "artist", "year", "kind", "license", "thumbnail")},
        "builtin": {"type": "boolean"},
        "mine": {"type": "boolean", "description": "True if the client may rename and remove it."},
    },
}
_NAME = openapi.in_path("name")


def routes(_service: Service) -> list[Route]:
    return [
        Route("/v1/styles", every, methods=["GET"]),
        Route("/v1/styles/{name}/thumbnail", thumbnail, methods=["GET"]),
        Route("/v1/styles/{name}", one, methods=["GET"]),
    ]


async def every(request: Request) -> Response:
    """List all styles."""
    service = service_of(request)
    entries = await asyncio.to_thread(service.gallery.entries)
    said = [told(entry, mine=may_change(entry, visitor_of(request), service)) for entry in entries]
    return JSONResponse({"styles": said})


async def one(request: Request) -> Response:
    """Describe one style."""
    service = service_of(request)
    entry = await asyncio.to_thread(found, service.gallery, request.path_params["name"])
    return JSONResponse(told(entry, mine=may_change(entry, visitor_of(request), service)))


async def thumbnail(request: Request) -> Response:
    """Send a small picture of a style's painting."""
    gallery = service_of(request).gallery
    entry = await asyncio.to_thread(found, gallery, request.path_params["name"])
    try:
        data = await asyncio.to_thread(entry.thumbnail.read_bytes)
    except FileNotFoundError:  # it was removed a moment ago
        raise _missing(gallery, entry.name) from None
    tag = f'"{hash_of(data)}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
    if matches(header_of(request, "if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type="image/jpeg")


def found(gallery: Gallery, name: str) -> Entry:
    """Return the style with a name.

    Raises:
        ImpastoError: there is no such style.
    """
    entry = next((entry for entry in gallery.entries() if entry.name == name), None)
    if entry is None:
        raise _missing(gallery, name)
    return entry


def _missing(gallery: Gallery, name: str) -> ImpastoError:
    return ImpastoError(gallery.unknown(name[:80]).message, "list all: GET /v1/styles", code="no-such-style")


def told(entry: Entry, *, mine: bool) -> dict[str, object]:
    """Describe a style to a client, without its place on disk.

    Args:
        mine: True if the client may change it.
    """
    keys = ("name", "title", "artist", "year", "kind", "license", "builtin")
    said = {key: getattr(entry, key) for key in keys} | {"mine": mine}
    return said | {"thumbnail": f"/v1/styles/{entry.name}/thumbnail"}


def hash_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def paths(_service: Service) -> dict[str, Any]:
    listed = {"type": "object", "required": ["styles"], "properties": {"styles": {"type": "array", "items": _ENTRY}}}
    small = {"description": "A JPEG.", "content": {"image/jpeg": {"schema": openapi.FILE}}}
    unchanged = {"304": {"description": "The client already has it."}}
    return {
        "/v1/styles": {
            "get": {
                "summary": "List the styles",
                "operationId": "styles",
                "responses": {"200": openapi.json("All styles.", listed)} | openapi.problems(),
            }
        },
        "/v1/styles/{name}": {
            "get": {
                "summary": "Describe one style",
                "operationId": "style",
                "parameters": [_NAME],
                "responses": {"200": openapi.json("The style.", _ENTRY)} | openapi.problems(404),
            }
        },
        "/v1/styles/{name}/thumbnail": {
            "get": {
                "summary": "Show a small picture of a style's painting",
                "operationId": "thumbnail",
                "parameters": [_NAME, openapi.IF_NONE_MATCH],
                "responses": {"200": small} | unchanged | openapi.problems(404),
            }
        },
    }
