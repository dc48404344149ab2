"""`/v1/uploads`: store a file, and preview it painted."""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto.errors import PictureError, UsageError
from impasto.picture import untrusted
from impasto.service.clients import while_there
from impasto.service.fields import Form, paint_work, read_form, read_parts, value_of
from impasto.service.log import moment
from impasto.service.looking import check_pixels, look_at
from impasto.service.negotiation import header_of, matches
from impasto.service.owners import owner_of
from impasto.service.service import Service, service_of
from impasto.service.uploads import documented
from impasto.service.uploads.automatic import MaskWork
from impasto.service.uploads.documented import LONGEST_NAME, MASKS
from impasto.service.uploads.kept import Kept
from impasto.service.uploads.looking import FrameOfClip, LookAtClip, LookAtPhoto
from impasto.service.uploads.preview import Crop, PreviewWork, ShowPhoto
from impasto.service.uploads.store import Stored
from impasto.service.work import Answer, Upload, Work
from impasto.system.names import safe_name

SIDES = 16, 4096
"""Lowest and highest longer side of a view in pixels."""
MOST_CROPPED = 4096 * 4096
"""Most pixels of a part at full size."""
_CROP = re.compile(r"\d{1,6},\d{1,6},\d{1,6},\d{1,6}", re.ASCII)
_SIDE = "1280"
_SHOWN = {"Cache-Control": "private, max-age=3600"}
_PRIVATE = {"Cache-Control": "no-store"}


def routes(_service: Service) -> list[Route]:
    return [
        Route("/v1/uploads", send, methods=["POST"]),
        Route("/v1/uploads/{upload}", show, methods=["GET"]),
        Route("/v1/uploads/{upload}", forget, methods=["DELETE"]),
        Route("/v1/uploads/{upload}/photo", photo, methods=["GET"]),
        Route("/v1/uploads/{upload}/painted", painted, methods=["GET"]),
        Route("/v1/uploads/{upload}/mask", mask, methods=["GET"]),
    ]


async def send(request: Request) -> Response:
    """Store a file. Answer 201 and the file's facts."""
    service = service_of(request)
    upload = await _sent(request)
    if not upload.data:
        raise PictureError(f"{upload.name} is empty", code="empty-file")
    file = await service.uploads.file(upload)
    try:
        looked = await while_there(request, service.load.run(await asyncio.to_thread(_look, upload, file, service)))
        facts = looked.facts["upload"]
        one = await service.uploads.add(owner_of(request), file, len(upload.data), facts, looked.data)
    except BaseException:
        service.uploads.drop(file)
        raise
    if service.jobs is not None:
        service.jobs.expect()
    place = f"{request.scope.get('root_path', '')}/v1/uploads/{one.id}"
    return JSONResponse(told(one, service), 201, {**_PRIVATE, "Location": place})


async def _sent(request: Request) -> Upload:
    """Return the file of a request: the whole body, or the field `file` of a form."""
    name = request.query_params.get("name", "")
    if len(name) > LONGEST_NAME:
        raise UsageError(f"the name has more than {LONGEST_NAME} characters", code="malformed")
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        form = await read_parts(request)
        form.check_known({"file"})
        return form.file("file")
    return Upload(safe_name(name), await request.body())


def _look(upload: Upload, file: Kept, service: Service) -> Work:
    """Return the work that examines a file: as a picture if it starts like one, otherwise as a clip."""
    try:
        untrusted.check(upload.data, upload.name)
    except PictureError as error:
        from impasto.service.jobs.work import need

        if error.code != "not-a-picture" or not _may_be_clip(upload):
            raise
        need("av", "PyAV, which clips need,", "video")
        return LookAtClip(file, service.config.max_pixels)
    head = look_at(upload, service.config)
    return LookAtPhoto(file, service.config.max_pixels, head.width * head.height * head.frames / 1e6)


def _may_be_clip(upload: Upload) -> bool:
    """Return True if FFmpeg may open a file. Text files, such as playlists or drawings, are excluded."""
    return b"\0" in upload.data[:4096]


async def show(request: Request) -> Response:
    """Describe an upload."""
    service = service_of(request)
    return JSONResponse(told(_found(request), service), headers=_PRIVATE)


async def forget(request: Request) -> Response:
    """Delete an upload."""
    service_of(request).uploads.remove(_found(request))
    return Response(status_code=204)


async def photo(request: Request) -> Response:
    """Send the upload's picture, reduced and unpainted."""
    service, one, form = service_of(request), _found(request), await read_form(request)
    form.check_known({"side", "at"})
    side, second = _side(form), _second(form, one)
    canvas = await _canvas(request, one, second)
    return await _view(request, ShowPhoto(canvas, _size(one), side), service)


