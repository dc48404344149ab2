"""The service on one person's computer: what `impasto app` starts."""

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
        UsageError: a value out of its range.
    """

    max_upload: int = setting(200, "Largest upload in megabytes.", 1, 2000)
    max_pixels: int = setting(MAX_PIXELS, "Refuse pictures with more pixels.", 1000, 10**10)
    jobs: int = setting(1, "How many previews are painted at once, each by a process.", 1, 64)
    optimize_jobs: int = setting(1, "How many jobs run at once; others wait.", 1, 16)
    learn_seconds: int = setting(1800, "Seconds that a painting may be learned.", 1, 86_400)
    idle: int = setting(120, "Minutes without use after which an upload is forgotten.", 1, 10_000)

    def __post_init__(self) -> None:
        check(self)

    def service_config(self) -> ServiceConfig:
        """The service's settings; jobs lie in the user's cache folder, and survive a restart."""
        return ServiceConfig(
            workers=self.jobs,
            job_workers=self.optimize_jobs,
            max_upload=self.max_upload,
            max_pixels=self.max_pixels,
            queue_megapixels=2000,
            queue_megabytes=max(512, 3 * self.max_upload),
            cache_megabytes=64,  # the browser remembers what it was shown, too
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
    """Where jobs lie; None, in a temporary file, for a user without a home folder, or one that is not written to."""
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
    except (NoHome, OSError):
        return None
    return f"sqlite:///{quote((folder / 'jobs.sqlite').as_posix())}"


def access(host: str) -> Access:
    """Who may use it: on loopback this computer alone; elsewhere all who reach the address, by a name of this one."""
    from impasto.service.limits import Access, is_loopback  # here: they need an extra, and the settings do not

    names = () if is_loopback(host) else tuple(_names())
    return Access(host, allowed_hosts=names, page=True, by_number=not is_loopback(host))


def _names() -> list[str]:
    """This computer's names."""
    short = socket.gethostname().lower()
    return [short, f"{short.partition('.')[0]}.local"]
