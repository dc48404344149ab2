"""What the OpenAPI document says of uploads."""

from __future__ import annotations

from typing import Any

from impasto.service import openapi
from impasto.service.fields import PAINTING, SavingFields, names_of
from impasto.service.service import Service

PREVIEWED = PAINTING - names_of(SavingFields) - {"image", "format"} | {"side", "at", "crop"}
"""The fields by which a preview is asked for."""
LONGEST_NAME = 200
"""Characters of a file's name."""
MASKS = ("person", "background", "faces")
"""What is found by itself."""
_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_ID = openapi.in_path("upload", 64)
_NUMBERS = {"type": "array", "items": _NUMBER}
_REGION = {
    "type": "object",
    "required": ["mask", "style", "strength", "brush_size"],
    "properties": {
        "mask": {"enum": list(MASKS)},
        "style": _TEXT | {"description": "Empty: the picture's own; none leaves the photo."},
        "strength": _NUMBER,
        "brush_size": {"type": ["number", "null"]},
    },
}
_SETTINGS: dict[str, Any] = {
    "type": ["object", "null"],
    "description": "Fields that made it, if Impasto has saved it; the controls among them.",
    "required": ["style", "weight", "regions", "left_out"],
    "properties": {
        "style": {"type": "array", "items": _TEXT},
        "weight": _NUMBERS | {"description": "One for each style."},
        "engine": _TEXT,
        "regions": {"type": "array", "items": _REGION},
        "left_out": {"type": "integer", "description": "Regions that the file does not describe: drawn masks."},
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
        "expires": {"type": "string", "format": "date-time", "description": "If nobody uses it; each use moves it."},
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
    "description": "Pixels of the longer side, at most.",
    "schema": {"type": "integer", "minimum": 16, "maximum": 4096, "default": 1280},
}
_AT = {
    "name": "at",
    "in": "query",
    "description": "Of a clip: the frame of that second.",
    "schema": {"type": "number", "minimum": 0, "maximum": 1e6},
}
_OF = {
    "name": "of",
    "in": "query",
    "required": True,
    "description": "What the mask shows.",
    "schema": {"type": "string", "enum": list(MASKS)},
}
_CROP = {
    "name": "crop",
    "in": "query",
    "description": "X,Y,WIDTH,HEIGHT in pixels of the finished picture: that part of it as it is.",
    "schema": {"type": "string", "pattern": r"^\d{1,6},\d{1,6},\d{1,6},\d{1,6}$"},
}


def documented(_service: Service) -> dict[str, Any]:
    """The path items of uploads."""
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
    created = openapi.json("It is kept.", _UPLOAD, headers=located, links=links)
    send = {
        "summary": "Keep a file to be previewed, and to be named as upload:ID in the place of a file",
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
            "get": _read("Tell of an upload", "upload", [_ID], {"200": openapi.json("The upload.", _UPLOAD)}),
            "delete": _read("Forget an upload", "forgetUpload", [_ID], {"204": {"description": "It is forgotten."}}),
        },
        "/v1/uploads/{upload}/photo": {"get": _read("The photo, reduced", "uploadPhoto", shown, _pictures())},
        "/v1/uploads/{upload}/mask": {"get": _read("Where something is in it", "uploadMask", [*shown, _OF], _mask())},
        "/v1/uploads/{upload}/painted": {"get": _read("The photo, painted", "uploadPainted", asked, _pictures())},
    }


def _mask() -> dict[str, Any]:
    found = openapi.picture("White inside, 8 bits of gray.")
    found["content"] = {"image/png": {"schema": openapi.FILE}}
    return {"200": found, "304": {"description": "The client has it."}}


def _reference(name: str) -> dict[str, Any]:
    items = {"type": "string", "pattern": "^upload:"}
    schema = {"type": "array", "items": items, "maxItems": 16}
    return {"name": name, "in": "query", "description": "upload:ID of each mask.", "schema": schema}


def _pictures() -> dict[str, Any]:
    found = openapi.picture("The view: a JPEG, or a PNG if it is transparent.")
    found["content"] = {kind: {"schema": openapi.FILE} for kind in ("image/jpeg", "image/png")}
    return {"200": found, "304": {"description": "The client has it."}}


def _read(summary: str, name: str, parameters: list[Any], answers: dict[str, Any]) -> dict[str, Any]:
    work = name in ("uploadPhoto", "uploadPainted", "uploadMask")
    statuses = (400, 404, 413, 415, 422, 501) if work else (404,)
    return {
        "summary": summary,
        "operationId": name,
        "parameters": parameters,
        "responses": answers | openapi.problems(*statuses, load=work),
    }