async def painted(request: Request) -> Response:
    """Send a preview of the upload's painted picture."""
    service, one, form = service_of(request), _found(request), await read_form(request)
    form.check_known(documented.PREVIEWED)
    side, second = _side(form), _second(form, one)
    plain = Form({name: values for name, values in form.order.items() if name not in ("side", "at", "crop")})
    paint = paint_work(replace(plain, order={**plain.order, "image": [Upload(one.name, b"")]}), service, ".jpg")
    final = paint.controls.output_size(*_size(one))
    check_pixels("the result would have", final[0] * final[1], service.config.max_pixels)
    crop = _crop(form, final)
    canvas = await _canvas(request, one, second)
    work = PreviewWork(paint, one.file, canvas, _size(one), side, second if one.facts.kind == "clip" else None, crop)
    return await _view(request, work, service)


async def mask(request: Request) -> Response:
    """Send an automatic mask of the upload: people, background or faces."""
    service, one, form = service_of(request), _found(request), await read_form(request)
    form.check_known({"of", "side", "at"})
    of = form.text("of")
    if of not in MASKS:
        raise UsageError(f"unknown mask {of or ''!r:.40}", f"masks: {', '.join(MASKS)}", code="unknown-choice")
    canvas = await _canvas(request, one, _second(form, one))
    return await _view(request, MaskWork(canvas, _size(one), _side(form), of), service)


async def _view(request: Request, work: ShowPhoto | PreviewWork | MaskWork, service: Service) -> Response:
    key = await asyncio.to_thread(work.digest, service.gallery)
    tag = f'"{key}"'
    headers = {"ETag": tag, **_SHOWN}
    if matches(header_of(request, "if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    answer = await while_there(request, service.results.of(work, key))
    return _answered(answer, headers)


def _answered(answer: Answer, headers: dict[str, str]) -> Response:
    stages = answer.facts.get("seconds", {})
    headers = headers | {
        "Impasto-Size": f"{answer.facts['width']}x{answer.facts['height']}",
        "Server-Timing": ", ".join(f"{stage};dur={1000 * spent:.1f}" for stage, spent in stages.items()),
    }
    if answer.notes:
        headers["Impasto-Notes"] = json.dumps(list(answer.notes))
    return Response(answer.data, headers=headers, media_type=answer.media_type)


async def _canvas(request: Request, one: Stored, second: float) -> Kept:
    """Return the reduced picture of an upload, or of a clip's frame."""
    if second in one.canvases:
        return one.canvases[second]
    service = service_of(request)
    work = FrameOfClip(one.file, second, service.config.max_pixels)
    answer = await while_there(request, service.results.of(work, f"frame {one.id} {second}"))
    return await service.uploads.keep_canvas(one, second, answer.data)


def _side(form: Form) -> int:
    side: int = value_of(form.text("side", _SIDE) or _SIDE, int, "side")
    if not SIDES[0] <= side <= SIDES[1]:
        raise UsageError(f"side {side} is not in {SIDES[0]}..{SIDES[1]}", code="out-of-range")
    return side


def _crop(form: Form, final: tuple[int, int]) -> Crop | None:
    """Return the requested part, cut to the picture's borders."""
    text = form.text("crop")
    if not text:
        return None
    if not _CROP.fullmatch(text):
        raise UsageError(f"crop {text[:40]!r} is not a region", "use crop=X,Y,WIDTH,HEIGHT in pixels", code="malformed")
    x, y, width, height = map(int, text.split(","))
    width, height = min(width, final[0] - x), min(height, final[1] - y)
    if width < 1 or height < 1:
        raise UsageError(f"crop {text} is outside of {final[0]} x {final[1]} pixels", code="out-of-range")
    if width * height > MOST_CROPPED:
        raise UsageError(
            f"crop {text} has more than {MOST_CROPPED} pixels", "choose a smaller part", code="out-of-range"
        )
    return x, y, width, height


def _second(form: Form, one: Stored) -> float:
    text = form.text("at")
    second: float = value_of(text, float, "at") if text else 0.0
    if not 0 <= second <= 1e6:
        raise UsageError(f"at {second:g} is not in 0..1000000", code="out-of-range")
    return round(min(second, one.facts.seconds or 0.0), 3)


def _size(one: Stored) -> tuple[int, int]:
    return one.facts.width, one.facts.height


def _found(request: Request) -> Stored:
    return service_of(request).uploads.find(request.path_params["upload"], owner_of(request))


def told(one: Stored, service: Service) -> dict[str, Any]:
    """Return an upload as clients see it."""
    expires = time.time() + service.uploads.expires_in(one)
    return {"id": one.id, "name": one.name, **one.facts.as_json(), "bytes": one.bytes, "expires": moment(expires)}


def paths(service: Service) -> dict[str, Any]:
    """Return the routes' part of the OpenAPI document."""
    return documented.documented(service)
