"""`GET /openapi.json`: describe requests and answers. The document is generated from the dataclasses of settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, ENGINES
from impasto.painting.regions import Region
from impasto.pixels.masks import FOUND
from impasto.service import problems as faults
from impasto.service.fields import SavingFields
from impasto.service.service import Service
from impasto.service.work import MEDIA_TYPES
from impasto.settings import hints_of
from impasto.version import __version__

Schema = dict[str, Any]

FILE: Schema = {"type": "string", "format": "binary"}
FORMAT: Schema = {
    "type": "string",
    "enum": [suffix.lstrip(".") for suffix in MEDIA_TYPES],
    "description": "The result's format. The default is the format that Accept prefers, or else the photo's own.",
}
IF_NONE_MATCH: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "Tags of results that the client already has. If one matches the result, the answer is 412.",
    "schema": {"type": "string"},
}


def in_path(name: str, longest: int = 200) -> Schema:
    """Describe a part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "maxLength": longest}}


_RETRY: Schema = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 1}}}
_TITLES = {
    400: "The request cannot be parsed.",
    401: "The API key is missing or unknown.",
    403: "The operator does not allow this: the site, the host name, or the action.",
    404: "It does not exist.",
    405: "The path does not support this method.",
    406: "The service writes none of the accepted formats.",
    408: "The request arrived too slowly.",
    409: "It exists already, or is not finished yet.",
    412: "The client already has this result.",
    413: "The request has too many bytes, or the picture too many pixels.",
    415: "A file is not a picture of a supported format.",
    422: "A field is invalid, or a file cannot be used.",
    429: "The queue is full, or there are too many requests. Try again after the seconds in Retry-After.",
    500: "The service failed.",
    501: "An optional package is not installed.",
    503: "There is no room or memory now, or the service is shutting down. Try again after the seconds in Retry-After.",
    504: "The work took longer than allowed.",
}
_PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "description": "A link to the documentation."},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What is wrong, in one line."},
        "hint": {"type": "string", "description": "What to do about it."},
        "code": {"type": "string", "description": "The kind of error. Codes do not change between versions."},
        "error": {"type": "object", "description": "The same for OpenAI's clients, on their paths."},
    },
}


def routes(_service: Service) -> list[Route]:
    return [Route("/openapi.json", answer, methods=["GET"])]


async def answer(request: Request) -> Response:
    """Send the document."""
    return JSONResponse(document(request.app.state.paths))


