"""The application: all routes, and errors as problem details."""

from __future__ import annotations

import logging
from types import ModuleType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from impasto.errors import ImpastoError
from impasto.service import documentation, edits, health, openapi, styles, stylize
from impasto.service.clients import Left
from impasto.service.problems import problem
from impasto.service.service import Service

LOG = logging.getLogger("impasto.service")
MODULES: tuple[ModuleType, ...] = (stylize, edits, styles, health, openapi, documentation)
"""Each has `routes(service)` and `paths(service)`, its part of the OpenAPI document."""


def make_app(service: Service) -> Starlette:
    """The service as an ASGI application, without the limits that stand before it."""
    routes = [route for module in MODULES for route in module.routes(service)]
    handlers = {
        ImpastoError: _refused,
        HTTPException: _missed,
        Left: _left,
        ClientDisconnect: _left,
        Exception: _unexpected,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]
    app.state.service = service
    app.state.paths = {path: item for module in MODULES for path, item in module.paths(service).items()}
    return app


def _refused(_request: Request, error: ImpastoError) -> Response:
    return problem(error)


def _missed(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return problem(
            ImpastoError(f"there is no {request.url.path[:200]}", "/docs lists what there is", code="no-such-page")
        )
    if error.status_code == 405:
        allowed = headers.get("Allow", headers.get("allow", ""))
        message = f"{request.method[:20]} is not for {request.url.path[:200]}"
        return problem(ImpastoError(message, f"use {allowed}", code="wrong-method"), headers=headers)
    return problem(ImpastoError(str(error.detail)[:200], code="malformed"), headers=headers)


def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


def _unexpected(request: Request, error: Exception) -> Response:
    LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    return problem(ImpastoError("this should not have happened", "please report it", code="unexpected"))
