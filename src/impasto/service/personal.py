"""The service on a personal computer, as `impasto app` starts it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from impasto.picture.reading import MAX_PIXELS
from impasto.service.config import ServiceConfig
from impasto.settings import check, setting
from impasto.system.files import NoHome, cache_folder

if TYPE_CHECKING:
    from impasto.service.limits import Access

_A_WEEK = 168.0  # hours


@dataclass(frozen=True)
class Personal:
    """The limits of `impasto app`.

    Raises:
        UsageError: a value is out of its range.
    """

    max_upload: int = setting(200, "Largest upload in megabytes.", 1, 2000)
    max_pixels: int = setting(MAX_PIXELS, "Most pixels of a picture.", 1000, 10**10)
    jobs: int = setting(1, "Number of previews painted at once, each by its own process.", 1, 64)
    optimize_jobs: int = setting(1, "Number of jobs that run at once; others wait.", 1, 16)
    learn_seconds: int = setting(1800, "Longest training on a painting in seconds.", 1, 86_400)
    idle: int = setting(120, "Minutes without use after which an upload is deleted.", 1, 10_000)

    def __post_init__(self) -> None:
        check(self)

    def service_config(self) -> ServiceConfig:
        """Return the service's settings. Jobs are stored in the user's cache folder and survive a restart."""
        return ServiceConfig(
            workers=self.jobs,
            job_workers=self.optimize_jobs,
            max_upload=self.max_upload,
            max_pixels=self.max_pixels,
            queue_megapixels=2000,
            queue_megabytes=max(512, 3 * self.max_upload),
            cache_megabytes=64,  # the browser caches pictures, too
            uploads_megabytes=max(2000, 4 * self.max_upload),
            upload_minutes=self.idle,
            seconds=600,
            job_seconds=86_400,
            job_hours=_A_WEEK,
            jobs_megabytes=max(4000, 4 * self.max_upload),
            jobs_url=_jobs_url(),
            clip_frames=100_000,
            clip_seconds=3600,
            learn=True,
            learn_seconds=self.learn_seconds,
            own_styles=1000,
            grace=3,
        )


def _jobs_url() -> str | None:
    """Return the store of jobs; None for a temporary file, if the user's home folder is missing or not writable."""
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (NoHome, OSError):
        return None
    return f"sqlite:///{quote((folder / 'jobs.sqlite').as_posix())}"


def access(host: str) -> Access:
    """Return who may use it: on loopback only this computer, elsewhere everybody who uses a name of this computer."""
    from impasto.service.limits import Access, is_loopback  # the settings above need no extra

    names = () if is_loopback(host) else tuple(_names())
    return Access(host, allowed_hosts=names, page=True, by_number=not is_loopback(host))


def _names() -> list[str]:
    """Return the names of this computer."""
    short = socket.gethostname().lower()
    return [short, f"{short.partition('.')[0]}.local"]
