"""What the OpenAPI document says of jobs."""

from __future__ import annotations

from typing import Any

from impasto.engines.by_name import ENGINES
from impasto.service import openapi
from impasto.service.jobs.requests import OPTIMIZE, ClipFields, DescentFields, LearnFields
from impasto.service.jobs.work import CLIPS
from impasto.service.service import Service
from impasto.service.work import MEDIA_TYPES

_TEXT = {"type": "string"}
_TIME = {"type": ["string", "null"], "format": "date-time"}
_JOB: dict[str, Any] = {
    "type": "object",
    "required": ["id", "kind", "state", "fraction", "links"],
    "properties": {
        "id": _TEXT,
        "kind": {"enum": ["photo", "optimize", "clip", "folder", "style"]},
        "state": {"enum": ["waiting", "running", "done", "failed", "canceled"]},
        "canceling": {"type": "boolean", "description": "It is to end, and has not yet."},
        "stopping": {"type": "boolean", "description": "It is to end with what there is, and has not yet."},
        "fraction": {"type": "number", "minimum": 0, "maximum": 1},
        "step": {"type": "integer"},
        "total": {"type": "integer", "description": "Steps; 0 where nobody knows."},
        "message": _TEXT,
        "place": {"type": "integer", "minimum": 1, "description": "Among those that wait; 1 is the next."},
        "losses": {"type": "object", "additionalProperties": {"type": "number"}},
        "created": _TIME,
        "began": _TIME,
        "ended": _TIME,
        "expires": _TIME,
        "media_type": {"type": ["string", "null"], "description": "Of the result."},
        "facts": {"type": "object", "description": "Of the result."},
        "notes": {"type": "array", "items": _TEXT},
        "error": {"type": ["object", "null"], "description": "Message, hint and code."},
        "links": {"type": "object", "additionalProperties": _TEXT},
        "webhook": {"type": "object", "description": "What became of it."},
    },
}
_WEBHOOK = {"type": "string", "maxLength": 2000, "description": "An address that is told of the job's end."}
_ID = openapi.in_path("job", 64)
_NAME = openapi.in_path("name")
_VISITOR = {
    "name": "Impasto-Visitor",
    "in": "header",
    "description": "What the client alone knows; who saves a style with it owns the style.",
    "schema": {"type": "string", "pattern": "^[!-~]{16,200}$"},
}
_LAST = {"name": "Last-Event-ID", "in": "header", "description": "Of the last event.", "schema": _TEXT}
_AGAIN = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same request again under the same key gives the same job.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


def documented(service: Service) -> dict[str, Any]:
    """The path items of jobs and of what changes the gallery."""
    learning = openapi.schemas(LearnFields) | {"painting": openapi.FILE, "webhook": _WEBHOOK}
    posts = {"parameters": [_AGAIN], "responses": _accepted()}
    send = {
        "summary": "Have something done that takes longer",
        "description": "One image is painted, or optimized; several, or a folder, give a zip file; a clip, a clip.",
        "operationId": "sendJob",
        "requestBody": openapi.form(_sent(service), ()),
    }
    learn = {
        "summary": "Put a painting into the gallery; without one, learn on a style of one's own",
        "operationId": "learnStyle",
        "requestBody": openapi.form(learning, ("name",)),
    }
    forget = {
        "summary": "Remove a style that is not built in",
        "operationId": "forgetStyle",
        "parameters": [_NAME],
        "responses": {"204": {"description": "It is removed."}} | openapi.problems(404, 422),
    }
    forget["parameters"] = [_NAME, _VISITOR]
    learn_posts = posts | {"parameters": [_AGAIN, _VISITOR]}
    return {
        "/v1/jobs": {"post": send | posts},
        "/v1/jobs/{job}": {
            "get": _read("See where a job stands", "job", {"200": openapi.json("The job.", _JOB)}),
            "delete": _read(
                "End a job; remove one that has ended",
                "cancelJob",
                {"202": openapi.json("It ends.", _JOB), "204": {"description": "It is removed."}},
            ),
        },
        "/v1/jobs/{job}/stop": {
            "post": _read("End a job with what there is", "stopJob", {"202": openapi.json("It ends.", _JOB)})
        },
        "/v1/jobs/{job}/result": {
            "get": _read("Fetch what a job has made", "jobResult", {"200": _file(*_results())}, 409)
        },
        "/v1/jobs/{job}/preview": {
            "get": _read("See the picture as it is now", "jobPreview", {"200": _file("image/jpeg")}, 409)
        },
        "/v1/jobs/{job}/events": {"get": _events()},
        "/v1/styles": {"post": learn | learn_posts},
        "/v1/styles/{name}": {"delete": forget, "patch": _rename()},
    }


