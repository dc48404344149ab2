"""`/healthz`, `/readyz` and `/metrics`, also under the names of the Open Inference Protocol (KServe v2)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from impasto.engines.by_name import ENGINES
from impasto.errors import ImpastoError
from impasto.service import openapi
from impasto.service.hosts import Busy, Ending
from impasto.service.service import Service, service_of
from impasto.version import __version__

_METRICS = "text/plain; version=1.0.0; charset=utf-8"
_RETRY = 2.0  # seconds


def routes(_service: Service) -> list[Route]:
    return [
        Route("/healthz", live, methods=["GET"]),
        Route("/v2/health/live", live, methods=["GET"]),
        Route("/readyz", ready, methods=["GET"]),
        Route("/v2/health/ready", ready, methods=["GET"]),
        Route("/v2", server, methods=["GET"]),
        Route("/v2/models/{name}/ready", model_ready, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


async def live(_request: Request) -> Response:
    """Answer that the service is alive."""
    return JSONResponse({"live": True})


async def ready(request: Request) -> Response:
    """Answer whether the service can take work."""
    load = service_of(request).load
    if load.ending or not load.hosts.ready():
        hint = "try again in a moment"
        raise Ending(_RETRY) if load.ending else Busy("no worker process is ready yet", _RETRY, hint, code="not-ready")
    return JSONResponse({"ready": True})


async def server(_request: Request) -> Response:
    """Return the service's name and version."""
    return JSONResponse({"name": "impasto", "version": __version__, "extensions": []})


async def model_ready(request: Request) -> Response:
    """Answer whether an engine can take work."""
    check_engine(request.path_params["name"])
    return await ready(request)


def check_engine(name: str) -> str:
    """Return the name of an engine. Raise an ImpastoError if there is no such engine."""
    if name not in ENGINES:
        raise ImpastoError(f"unknown engine '{name[:80]}'", f"engines: {', '.join(ENGINES)}", code="no-such-page")
    return name


async def metrics(request: Request) -> Response:
    """Return the metrics for Prometheus."""
    service = service_of(request)
    counts = await service.jobs.counts() if service.jobs else None
    return Response(service.metrics.text(counts), media_type=_METRICS)


def paths(_service: Service) -> dict[str, Any]:
    def get(summary: str, name: str, key: str, *statuses: int, openly: bool = True) -> dict[str, Any]:
        schema = {"type": "object", "properties": {key: {"type": "boolean"}}}
        found: dict[str, Any] = {"summary": summary, "operationId": name}
        found["responses"] = {"200": openapi.json("Yes.", schema)} | openapi.problems(*statuses)
        return {"get": found | ({"security": []} if openly else {})}

    text = {
        "description": "Metrics in the text format of Prometheus.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    told: dict[str, Any] = {"summary": "Metrics for Prometheus", "operationId": "metrics"}
    told |= {"responses": {"200": text} | openapi.problems()}
    model = get("Test whether an engine can take work", "model_ready", "ready", 404, openly=False)
    model["get"]["parameters"] = [openapi.in_path("name")]
    identity = {"type": "object", "required": ["name", "version"], "properties": {"name": {"type": "string"}}}
    about: dict[str, Any] = {"summary": "Show the service's name and version", "operationId": "server"}
    about |= {"responses": {"200": openapi.json("Name and version.", identity)} | openapi.problems()}
    return {
        "/healthz": get("Test whether the service answers", "healthz", "live"),
        "/v2/health/live": get("Test whether the service answers", "live", "live"),
        "/readyz": get("Test whether the service can take work", "readyz", "ready"),
        "/v2/health/ready": get("Test whether the service can take work", "ready", "ready"),
        "/v2": {"get": about},
        "/v2/models/{name}/ready": model,
        "/metrics": {"get": told},
    }
