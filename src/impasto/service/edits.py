"""`POST /v1/images/edits` and `GET /v1/models`, compatible with OpenAI's clients.

The first image is the photo, further images are paintings. The prompt names styles. The photo stays unchanged where the
mask is opaque.
"""

from __future__ import annotations

import asyncio
import base64
import difflib
import json
import re
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from impasto.batch.painting import Saving
from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT, ENGINES
from impasto.errors import UsageError
from impasto.picture.formats import check_saving
from impasto.service import openapi
from impasto.service.clients import while_there
from impasto.service.fields import Form, read_form, value_of
from impasto.service.health import check_engine
from impasto.service.looking import check_result, look_at, look_at_all
from impasto.service.service import Service, service_of
from impasto.service.work import PaintWork, Wanted, format_of_suffix
from impasto.styles.gallery import Gallery

_FORMATS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
_IGNORED = ("model", "user", "quality", "background", "input_fidelity", "moderation", "partial_images", "style")
_FIELDS = ("image", "image[]", "mask", "prompt", "n", "size", "response_format", "output_format", "output_compression")
_SIZE = re.compile(r"(\d{1,6})x(\d{1,6})", re.ASCII)
_MOST = 10  # most pictures of one request
_MOST_PAINTINGS = 16
_PIECE = 1 << 18  # bytes that are sent at once


def routes(_service: Service) -> list[Route]:
    return [
        Route("/v1/images/edits", edit, methods=["POST"]),
        Route("/v1/models", models, methods=["GET"]),
        Route("/v1/models/{name}", model, methods=["GET"]),
    ]


async def edit(request: Request) -> Response:
    """Paint a photo."""
    service = service_of(request)
    form = await read_form(request)

    def prepare() -> tuple[PaintWork, int, str]:
        work, count = _asked(form, service)
        return work, count, work.digest(service.gallery)

    work, count, key = await form.looked_at(prepare)
    request.state.megapixels = round(work.megapixels, 2)
    answer = await while_there(request, service.results.of(work, key))
    kind = next(name for name, suffix in _FORMATS.items() if suffix == work.suffix)
    size = f"{answer.facts['width']}x{answer.facts['height']}"
    head = json.dumps({"created": int(time.time()), "output_format": kind, "size": size})[:-1] + ', "data": ['
    text = await asyncio.to_thread(base64.b64encode, answer.data)
    pieces = [head.encode(), *[b'{"b64_json": "', text, b'"}, '] * (count - 1), b'{"b64_json": "', text, b'"}]}']
    length = sum(map(len, pieces))
    headers = {"Content-Length": str(length)}
    return StreamingResponse(_sent(pieces), headers=headers, media_type="application/json")