def _rename() -> dict[str, Any]:
    text = {"type": "string", "maxLength": 200}
    properties = {"name": text, "title": text}
    schema = {"type": "object", "properties": properties, "minProperties": 1, "additionalProperties": False}
    return {
        "summary": "Give a style of one's own another name or title",
        "operationId": "renameStyle",
        "parameters": [_NAME, _VISITOR],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": openapi.json("The style.", {"type": "object"})} | openapi.problems(404, 409, 422),
    }


def _sent(service: Service) -> dict[str, Any]:
    """The fields of `POST /v1/jobs`."""
    config, fields = service.config, openapi.painting_fields()
    several = {"type": "array", "items": openapi.FILE, "maxItems": config.folder_photos}
    formats = [suffix.lstrip(".") for suffix in dict.fromkeys((*MEDIA_TYPES, *CLIPS))]
    return {
        **openapi.schemas(DescentFields),
        **openapi.schemas(ClipFields),
        **fields,
        "start": _TEXT | {"description": "Where an optimization starts; of a clip, the second that it starts at."},
        "image": several | {"description": "The photo; several become a zip file."},
        "clip": openapi.FILE
        | {"description": f"A clip of up to {config.clip_seconds:g} s and {config.clip_frames} frames."},
        "folder": openapi.FILE | {"description": f"A zip file of up to {config.folder_photos} photos."},
        "engine": fields["engine"] | {"enum": [*ENGINES, OPTIMIZE]},
        "format": fields["format"] | {"enum": formats, "description": "Of the result; the photo's own, or MP4."},
        "webhook": _WEBHOOK,
    }


def _accepted() -> dict[str, Any]:
    located = {"Location": {"description": "The job.", "schema": _TEXT}}
    said = {"parameters": {"job": "$response.body#/id"}}
    links = {
        name: {"operationId": name} | said
        for name in ("job", "jobEvents", "jobResult", "jobPreview", "stopJob", "cancelJob")
    }
    accepted = openapi.json("The job waits.", _JOB, headers=located, links=links)
    return {"202": accepted} | openapi.problems(400, 403, 409, 413, 415, 422, 501, load=True)


def _read(summary: str, name: str, answers: dict[str, Any], *statuses: int) -> dict[str, Any]:
    return {
        "summary": summary,
        "operationId": name,
        "parameters": [_ID],
        "responses": answers | openapi.problems(404, *statuses),
    }


def _events() -> dict[str, Any]:
    stream = {"description": "Events: progress, then done, failed or canceled.", "content": {"text/event-stream": {}}}
    found = _read("Follow a job", "jobEvents", {"200": stream, "204": {"description": "There is nothing more."}})
    return found | {"parameters": [_ID, _LAST]}


def _results() -> list[str]:
    return list(dict.fromkeys((*MEDIA_TYPES.values(), *CLIPS.values(), "application/zip", "application/json")))


def _file(*kinds: str) -> dict[str, Any]:
    return {"description": "The file.", "content": {kind: {"schema": _schema_of(kind)} for kind in kinds}}


def _schema_of(kind: str) -> dict[str, Any]:
    """A style's facts are JSON, all other results are files."""
    return {"type": "object"} if kind == "application/json" else openapi.FILE
