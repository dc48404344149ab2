"""The parts of a running service, handed to those that answer requests."""

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
    """What the routes share.

    Attributes:
        gallery: where names of styles are looked up.
        load: has work done.
        results: has paintings done, or has them already.
        metrics: what Prometheus is told.
        uploads: files that are kept to be looked at.
        jobs: what takes longer; None, it is not offered.
        editing: files that wait to be painted in their place; None, there are none.
        at_home: whether all who ask are whoever runs it: it is on loopback, without keys and without a proxy.
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
        """A service on some hosts."""
        metrics = Metrics()
        load = Load(hosts, config, metrics)
        uploads = Uploads(config.uploads_megabytes, config.upload_minutes, inline=not hosts.shares_files)
        return cls(config, Gallery(), load, Results(load, config.cache_megabytes), metrics, uploads, editing=editing)


def service_of(request: Request) -> Service:
    """The service that a request is made to."""
    service: Service = request.app.state.service
    return service
