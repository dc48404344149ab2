"""What the OpenAPI document says of jobs."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

from impasto.controls import Controls
from impasto.engines.by_name import EngineName
from impasto.service.jobs.requests import ClipFields, DescentFields, LearnFields
from impasto.service.service import Service

_BINARY = {"type": "string", "format": "binary"}
_NUMBERS = {int: "integer", float: "number", bool: "boolean"}
_TIME = {"type": ["string", "null"], "format": "date-time"}
_STRING = {"type": "string"}

JOB: dict[str, Any] = {
    "type": "object",
    "required": ["id", "kind", "state", "fraction", "links"],
    "properties": {
        "id": _STRING,
        "kind": {"enum": ["photo", "optimize", "clip", "folder", "style"]},
        "state": {"enum": ["waiting", "running", "done", "failed", "canceled"]},
        "canceling": {"type": "boolean"},
        "fraction": {"type": "number", "minimum": 0, "maximum": 1},
        "step": {"type": "integer"},
        "total": {"type": "integer", "description": "0 where nobody knows"},
        "message": _STRING,
        "losses": {"type": "object", "additionalProperties": {"type": "number"}},
        "created": _TIME,
        "began": _TIME,
        "ended": _TIME,
        "expires": _TIME,
        "media_type": {"type": ["string", "null"]},
        "facts": {"type": "object"},
        "notes": {"type": "array", "items": _STRING},
        "error": {"type": ["object", "null"], "description": "message, hint and code"},
        "links": {"type": "object", "additionalProperties": _STRING},
        "webhook": {"type": "object"},
    },
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": _STRING,
        "title": _STRING,
        "status": {"type": "integer"},
        "detail": _STRING,
        "hint": _STRING,
        "code": _STRING,
    },
}
_ID = {"name": "job", "in": "path", "required": True, "schema": _STRING}
_AGAIN = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
    "description": "The same request again under the same key gives the same job.",
}
_REFUSED = {
    400: "the request cannot be read",
    403: "it is not allowed here",
    406: "no format that is asked for can be written",
    408: "the body came too slowly",
    409: "the name is taken",
    413: "too large",
    415: "no picture, or a format that is not read",
    422: "it makes no sense",
    429: "too many jobs wait; Retry-After says when to come again",
    501: "it needs a part that is not installed",
    503: "the service ends, or its store does not answer",
}


def documented(service: Service) -> dict[str, Any]:
    """The path items of jobs and of what changes the gallery."""
    config = service.config
    sent = {
        "image": {"type": "array", "items": _BINARY, "description": "one photo, or several"},
        "clip": {**_BINARY, "description": f"up to {config.clip_seconds:g} s and {config.clip_frames} frames"},
        "folder": {**_BINARY, "description": f"a zip file of up to {config.folder_photos} photos"},
        "style": {"type": "array", "items": _STRING, "description": "NAME or NAME:WEIGHT, or a painting's file"},
        "weight": {"type": "array", "items": {"type": "number"}},
        "mask": {"type": "array", "items": _BINARY},
        "region_style": {"type": "array", "items": _STRING},
        "engine": {"enum": [*get_args(EngineName), "optimize"]},
        "format": _STRING,
        "quality": {"type": "integer"},
        "bits": {"enum": [8, 16]},
        "mark": {"type": "boolean"},
        "strip_location": {"type": "boolean"},
        "webhook": {**_STRING, "description": "where to say that the job has ended"},
    }
    sent |= {name: schema for kind in (Controls, DescentFields, ClipFields) for name, schema in _fields(kind).items()}
    painting = {"painting": _BINARY, **_fields(LearnFields), "webhook": sent["webhook"]}
    gone = _refused(404)
    return {
        "/v1/jobs": {
            "post": _operation(
                "Have something painted that takes longer", "sendJob", _accepted(), _body(sent), [_AGAIN]
            )
        },
        "/v1/jobs/{job}": {
            "get": _operation("See where a job stands", "showJob", {"200": _json("the job")} | gone, None, [_ID]),
            "delete": _operation(
                "End a job; remove one that has ended",
                "cancelJob",
                {"202": _json("it ends"), "204": {"description": "it is removed"}} | gone,
                None,
                [_ID],
            ),
        },
        "/v1/jobs/{job}/result": {
            "get": _operation(
                "Fetch what a job has made", "jobResult", {"200": _file("*/*")} | gone | _refused(409), None, [_ID]
            )
        },
        "/v1/jobs/{job}/preview": {
            "get": _operation(
                "See the picture as it is now",
                "jobPreview",
                {"200": _file("image/jpeg")} | gone | _refused(409),
                None,
                [_ID],
            )
        },
        "/v1/jobs/{job}/events": {
            "get": _operation(
                "Follow a job: progress, then done, failed or canceled",
                "jobEvents",
                {
                    "200": {"description": "events", "content": {"text/event-stream": {"schema": _STRING}}},
                    "204": {"description": "there is nothing more"},
                }
                | gone
                | _refused(429),
                None,
                [_ID, {"name": "Last-Event-ID", "in": "header", "schema": _STRING}],
            )
        },
        "/v1/styles": {
            "post": _operation("Put a painting into the gallery", "learnStyle", _accepted(), _body(painting), [_AGAIN])
        },
        "/v1/styles/{name}": {
            "delete": _operation(
                "Remove a style that is not built in",
                "forgetStyle",
                {"204": {"description": "it is removed"}} | _refused(403, 422),
                None,
                [{"name": "name", "in": "path", "required": True, "schema": _STRING}],
            )
        },
    }


def _operation(summary: str, name: str, answers: dict[str, Any], body: Any, parameters: list[Any]) -> dict[str, Any]:
    found = {"summary": summary, "operationId": name, "parameters": parameters, "responses": answers | _refused(503)}
    return found | ({} if body is None else {"requestBody": body})


def _accepted() -> dict[str, Any]:
    located = {"Location": {"schema": _STRING, "description": "the job"}}
    return {"202": {**_json("the job waits"), "headers": located}} | _refused(*_REFUSED)


def _body(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"type": "object", "properties": properties}}},
    }


def _json(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": JOB}}}


def _file(media_type: str) -> dict[str, Any]:
    return {"description": "the file", "content": {media_type: {"schema": _BINARY}}}


def _refused(*statuses: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _PROBLEM}}
    said = _REFUSED | {404: "there is no such job"}
    return {str(status): {"description": said[status], "content": content} for status in statuses}


def _fields(kind: type[Any]) -> dict[str, Any]:
    """The schemas of a dataclass of settings."""
    hints, found = get_type_hints(kind), {}
    for part in fields(kind):
        hint = hints[part.name]
        hint = next((inner for inner in get_args(hint) if inner in _NUMBERS), hint)
        schema: dict[str, Any] = {"description": part.metadata["help"]}
        if get_origin(hint) is not None and all(isinstance(choice, str) for choice in get_args(hint)):
            schema["enum"] = list(get_args(hint))
        else:
            schema["type"] = _NUMBERS.get(hint, "string")
        if part.metadata["low"] is not None:
            schema |= {"minimum": part.metadata["low"], "maximum": part.metadata["high"]}
        found[part.name] = schema
    return found
