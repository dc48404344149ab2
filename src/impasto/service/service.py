"""The parts of a running service, shared by all routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from impasto.service.config import ServiceConfig
from impasto.service.hosts import Hosts
from impasto.service.load import Load
from impasto.service.metrics import Metrics
from impasto.service.results import Results
from impasto.service.uploads.store import Uploads
from impasto.styles.gallery import Gallery

if TYPE_CHECKING:
    from impasto.service.editing import Editing
    from impasto.service.jobs.jobs import Jobs


@dataclass
class Service:
    """The objects that the routes share.

    Attributes:
        gallery: the gallery of styles.
        load: runs work.
        results: runs paintings, or returns cached ones.
        metrics: the metrics for Prometheus.
        uploads: files kept for previews.
        jobs: longer work; None if the service has no jobs.
        editing: a file that waits for the page's choice; None if there is none.
        at_home: True if only the operator can use the service: it is on loopback, without keys and without a proxy.
    """

    config: ServiceConfig
    gallery: Gallery
    load: Load
    results: Results
    metrics: Metrics
    uploads: Uploads
    jobs: Jobs | None = None
    editing: Editing | None = None
    at_home: bool = False

    @classmethod
    def of(cls, hosts: Hosts, config: ServiceConfig, editing: Editing | None = None) -> Service:
        """Make a service on some hosts."""
        metrics = Metrics()
        load = Load(hosts, config, metrics)
        uploads = Uploads(config.uploads_megabytes, config.upload_minutes, inline=not hosts.shares_files)
        return cls(config, Gallery(), load, Results(load, config.cache_megabytes), metrics, uploads, editing=editing)


def service_of(request: Request) -> Service:
    """Return the service to which a request is made."""
    service: Service = request.app.state.service
    return service
