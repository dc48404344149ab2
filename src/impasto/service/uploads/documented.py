"""Describe uploads in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from impasto.service import openapi
from impasto.service.fields import PAINTING, SavingFields, names_of
from impasto.service.service import Service

PREVIEWED = PAINTING - names_of(SavingFields) - {"image", "format"} | {"side", "at", "crop"}
"""The fields of a preview."""
LONGEST_NAME = 200
"""Largest length of a file's name in characters."""
MASKS = ("person", "background", "faces")
"""The automatic masks."""
_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_ID = openapi.in_path("upload", 64)
_NUMBERS = {"type": "array", "items": _NUMBER}
_REGION = {
    "type": "object",
    "required": ["mask", "style", "strength", "brush_size"],
    "properties": {
        "mask": {"enum": list(MASKS)},
        "style": _TEXT | {"description": "A name; empty for the picture's own; none for the photo."},
        "strength": _NUMBER,
        "brush_size": {"type": ["number", "null"]},
    },
}
_SETTINGS: dict[str, Any] = {
    "type": ["object", "null"],
    "description": "The fields with which Impasto made this picture, if it did.",
    "required": ["style", "weight", "regions", "left_out"],
    "properties": {
        "style": {"type": "array", "items": _TEXT},
        "weight": _NUMBERS | {"description": "One for each style."},
        "engine": _TEXT,
        "regions": {"type": "array", "items": _REGION},
        "left_out": {
            "type": "integer",
            "description": "Number of regions with drawn masks, which the file does not contain.",
        },
    },
}
_UPLOAD: dict[str, Any] = {
    "type": "object",
    "required": ["id", "name", "kind", "width", "height", "frames", "alpha", "bits", "bytes", "expires"],
    "properties": {
        "id": _TEXT,
        "name": _TEXT,
        "kind": {"enum": ["photo", "clip"]},
        "width": {"type": "integer"},
        "height": {"type": "integer"},
        "frames": {"type": "integer"},
        "alpha": {"type": "boolean"},
        "bits": {"type": "integer"},
        "bytes": {"type": "integer"},
        "expires": {
            "type": "string",
            "format": "date-time",
            "description": "When it is deleted. Each use postpones this.",
        },
        "settings": _SETTINGS,
        "notes": {"type": "array", "items": _TEXT},
        "seconds": _NUMBER,
        "fps": _NUMBER,
        "sound": {"type": "boolean"},
    },
}
_SIDE = {
    "name": "side",
    "in": "query",
    "description": "Largest longer side in pixels.",
    "schema": {"type": "integer", "minimum": 16, "maximum": 4096, "default": 1280},
}
_AT = {
    "name": "at",
    "in": "query",
    "description": "For a clip: the second of the frame.",
    "schema": {"type": "number", "minimum": 0, "maximum": 1e6},
}
_OF = {
    "name": "of",
    "in": "query",
    "required": True,
    "description": "The content of the mask.",
    "schema": {"type": "string", "enum": list(MASKS)},
}
_CROP = {
    "name": "crop",
    "in": "query",
    "description": "X,Y,WIDTH,HEIGHT in pixels of the finished picture. This part is shown at full size.",
    "schema": {"type": "string", "pattern": r"^\d{1,6},\d{1,6},\d{1,6},\d{1,6}$"},
}


def documented(_service: Service) -> dict[str, Any]:
    """Return the path items of uploads."""
    file = {"file": openapi.FILE | {"description": "A photo or a clip."}}
    body = openapi.form(file, ("file",))
    body["content"]["application/octet-stream"] = {"schema": openapi.FILE}
    name = {
        "name": "name",
        "in": "query",
        "description": "The file's name.",
        "schema": _TEXT | {"maxLength": LONGEST_NAME},
    }
    located = {"Location": {"description": "The upload.", "schema": _TEXT}}
    said = {"parameters": {"upload": "$response.body#/id"}}
    names = ("upload", "uploadPhoto", "uploadPainted", "uploadMask", "forgetUpload")
    links = {one: {"operationId": one} | said for one in names}
    created = openapi.json("The file is stored.", _UPLOAD, headers=located, links=links)
    send = {
        "summary": "Upload a file for previews, which upload:ID can replace in other requests",
        "operationId": "sendUpload",
        "parameters": [name],
        "requestBody": body,
        "responses": {"201": created} | openapi.problems(400, 413, 415, 422, 501, load=True),
    }
    shown = [_ID, _SIDE, _AT, openapi.IF_NONE_MATCH]
    fields = {name: schema for name, schema in openapi.painting_fields().items() if name in PREVIEWED}
    asked = [*shown, _CROP, *openapi.as_parameters(fields), *map(_reference, ("mask",))]
    return {
        "/v1/uploads": {"post": send},
        "/v1/uploads/{upload}": {
            "get": _read("Describe an upload", "upload", [_ID], {"200": openapi.json("The upload.", _UPLOAD)}),
            "delete": _read(
                "Delete an upload", "forgetUpload", [_ID], {"204": {"description": "The upload is deleted."}}
            ),
        },
        "/v1/uploads/{upload}/photo": {"get": _read("Show the reduced photo", "uploadPhoto", shown, _pictures())},
        "/v1/uploads/{upload}/mask": {"get": _read("Show an automatic mask", "uploadMask", [*shown, _OF], _mask())},
        "/v1/uploads/{upload}/painted": {
            "get": _read("Show a preview of the painted photo", "uploadPainted", asked, _pictures())
        },
    }


def _mask() -> dict[str, Any]:
    found = openapi.picture("White inside, 8 bits of gray.")
    found["content"] = {"image/png": {"schema": openapi.FILE}}
    return {"200": found, "304": {"description": "The client already has it."}}


def _reference(name: str) -> dict[str, Any]:
    items = {"type": "string", "pattern": "^upload:"}
    schema = {"type": "array", "items": items, "maxItems": 16}
    return {"name": name, "in": "query", "description": "upload:ID of each mask.", "schema": schema}


def _pictures() -> dict[str, Any]:
    found = openapi.picture("The view: a JPEG, or a PNG if it is transparent.")
    found["content"] = {kind: {"schema": openapi.FILE} for kind in ("image/jpeg", "image/png")}
    return {"200": found, "304": {"description": "The client already has it."}}


def _read(summary: str, name: str, parameters: list[Any], answers: dict[str, Any]) -> dict[str, Any]:
    work = name in ("uploadPhoto", "uploadPainted", "uploadMask")
    statuses = (400, 404, 413, 415, 422, 501) if work else (404,)
    return {
        "summary": summary,
        "operationId": name,
        "parameters": parameters,
        "responses": answers | openapi.problems(*statuses, load=work),
    }
