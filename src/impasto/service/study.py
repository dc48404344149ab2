"""Serve a study over HTTP: the observers' page, its pictures, and the receiver of answers. Nothing else is visible."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from types import FrameType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from impasto.errors import ImpastoError
from impasto.service.body import Body
from impasto.service.origins import Origins
from impasto.service.problems import malformed, problem
from impasto.service.server import make_server
from impasto.study.gathering import Gathering
from impasto.study.page import served_page
from impasto.study.pictures import picture_file

_MOST, _HELD = 1_000_000, 50_000_000  # bytes of a request, and of all requests that are being read
_GRACE = 5  # seconds that open requests have when the server ends
_HEADERS = {"Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-cache"}


def make_app(folder: Path, gathering: Gathering, hosts: Collection[str] | None = None) -> ASGIApp:
    """Build a study as an ASGI application: `/`, `/pictures/NAME.webp`, `/answers` and `/healthz`.

    Args:
        folder: of the study.
        hosts: names that the Host header may contain; None for any.
    """
    plan = gathering.plan
    text, policy = served_page(plan)

    async def page(_request: Request) -> Response:
        headers = _HEADERS | {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'"}
        return Response(text, media_type="text/html", headers=headers)

    async def picture(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            data = picture_file(folder, name).read_bytes() if name in plan.pictures else None
        except OSError:
            data = None
        if data is None:
            return _nothing(request)
        # The file's time is not sent: pictures of one condition were made one after the other.
        headers = {"Cache-Control": "max-age=31536000, immutable", "Cross-Origin-Resource-Policy": "same-origin"}
        return Response(data, media_type="image/webp", headers=headers)

    async def answers(request: Request) -> Response:
        try:
            given = json.loads(await request.body())
        except (ValueError, RecursionError):
            raise malformed("the request is not JSON") from None
        if not isinstance(given, dict):
            raise malformed("the request does not come from the study's page")
        trials = gathering.take(given)
        return JSONResponse({"trials": trials}, headers={"Cache-Control": "no-store"})

    async def healthy(_request: Request) -> Response:
        return JSONResponse({"observers": gathering.observers, "answers": gathering.answers})

    routes = [
        Route("/", page),
        Route("/pictures/{name}.webp", picture),
        Route("/answers", answers, methods=["POST"]),
        Route("/healthz", healthy),
    ]
    handlers = {ImpastoError: _refused, HTTPException: _missed, ClientDisconnect: _left}
    app: ASGIApp = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]
    return Origins(Body(app, _MOST, _HELD), (), hosts, verb="study serve")


async def _refused(_request: Request, error: ImpastoError) -> Response:
    return problem(error)


async def _missed(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405:
        fault = ImpastoError(f"this path does not support {request.method[:20]}", code="wrong-method")
        return problem(fault, headers=error.headers)
    return _nothing(request)


async def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads this answer


def _nothing(request: Request) -> Response:
    return problem(ImpastoError(f"{request.url.path[:200]} does not exist", "the study is at /", code="no-such-page"))


def serve(app: ASGIApp, place: socket.socket, announce: Callable[[], None]) -> None:
    """Answer until SIGINT or SIGTERM. A second signal ends the process at once, with code 128 + number.

    Args:
        place: a listening socket.
        announce: called when the server answers.
    """
    server = make_server(app)

    def asked(number: int, _frame: FrameType | None) -> None:
        if server.should_exit:
            os._exit(128 + number)  # acknowledged answers are on the disk
        server.end(_GRACE)

    async def run() -> None:
        serving = asyncio.create_task(server.serve([place]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        announce()
        await serving

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        asyncio.run(run())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