def document(paths: Mapping[str, Any]) -> Schema:
    """Return the OpenAPI document, made from the parts of the routes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Impasto",
            "version": __version__,
            "description": "Paints photographs in the style of any painting.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"bearer": []}, {"key": []}],
        "paths": dict(paths),
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def paths(_service: Service) -> dict[str, Any]:
    operation = {
        "summary": "Show this document",
        "operationId": "openapi",
        "security": [],
        "responses": {"200": json("The document.", {"type": "object"})} | problems(),
    }
    return {"/openapi.json": {"get": operation}}


def problems(*statuses: int, load: bool = False) -> dict[str, Any]:
    """Describe the answers that are problems: the general ones, and those with the given statuses.

    Args:
        load: True if the request brings work, which the queue may refuse.
    """
    all_of = {400, 401, 403, 408, 413, 429, 500, 503, *statuses} | ({429, 503, 504} if load else set())
    return {str(status): _problem(status) for status in sorted(all_of)}


def _problem(status: int) -> Schema:
    content = {faults.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: Schema = {"description": _TITLES[status], "content": content}
    return found | ({"headers": _RETRY} if status in (429, 503) else {})


def json(description: str, schema: Schema, **more: Any) -> Schema:
    """Describe an answer in JSON."""
    return {"description": description, "content": {"application/json": {"schema": schema}}} | more


def picture(description: str) -> Schema:
    """Describe an answer that is a picture."""
    headers = {
        "ETag": ("The result's tag. It is determined by photo, style, controls and version.", "string"),
        "Impasto-Size": ("WIDTHxHEIGHT in pixels.", "string"),
        "Impasto-Notes": ("Notes for the user, a JSON list of texts.", "string"),
        "Server-Timing": ("Milliseconds of each stage.", "string"),
    }
    described = {name: {"description": text, "schema": {"type": kind}} for name, (text, kind) in headers.items()}
    return {
        "description": description,
        "headers": described,
        "content": {kind: {"schema": FILE} for kind in MEDIA_TYPES.values()},
    }


def form(fields: Mapping[str, Schema], required: Collection[str], *, or_pictures: bool = False) -> Schema:
    """Describe a body that is a form.

    Args:
        or_pictures: True if the body may also be the photo itself.
    """
    schema = {"type": "object", "properties": dict(fields), "required": list(required), "additionalProperties": False}
    content: Schema = {"multipart/form-data": {"schema": schema}}
    if or_pictures:
        content |= {kind: {"schema": FILE} for kind in (*MEDIA_TYPES.values(), "application/octet-stream")}
    return {"required": True, "content": content}


def as_parameters(fields: Mapping[str, Schema], *, without: Collection[str] = ()) -> list[Schema]:
    """Describe the text fields of a form as parameters of the query."""
    found = []
    for name, schema in fields.items():
        if name not in without and not _is_file(schema):
            described = {"name": name, "in": "query", "description": schema.get("description", "")}
            found.append(described | {"schema": _as_text(schema)})
    return found


def _is_file(schema: Schema) -> bool:
    return "binary" in (schema.get("format"), schema.get("items", {}).get("format"))


def _as_text(schema: Schema) -> Schema:
    """Return the schema of a field for the query, where it is a text even if the form allows a file."""
    items = schema.get("items", {})
    return schema | {"items": items["anyOf"][0]} if "anyOf" in items else schema


def _region_numbers(name: str) -> Schema:
    """Describe a number that each region has."""
    (part,) = (one for one in fields(Region) if one.name == name)
    number = {"type": "number", "minimum": part.metadata["low"], "maximum": part.metadata["high"]}
    return {"items": number, "description": f"One for each mask, in the same order: {part.metadata['help']}"}


def painting_fields() -> dict[str, Schema]:
    """Describe the fields of a painting."""
    text = {"type": "string", "maxLength": 200}
    style = {"anyOf": [text, FILE]}
    several: Schema = {"type": "array", "maxItems": 16}
    return {
        "image": FILE | {"description": "The photo."},
        "style": several
        | {"items": style, "minItems": 1}
        | {
            "description": "The name of a style, with :WEIGHT if there are several, or the file of a painting. "
            "Required, unless a preset contains one."
        },
        "preset": text | {"description": "The name of a preset. Other fields override its values."},
        "weight": several
        | {
            "items": {"type": "number", "minimum": 0, "maximum": 1e6},
            "description": "One weight for each style, in the same order.",
        },
        "mask": several
        | {
            "items": {"anyOf": [{"type": "string", "enum": list(FOUND)}, FILE]},
            "description": "The mask of each region: a picture, white inside, or the name of an automatic mask.",
        },
        "region_style": several
        | {
            "items": style,
            "description": "One style for each mask, in the same order: a name, the file of a painting, none for the "
            "photo, or empty for the picture's own. Optional if a strength or a brush size is given.",
        },
        **{f"region_{name}": several | _region_numbers(name) for name in ("strength", "brush_size")},
        "engine": {
            "type": "string",
            "enum": list(ENGINES),
            "default": DEFAULT,
            "description": "The engine: light is fast and simpler, adain and wct are slow.",
        },
        "format": FORMAT,
        **schemas(SavingFields),
        **schemas(Controls),
    }


def schemas(kind: type[Any]) -> dict[str, Schema]:
    """Describe the fields of a dataclass of settings (see `impasto.settings`)."""
    hints = hints_of(kind)
    return {part.name: _schema(part, hints[part.name]) for part in fields(kind)}


def _schema(part: Any, hint: Any) -> Schema:
    found: Schema = {"description": part.metadata.get("help", "")}
    if part.default is not None and part.default is not MISSING and not isinstance(part.default, tuple):
        found["default"] = part.default
    if get_origin(hint) is Literal:
        choices = list(get_args(hint))
        return found | {"type": "string" if isinstance(choices[0], str) else "integer", "enum": choices}
    kinds = [one for one in get_args(hint) if one is not NoneType] or [hint]
    names = {bool: "boolean", int: "integer", float: "number"}
    kind = float if float in kinds else kinds[0]
    found["type"] = names.get(kind, "string")
    low, high = part.metadata.get("low"), part.metadata.get("high")
    return found | ({} if low is None else {"minimum": low, "maximum": high})
