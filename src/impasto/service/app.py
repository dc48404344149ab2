"""Build the application: all routes, and errors as problem details."""

from __future__ import annotations

import logging
from types import ModuleType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match

from impasto.errors import ImpastoError
from impasto.service import documentation, editing, edits, enlarge, health, offers, openapi, presets, styles, stylize
from impasto.service.clients import Left
from impasto.service.jobs import routes as jobs
from impasto.service.problems import problem
from impasto.service.service import Service
from impasto.service.studio import Studio
from impasto.service.uploads import routes as uploads

LOG = logging.getLogger("impasto.service")
MODULES: tuple[ModuleType, ...] = (
    stylize,
    enlarge,
    edits,
    styles,
    presets,
    editing,
    jobs,
    uploads,
    offers,
    health,
    openapi,
    documentation,
)
"""Each module has `routes(service)` and `paths(service)`, its part of the OpenAPI document."""


def make_app(service: Service, studio: Studio | None = None) -> Starlette:
    """Build the service as an ASGI application, without the limits that are applied before it.

    Args:
        studio: answers all paths that have no route; None for no page.
    """
    routes = [route for module in MODULES for route in module.routes(service)]
    handlers = {
        ImpastoError: _refused,
        HTTPException: _missed,
        Left: _left,
        ClientDisconnect: _left,
        Exception: _unexpected,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]
    app.router.redirect_slashes = False  # a path has exactly one form
    if studio is not None:
        app.router.default = studio
    app.state.service = service
    app.state.paths = {}
    for module in MODULES:
        for path, item in module.paths(service).items():  # several modules can answer one path, with different methods
            app.state.paths[path] = app.state.paths.get(path, {}) | item
    return app


async def _refused(request: Request, error: ImpastoError) -> Response:
    return problem(error, request.url.path)


async def _missed(request: Request, error: HTTPException) -> Response:
    headers, path = dict(error.headers or {}), request.url.path
    if error.status_code == 404:
        fault = ImpastoError(f"{path[:200]} does not exist", "see /docs for all paths", code="no-such-page")
    elif error.status_code == 405:
        headers["Allow"] = allowed = _methods(request)
        message = f"{path[:200]} does not support {request.method[:20]}"
        fault = ImpastoError(message, f"use {allowed}", code="wrong-method")
    else:
        fault = ImpastoError(str(error.detail)[:200], code="malformed")
    return problem(fault, path, headers=headers)


def _methods(request: Request) -> str:
    """Return the methods of a path, from all modules that answer it."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return ", ".join(sorted(found))


async def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads this answer


async def _unexpected(request: Request, error: Exception) -> Response:
    LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    fault = ImpastoError("unexpected error of the service", "please report it", code="unexpected")
    return problem(fault, request.url.path)
