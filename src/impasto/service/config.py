"""What whoever runs the service has decided: workers, limits, how much is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from impasto.picture.untrusted import MAX_PIXELS
from impasto.settings import check, setting


@dataclass(frozen=True)
class ServiceConfig:
    """The service's settings.

    Raises:
        UsageError: a value out of its range.
    """

    workers: int = setting(0, "Processes that paint; 0, as many as there are processors.", 0, 256)
    job_workers: int = setting(1, "Processes that work on jobs, started once one is to be expected.", 1, 256)
    queue_megapixels: int = setting(200, "Megapixels that may wait; more is refused with 429.", 1, 100_000)
    queue_megabytes: int = setting(512, "Megabytes of uploads held at once; more is refused with 429.", 1, 1_000_000)
    worker_megabytes: int = setting(2000, "A worker that holds more after its work is replaced.", 200, 1_000_000)
    max_upload: int = setting(50, "Largest request in megabytes.", 1, 2000)
    max_pixels: int = setting(MAX_PIXELS, "Refuse pictures, and results, with more pixels.", 1000, 10**10)
    requests_per_minute: int = setting(
        0, "Requests a minute of each key, or of each address without keys; 0, any number.", 0, 1_000_000
    )
    seconds: float = setting(60, "Seconds that a picture may take.", 0.1, 86_400)
    job_seconds: float = setting(3600, "Seconds that a job may take.", 1, 30 * 86_400)
    cache_megabytes: int = setting(256, "Megabytes of results kept for the same request; 0 keeps none.", 0, 1_000_000)
    grace: float = setting(30, "Seconds that running work gets to end once the service is stopped.", 0, 3600)
    jobs_url: str | None = setting(
        None, "Where jobs lie: sqlite:///FILE or redis://HOST:PORT/0; a temporary file if not given."
    )
    jobs_waiting: int = setting(100, "Jobs that may wait; more is refused with 429.", 1, 10_000)
    jobs_megabytes: int = setting(1000, "Megabytes of jobs and their results.", 1, 1_000_000)
    job_hours: float = setting(24, "Hours that a job and its result are kept.", 0.01, 8760)
    job_iterations: int = setting(1000, "Evaluations that an optimization may take.", 1, 100_000)
    clip_frames: int = setting(3000, "Frames that a clip or an animation may have.", 1, 10_000_000)
    clip_seconds: float = setting(60, "Seconds that a clip may last.", 0.1, 86_400)
    folder_photos: int = setting(500, "Photos that one job may have.", 1, 30_000)
    uploads_megabytes: int = setting(1000, "Megabytes of files that are kept to be looked at.", 1, 1_000_000)
    upload_minutes: float = setting(60, "Minutes without use after which such a file is forgotten.", 0.01, 100_000)
    learn: bool = setting(False, "Let clients put paintings into the gallery, learn them, and remove them.")
    learn_seconds: float = setting(600, "Seconds that a painting may be learned.", 0, 86_400)
    own_styles: int = setting(100, "Styles that the gallery may hold beside the built-in ones.", 1, 10_000)
    webhook_host: tuple[str, ...] | None = setting(
        None, "HOST or HOST:PORT that clients may have told of their jobs' ends; none if not given."
    )
    webhook_secret_file: Path | None = setting(None, "File with the secret that such messages are signed with.")

    def __post_init__(self) -> None:
        check(self)
