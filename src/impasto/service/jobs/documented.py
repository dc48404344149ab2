"""Describe jobs in the OpenAPI document."""

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
        "canceling": {"type": "boolean", "description": "True if it was canceled and has not ended yet."},
        "stopping": {
            "type": "boolean",
            "description": "True if it was asked to end with its current result and has not ended yet.",
        },
        "fraction": {"type": "number", "minimum": 0, "maximum": 1},
        "step": {"type": "integer"},
        "total": {"type": "integer", "description": "Number of steps; 0 if unknown."},
        "message": _TEXT,
        "place": {"type": "integer", "minimum": 1, "description": "Place in the queue; 1 is the next."},
        "losses": {"type": "object", "additionalProperties": {"type": "number"}},
        "created": _TIME,
        "began": _TIME,
        "ended": _TIME,
        "expires": _TIME,
        "media_type": {"type": ["string", "null"], "description": "Media type of the result."},
        "facts": {"type": "object", "description": "Facts about the result."},
        "notes": {"type": "array", "items": _TEXT},
        "error": {"type": ["object", "null"], "description": "The error: message, hint and code."},
        "links": {"type": "object", "additionalProperties": _TEXT},
        "webhook": {"type": "object", "description": "State of its delivery."},
    },
}
_WEBHOOK = {
    "type": "string",
    "maxLength": 2000,
    "description": "An address that receives a POST when the job has ended.",
}
_ID = openapi.in_path("job", 64)
_NAME = openapi.in_path("name")
_VISITOR = {
    "name": "Impasto-Visitor",
    "in": "header",
    "description": "A secret of the client. Styles that are saved with it belong to the client.",
    "schema": {"type": "string", "pattern": "^[!-~]{16,200}$"},
}
_LAST = {"name": "Last-Event-ID", "in": "header", "description": "Id of the last event received.", "schema": _TEXT}
_AGAIN = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A request that is repeated with the same key returns the same job.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


def documented(service: Service) -> dict[str, Any]:
    """Return the path items of jobs, and of the routes that change the gallery."""
    learning = openapi.schemas(LearnFields) | {"painting": openapi.FILE, "webhook": _WEBHOOK}
    posts = {"parameters": [_AGAIN], "responses": _accepted()}
    send = {
        "summary": "Start a job",
        "description": "A job paints or optimizes one image. "
        "Several images or a folder give a zip file. A clip gives a clip.",
        "operationId": "sendJob",
        "requestBody": openapi.form(_sent(service), ()),
    }
    learn = {
        "summary": "Add a painting to the gallery, or without one, continue to train an own style",
        "operationId": "learnStyle",
        "requestBody": openapi.form(learning, ("name",)),
    }
    forget = {
        "summary": "Remove a style that is not built in",
        "operationId": "forgetStyle",
        "parameters": [_NAME],
        "responses": {"204": {"description": "The style is removed."}} | openapi.problems(404, 422),
    }
    forget["parameters"] = [_NAME, _VISITOR]
    learn_posts = posts | {"parameters": [_AGAIN, _VISITOR]}
    return {
        "/v1/jobs": {"post": send | posts},
        "/v1/jobs/{job}": {
            "get": _read("Show the state of a job", "job", {"200": openapi.json("The job.", _JOB)}),
            "delete": _read(
                "Cancel a job, or remove a finished one",
                "cancelJob",
                {
                    "202": openapi.json("The job is being canceled.", _JOB),
                    "204": {"description": "The job is removed."},
                },
            ),
        },
        "/v1/jobs/{job}/stop": {
            "post": _read(
                "End a job with its current result", "stopJob", {"202": openapi.json("The job is ending.", _JOB)}
            )
        },
        "/v1/jobs/{job}/result": {
            "get": _read("Fetch the result of a job", "jobResult", {"200": _file(*_results())}, 409)
        },
        "/v1/jobs/{job}/preview": {
            "get": _read("Show the current picture of a job", "jobPreview", {"200": _file("image/jpeg")}, 409)
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
        "summary": "Change the name or title of an own style",
        "operationId": "renameStyle",
        "parameters": [_NAME, _VISITOR],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": openapi.json("The style.", {"type": "object"})} | openapi.problems(404, 409, 422),
    }


def _sent(service: Service) -> dict[str, Any]:
    """Return the fields of `POST /v1/jobs`."""
    config, fields = service.config, openapi.painting_fields()
    several = {"type": "array", "items": openapi.FILE, "maxItems": config.folder_photos}
    formats = [suffix.lstrip(".") for suffix in dict.fromkeys((*MEDIA_TYPES, *CLIPS))]
    return {
        **openapi.schemas(DescentFields),
        **openapi.schemas(ClipFields),
        **fields,
        "start": _TEXT | {"description": "The start of an optimization; for a clip, its first second."},
        "image": several | {"description": "The photo; several become a zip file."},
        "clip": openapi.FILE
        | {"description": f"A clip of up to {config.clip_seconds:g} s and {config.clip_frames} frames."},
        "folder": openapi.FILE | {"description": f"A zip file of up to {config.folder_photos} photos."},
        "engine": fields["engine"] | {"enum": [*ENGINES, OPTIMIZE]},
        "format": fields["format"]
        | {"enum": formats, "description": "Format of the result; the default is the photo's own, or MP4."},
        "webhook": _WEBHOOK,
    }


def _accepted() -> dict[str, Any]:
    located = {"Location": {"description": "The job.", "schema": _TEXT}}
    said = {"parameters": {"job": "$response.body#/id"}}
    links = {
        name: {"operationId": name} | said
        for name in ("job", "jobEvents", "jobResult", "jobPreview", "stopJob", "cancelJob")
    }
    accepted = openapi.json("The job is queued.", _JOB, headers=located, links=links)
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
    found = _read(
        "Follow a job",
        "jobEvents",
        {"200": stream, "204": {"description": "The job has ended, and there are no more events."}},
    )
    return found | {"parameters": [_ID, _LAST]}


def _results() -> list[str]:
    return list(dict.fromkeys((*MEDIA_TYPES.values(), *CLIPS.values(), "application/zip", "application/json")))


def _file(*kinds: str) -> dict[str, Any]:
    return {"description": "The file.", "content": {kind: {"schema": _schema_of(kind)} for kind in kinds}}


def _schema_of(kind: str) -> dict[str, Any]:
    """Return the schema of a result: JSON for a style's facts, otherwise a file."""
    return {"type": "object"} if kind == "application/json" else openapi.FILE
