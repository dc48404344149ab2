"""`POST /v1/enlarge`: return a larger version of a picture."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from impasto.batch.painting import Saving
from impasto.enlarging.options import EnlargeOptions
from impasto.picture.formats import check_saving
from impasto.service import openapi
from impasto.service.fields import Form, SavingFields, names_of, read_form, settings
from impasto.service.looking import check_result, look_at
from impasto.service.negotiation import header_of, suffix_of
from impasto.service.service import Service, service_of
from impasto.service.stylize import done
from impasto.service.work import EnlargeWork, format_of_suffix

FIELDS = frozenset({"image", "format", *names_of(SavingFields), *names_of(EnlargeOptions)})


def routes(_service: Service) -> list[Route]:
    return [Route("/v1/enlarge", enlarge, methods=["POST"])]


async def enlarge(request: Request) -> Response:
    """Enlarge a picture."""
    service = service_of(request)
    form = await read_form(request)
    form.check_known(FIELDS)
    accept = header_of(request, "accept")

    def prepare() -> tuple[EnlargeWork, str]:
        work = _work_of(form, service, accept)
        return work, work.digest()

    return await done(request, *await form.looked_at(prepare))


def _work_of(form: Form, service: Service, accept: str) -> EnlargeWork:
    """Return the work that a form asks for. Only quick checks are made.

    Raises:
        ImpastoError: the request is invalid, the file is not a picture or is too large, or no format of the result is
            acceptable.
    """
    picture = form.file("image")
    head = look_at(picture, service.config)
    suffix = suffix_of(form.text("format"), accept, head.file_format)
    saving, options = settings(SavingFields, form), settings(EnlargeOptions, form)
    check_saving(format_of_suffix(suffix), saving.quality, saving.bits)
    check_result(head, options, format_of_suffix(suffix), service.config.max_pixels)
    return EnlargeWork(picture, options, suffix, Saving(suffix, **vars(saving)), service.config.max_pixels)


def paths(_service: Service) -> dict[str, Any]:
    fields = {
        "image": openapi.FILE | {"description": "The picture."},
        "format": openapi.FORMAT,
        **openapi.schemas(SavingFields),
        **openapi.schemas(EnlargeOptions),
    }
    made = openapi.picture("The enlarged picture, in the requested or accepted format, or else in its own.")
    operation = {
        "summary": "Enlarge a picture",
        "description": "The result is byte for byte the file that `impasto enlarge` writes. "
        "The body may also be the picture itself. Then the other fields are in the query.",
        "operationId": "enlarge",
        "parameters": [openapi.IF_NONE_MATCH, *openapi.as_parameters(fields, without=("image",))],
        "requestBody": openapi.form(fields, ("image",), or_pictures=True),
        "responses": {"200": made} | openapi.problems(400, 406, 412, 413, 415, 422, 500, 501, 503, 504, load=True),
    }
    return {"/v1/enlarge": {"post": operation}}
