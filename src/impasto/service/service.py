"""The parts of a running service, handed to those that answer requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from impasto.service.config import ServiceConfig
from impasto.service.load import Load
from impasto.styles.gallery import Gallery

if TYPE_CHECKING:
    from impasto.service.jobs.jobs import Jobs


@dataclass
class Service:
    """What the routes share.

    Attributes:
        gallery: where names of styles are looked up.
        load: has work done.
        jobs: long work, with a store and hosts of its own.
    """

    config: ServiceConfig
    gallery: Gallery
    load: Load
    jobs: Jobs | None = None
