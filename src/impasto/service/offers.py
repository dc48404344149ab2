"""`GET /v1/limits`: tell a page which features and limits the service has."""

from __future__ import annotations

from dataclasses import fields
from importlib.util import find_spec
from typing import Any, Literal, get_args, get_origin

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto.controls import Controls
from impasto.engines.by_name import ENGINES
from impasto.service import openapi, presets
from impasto.service.negotiation import is_written
from impasto.service.service import Service, service_of
from impasto.service.work import MEDIA_TYPES
from impasto.settings import hints_of
from impasto.version import __version__

_CONFIG = ("max_pixels", "clip_seconds", "folder_photos", "learn_seconds")


def routes(_service: Service) -> list[Route]:
    return [Route("/v1/limits", limits, methods=["GET"])]


async def limits(request: Request) -> Response:
    """Return the limits and the available features."""
    return JSONResponse(offered(service_of(request)), headers={"Cache-Control": "no-cache"})


def offered(service: Service) -> dict[str, Any]:
    """Return the limits and the available features. Sizes of files are in bytes."""
    config = service.config
    jobs = service.jobs is not None
    return {
        "version": __version__,
        "max_upload": config.max_upload * 1_000_000,
        "max_frames": config.clip_frames,
        **{name: getattr(config, name) for name in _CONFIG},
        "presets": presets.changeable(service),
        "edit": service.editing and {"name": service.editing.name, "count": service.editing.count},
        "learn": config.learn and jobs,
        "optimize": jobs and find_spec("torch") is not None,
        "clips": jobs and find_spec("av") is not None,
        "engines": list(ENGINES),
        "formats": [suffix.lstrip(".") for suffix in MEDIA_TYPES if is_written(suffix)],
        "controls": controls(Controls),
    }


def controls(kind: type[Any]) -> list[dict[str, Any]]:
    """Return the fields of a dataclass of settings, described for widgets."""
    hints = hints_of(kind)
    return [_control(part, hints[part.name]) for part in fields(kind)]


def _control(part: Any, hint: Any) -> dict[str, Any]:
    kinds = [one for one in get_args(hint) if one is not type(None)] or [hint]
    choices = list(get_args(hint)) if get_origin(hint) is Literal else None
    names = {bool: "boolean", int: "integer", float: "number"}
    kind = "choice" if choices else names.get(float if float in kinds else kinds[0], "text")
    return {
        "name": part.name,
        "kind": kind,
        "default": part.default,
        "low": part.metadata.get("low"),
        "high": part.metadata.get("high"),
        "choices": choices,
        "label": part.metadata.get("label", ""),
        "help": part.metadata.get("help", ""),
    }


def paths(_service: Service) -> dict[str, Any]:
    control = {"type": "object", "required": ["name", "kind", "default"]}
    number: dict[str, Any] = {"type": "number"}
    texts = {"type": "array", "items": {"type": "string"}}
    schema = {
        "type": "object",
        "properties": {
            "version": {"type": "string"},
            **dict.fromkeys(("max_upload", "max_frames", *_CONFIG), number),
            **{name: {"type": "boolean"} for name in ("presets", "learn", "optimize", "clips")},
            "edit": {
                "type": ["object", "null"],
                "description": "Files that wait for the page's choice in `impasto edit`.",
            },
            "engines": texts,
            "formats": texts,
            "controls": {"type": "array", "items": control},
        },
    }
    operation = {
        "summary": "Show the limits and the available features",
        "operationId": "limits",
        "responses": {"200": openapi.json("Sizes of files are in bytes.", schema)} | openapi.problems(),
    }
    return {"/v1/limits": {"get": operation}}