async def _sent(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the pieces, large ones in parts, so that a slow client does not cause another copy in memory."""
    for piece in pieces:
        for start in range(0, len(piece), _PIECE):
            yield piece[start : start + _PIECE]


def _asked(form: Form, service: Service) -> tuple[PaintWork, int]:
    """Return the requested painting, and the number of pictures."""
    form.check_known({*_FIELDS, *_IGNORED, "stream"})
    if value_of(form.text("stream", "false") or "false", bool, "stream"):
        raise UsageError("this service does not stream pictures", "leave out stream", code="unknown-choice")
    if form.text("response_format", "b64_json") != "b64_json":
        raise UsageError(
            "this service sends pictures as b64_json only", "use response_format=b64_json", code="unknown-choice"
        )
    count = value_of(form.text("n", "1") or "1", int, "n")
    if not 1 <= count <= _MOST:
        raise UsageError(f"n {count} is not in 1..{_MOST}", code="out-of-range")
    named = form.text("output_format", "png") or "png"
    if named not in _FORMATS:
        hint = f"output formats: {', '.join(_FORMATS)}"
        raise UsageError(f"unknown output_format {named[:40]!r}", hint, code="unknown-choice")
    quality = value_of(form.text("output_compression", "92") or "92", int, "output_compression")
    check_saving(format_of_suffix(_FORMATS[named]), max(1, quality), 8)
    return _painting(form, service, _FORMATS[named], max(1, quality)), count


def _painting(form: Form, service: Service, suffix: str, quality: int) -> PaintWork:
    images = [*form.files("image"), *form.files("image[]")]
    if not images:
        raise UsageError("the image is missing", "send one: curl -F image=@photo.jpg", code="nothing-given")
    photo, *paintings = images
    if len(paintings) > _MOST_PAINTINGS:
        raise UsageError(
            f"{len(images)} images are too many", f"send at most {_MOST_PAINTINGS + 1}", code="out-of-range"
        )
    styles: list[tuple[Wanted, float]] = [(painting, 1.0) for painting in paintings]
    styles += named_in(form.text("prompt", "") or "", service.gallery, needed=not paintings)
    engine = form.text("model", DEFAULT)
    masks = form.files("mask")
    if len(masks) > 1:
        raise UsageError("there are several masks", "send only one", code="conflict")
    head = look_at(photo, service.config)
    controls = Controls(size=_longer_side(form.text("size", "auto") or "auto"))
    check_result(head, controls, format_of_suffix(suffix), service.config.max_pixels)
    look_at_all([*paintings, *masks], service.config)
    work = PaintWork(photo, tuple(styles), controls=controls, suffix=suffix, saving=Saving(suffix, quality))
    return replace(
        work,
        engine=next((name for name in ENGINES if name == engine), DEFAULT),
        kept=masks[0] if masks else None,
        max_pixels=service.config.max_pixels,
    )


def _longer_side(text: str) -> int | None:
    if text == "auto":
        return None
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(f"size {text[:40]!r} is not a size", "use auto, or for example 1024x1024", code="malformed")
    return max(int(match[1]), int(match[2]))


def named_in(prompt: str, gallery: Gallery, *, needed: bool = True) -> list[tuple[str, float]]:
    """Return the styles that a prompt names, by name or title, each with its weight.

    >>> named_in("Starry Night:0.7, great-wave:0.3", Gallery())
    [('starry-night', 0.7), ('great-wave', 0.3)]

    Args:
        needed: True to refuse a prompt without a style.
    Raises:
        UsageError: the prompt names no style.
    """
    spoken: dict[str, str] = {}
    for entry in gallery.entries():
        spoken.setdefault(_words(entry.title), entry.name)
        spoken[_words(entry.name)] = entry.name
    spoken.pop("", None)
    names = "|".join(re.escape(words) for words in sorted(spoken, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)({names})(?:\s*:\s*(\d{{1,6}}(?:\.\d{{1,9}})?))?(?!\w)", re.ASCII)
    found: dict[str, float] = {}
    for words, weight in pattern.findall(_words(prompt)):
        name = spoken[words]
        found[name] = found.get(name, 0.0) + (float(weight) if weight else 1.0)
    if not found and needed:
        near = difflib.get_close_matches(_words(prompt)[:80], spoken, n=3, cutoff=0.4)
        names = ", ".join(dict.fromkeys(spoken[words] for words in near))
        hint = f"for example {names}" if names else "list all: GET /v1/styles"
        raise UsageError("the prompt names no style", hint, code="unknown-style")
    if found and not sum(found.values()):
        raise UsageError("the weights of the styles sum to 0", "give one a weight above 0", code="zero-weights")
    return list(found.items())


def _words(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.lower()).strip()


async def models(_request: Request) -> Response:
    """List the engines."""
    return JSONResponse({"object": "list", "data": [_model(name) for name in ENGINES]})


async def model(request: Request) -> Response:
    """Describe one engine."""
    return JSONResponse(_model(check_engine(request.path_params["name"])))


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "impasto"}


def paths(_service: Service) -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    images = {"type": "array", "items": openapi.FILE, "description": "The photo, then paintings."}
    fields: dict[str, Any] = {
        "image": openapi.FILE | {"description": "The photo."},
        "image[]": images,
        "prompt": text | {"description": "Styles by name or title, with weights: starry-night:0.7, great-wave:0.3."},
        "mask": openapi.FILE | {"description": "The photo stays unchanged where the mask is opaque."},
        "n": {"type": "integer", "minimum": 1, "maximum": _MOST, "description": "Number of pictures, all the same."},
        "size": text | {"description": "auto, or WxH. The larger number is the result's longer side."},
        "response_format": text | {"enum": ["b64_json"]},
        "output_format": text | {"enum": list(_FORMATS)},
        "output_compression": {"type": "integer", "minimum": 0, "maximum": 100},
        "stream": {"type": "boolean", "description": "Not supported: true is refused."},
        **{name: text | {"description": "Accepted and ignored."} for name in _IGNORED},
        "model": text | {"description": "The name of an engine. Other names select the painter."},
    }
    data = {"type": "array", "items": {"type": "object", "required": ["b64_json"], "properties": {"b64_json": text}}}
    said = {"created": {"type": "integer"}, "data": data, "output_format": text, "size": text}
    edited = {"type": "object", "required": ["created", "data"], "properties": said}
    one = {"type": "object", "required": ["id", "object"], "properties": {"id": text, "object": text}}
    several = {
        "type": "object",
        "required": ["object", "data"],
        "properties": {"data": {"type": "array", "items": one}},
    }
    answers = {"200": openapi.json("The pictures, in Base64.", edited)}
    edits = {
        "summary": "Paint a photo, for OpenAI's clients",
        "description": "The prompt names styles; other words are ignored. The first image is the photo, "
        "all others are paintings.",
        "operationId": "edits",
        "requestBody": openapi.form(fields, ("prompt",)),
        "responses": answers | openapi.problems(400, 413, 415, 422, 501, load=True),
    }
    listed = {
        "summary": "List the engines, for OpenAI's clients",
        "operationId": "models",
        "responses": {"200": openapi.json("The engines.", several)} | openapi.problems(),
    }
    told = {
        "summary": "Describe one engine",
        "operationId": "model",
        "parameters": [openapi.in_path("name")],
        "responses": {"200": openapi.json("The engine.", one)} | openapi.problems(404),
    }
    return {"/v1/images/edits": {"post": edits}, "/v1/models": {"get": listed}, "/v1/models/{name}": {"get": told}}
