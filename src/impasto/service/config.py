"""The operator's settings of the service: workers, limits and storage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from impasto.picture.untrusted import MAX_PIXELS
from impasto.settings import check, setting


@dataclass(frozen=True)
class ServiceConfig:
    """The settings of the service.

    Raises:
        UsageError: a value is out of its range.
    """

    workers: int = setting(0, "Processes that paint; 0 for one on each processor.", 0, 256)
    job_workers: int = setting(1, "Processes that work on jobs. They start when a job is expected.", 1, 256)
    queue_megapixels: int = setting(200, "Megapixels that may wait; above it, requests get 429.", 1, 100_000)
    queue_megabytes: int = setting(
        512, "Megabytes of uploads in memory at once; above it, requests get 429.", 1, 1_000_000
    )
    worker_megabytes: int = setting(
        2000,
        "Largest memory of a worker in megabytes; above it, the worker is replaced after its work.",
        200,
        1_000_000,
    )
    max_upload: int = setting(50, "Largest request in megabytes.", 1, 2000)
    max_pixels: int = setting(MAX_PIXELS, "Most pixels of a picture or a result.", 1000, 10**10)
    requests_per_minute: int = setting(
        0, "Requests per minute of each key or, without keys, of each address; 0 for no limit.", 0, 1_000_000
    )
    seconds: float = setting(60, "Longest time in seconds to paint a picture.", 0.1, 86_400)
    job_seconds: float = setting(3600, "Longest time in seconds of a job.", 1, 30 * 86_400)
    cache_megabytes: int = setting(256, "Megabytes of results kept for repeated requests; 0 keeps none.", 0, 1_000_000)
    grace: float = setting(30, "Seconds that running work may take to end after the service is stopped.", 0, 3600)
    jobs_url: str | None = setting(
        None, "Store of the jobs: sqlite:///FILE or redis://HOST:PORT/0; the default is a temporary file."
    )
    jobs_waiting: int = setting(100, "Jobs that may wait; above it, requests get 429.", 1, 10_000)
    jobs_megabytes: int = setting(1000, "Megabytes of stored jobs and results.", 1, 1_000_000)
    job_hours: float = setting(24, "Hours for which a job and its result are kept.", 0.01, 8760)
    job_iterations: int = setting(1000, "Most evaluations of an optimization.", 1, 100_000)
    clip_frames: int = setting(3000, "Most frames of a clip or an animation.", 1, 10_000_000)
    clip_seconds: float = setting(60, "Longest clip in seconds.", 0.1, 86_400)
    folder_photos: int = setting(500, "Most photos of one job.", 1, 30_000)
    uploads_megabytes: int = setting(1000, "Megabytes of uploads kept for previews.", 1, 1_000_000)
    upload_minutes: float = setting(60, "Minutes without use after which an upload is deleted.", 0.01, 100_000)
    learn: bool = setting(False, "Let clients add paintings to the gallery, train on them, and remove them.")
    learn_seconds: float = setting(600, "Longest training on a painting in seconds.", 0, 86_400)
    own_styles: int = setting(100, "Most styles in the gallery besides the built-in ones.", 1, 10_000)
    webhook_host: tuple[str, ...] | None = setting(
        None, "HOST or HOST:PORT that may receive webhooks about finished jobs; by default none."
    )
    webhook_secret_file: Path | None = setting(None, "File with the secret that signs webhooks.")

    def __post_init__(self) -> None:
        check(self)
