"""The parts of a running service, handed to those that answer requests."""

from __future__ import annotations

from dataclasses import dataclass

from impasto.service.config import ServiceConfig
from impasto.service.load import Load
from impasto.styles.gallery import Gallery


@dataclass
class Service:
    """What the routes share.

    Attributes:
        gallery: where names of styles are looked up.
        load: has work done.
    """

    config: ServiceConfig
    gallery: Gallery
    load: Load
