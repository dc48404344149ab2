"""`POST /v1/stylize`: return a photo in a style."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from impasto.service import openapi
from impasto.service.clients import while_there
from impasto.service.fields import PAINTING, Form, paint_work, read_form
from impasto.service.looking import check_result, look_at
from impasto.service.negotiation import header_of, matches, suffix_of
from impasto.service.problems import unchanged
from impasto.service.service import Service, service_of
from impasto.service.work import Answer, PaintWork, Work, format_of_suffix

_KEPT_FOR = "private, no-cache"  # only the client may cache it, and must ask again before showing it


def routes(_service: Service) -> list[Route]:
    return [Route("/v1/stylize", stylize, methods=["POST"])]


async def stylize(request: Request) -> Response:
    """Paint a photo."""
    service = service_of(request)
    form = await read_form(request)
    form.check_known(PAINTING)
    accept = header_of(request, "accept")

    def prepare() -> tuple[PaintWork, str]:
        work = work_of(form, service, accept)
        return work, work.digest(service.gallery)

    return await done(request, *await form.looked_at(prepare))


def work_of(form: Form, service: Service, accept: str) -> PaintWork:
    """Return the painting that a form asks for. Only quick checks are made.

    Raises:
        ImpastoError: the request is invalid, the file is not a picture or is too large, or no format of the result is
            acceptable.
    """
    photo = form.file("image")
    head = look_at(photo, service.config)
    suffix = suffix_of(form.text("format"), accept, head.file_format)
    work = paint_work(form, service, suffix)
    check_result(head, work.controls, format_of_suffix(suffix), service.config.max_pixels)
    return work


async def done(request: Request, work: Work, key: str) -> Response:
    """Do some work, unless the client already has its result.

    Args:
        key: identifies the result.
    """
    request.state.megapixels = round(work.megapixels, 2)
    tag = f'"{key}"'
    if matches(header_of(request, "if-none-match"), tag):
        return unchanged(tag)
    return _answered(await while_there(request, service_of(request).results.of(work, key)), tag)


def _answered(answer: Answer, tag: str) -> Response:
    """Return a picture as an answer."""
    facts = answer.facts
    seconds: dict[str, float] = facts.get("seconds", {})
    headers = {
        "ETag": tag,
        "Cache-Control": _KEPT_FOR,
        "Impasto-Size": f"{facts['width']}x{facts['height']}",
        "Server-Timing": ", ".join(f"{stage};dur={1000 * spent:.1f}" for stage, spent in seconds.items()),
        "Vary": "Accept",
    }
    if answer.notes:
        headers["Impasto-Notes"] = json.dumps(list(answer.notes))
    return Response(answer.data, headers=headers, media_type=answer.media_type)


def paths(_service: Service) -> dict[str, Any]:
    painted = openapi.picture("The painted photo, in the requested or accepted format, or else in the photo's own.")
    operation = {
        "summary": "Paint a photo",
        "description": "The result is byte for byte the file that `impasto stylize` writes. "
        "The body may also be the photo itself. Then the other fields are in the query.",
        "operationId": "stylize",
        "parameters": [openapi.IF_NONE_MATCH, *openapi.as_parameters(openapi.painting_fields(), without=("image",))],
        "requestBody": openapi.form(openapi.painting_fields(), ("image",), or_pictures=True),
        "responses": {"200": painted} | openapi.problems(400, 406, 412, 413, 415, 422, 500, 501, 503, 504, load=True),
    }
    return {"/v1/stylize": {"post": operation}}
