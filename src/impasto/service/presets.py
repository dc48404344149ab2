"""`/v1/presets`: list, save and remove sets of styles and controls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto.errors import ImpastoError
from impasto.presets import store
from impasto.presets.preset import Preset
from impasto.service import openapi
from impasto.service.preset_fields import check_styles, opened
from impasto.service.service import Service, service_of
from impasto.styles.gallery import Gallery

_LARGEST = 100_000  # bytes of a preset
_NAME = openapi.in_path("name")
_SAID: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "styles": {"type": "array", "items": {"type": "object", "required": ["style", "weight"]}},
        "controls": {"type": "object", "description": "Fields of a painting, with their values."},
        "layers": {"type": "array", "items": {"type": "object", "required": ["found", "style"]}},
        "engine": {"type": "string"},
    },
}


def routes(_service: Service) -> list[Route]:
    return [
        Route("/v1/presets", every, methods=["GET"]),
        Route("/v1/presets/{name}", save, methods=["PUT"]),
        Route("/v1/presets/{name}", remove, methods=["DELETE"]),
    ]


async def every(request: Request) -> Response:
    """List the usable presets."""
    found = await asyncio.to_thread(lambda: _listed(store.names(), service_of(request).gallery))
    return JSONResponse({"presets": found}, headers={"Cache-Control": "no-cache"})


async def save(request: Request) -> Response:
    """Save a preset, or replace one."""
    service, name = service_of(request), request.path_params["name"]
    _check_changeable(service)
    body = await request.body()
    try:
        said = json.loads(body) if len(body) <= _LARGEST else None
    except (ValueError, RecursionError):
        said = None
    preset = Preset.of(said, "the body")
    check_styles(preset, service.gallery)
    new = request.headers.get("if-none-match") == "*"
    if name in store.names() and (new or not _listed([name], service.gallery)):
        raise ImpastoError(f"a preset named {name} exists already", "choose another name", code="name-taken")
    await asyncio.to_thread(store.save, name, preset, replace=not new)
    return JSONResponse(_told(name, preset))


async def remove(request: Request) -> Response:
    """Remove a preset."""
    service, name = service_of(request), request.path_params["name"]
    _check_changeable(service)
    if name not in store.names():
        raise ImpastoError(store.unknown(name[:80]).message, "list all: GET /v1/presets", code="no-such-preset")
    await asyncio.to_thread(store.remove, name)
    return Response(status_code=204)


def _listed(names: Iterable[str], gallery: Gallery) -> list[dict[str, Any]]:
    """Describe the presets that can be used here."""
    found = []
    for name in names:
        try:
            found.append(_told(name, opened(name, gallery)))
        except ImpastoError:
            continue  # the command line shows what is wrong with it
    return found


def _told(name: str, preset: Preset) -> dict[str, Any]:
    return {"name": name, **preset.as_dict()}


def changeable(service: Service) -> bool:
    """Return True if presets may be changed: on the user's own computer, where the gallery may be changed."""
    return service.at_home and service.config.learn


def _check_changeable(service: Service) -> None:
    if not changeable(service):
        raise ImpastoError(
            "presets cannot be changed on this service", "change them with impasto app", code="not-allowed"
        )


def paths(_service: Service) -> dict[str, Any]:
    one = _SAID | {"required": ["name"], "properties": {"name": {"type": "string"}, **_SAID["properties"]}}
    listed = {"type": "object", "required": ["presets"], "properties": {"presets": {"type": "array", "items": one}}}
    body = {"required": True, "content": {"application/json": {"schema": _SAID}}}
    return {
        "/v1/presets": {
            "get": {
                "summary": "List the presets",
                "operationId": "presets",
                "responses": {"200": openapi.json("The usable presets.", listed)} | openapi.problems(),
            }
        },
        "/v1/presets/{name}": {
            "put": {
                "summary": "Save a preset",
                "description": "Only on the user's own computer, with `impasto app`.",
                "operationId": "savePreset",
                "parameters": [_NAME],
                "requestBody": body,
                "responses": {"200": openapi.json("The preset.", one)} | openapi.problems(400, 403, 409, 413, 422),
            },
            "delete": {
                "summary": "Remove a preset",
                "description": "Only on the user's own computer, with `impasto app`.",
                "operationId": "removePreset",
                "parameters": [_NAME],
                "responses": {"204": {"description": "The preset is removed."}} | openapi.problems(403, 404),
            },
        },
    }
