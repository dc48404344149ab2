"""What whoever runs the page has decided: limits, and how much is done at once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from impasto.picture.reading import MAX_PIXELS
from impasto.settings import check, setting

VARIABLE = "IMPASTO_APP"


@dataclass(frozen=True)
class Config:
    """The page's limits.

    Raises:
        UsageError: a value out of its range.
    """

    max_upload: int = setting(50, "Largest upload in megabytes.", 1, 2000)
    max_pixels: int = setting(MAX_PIXELS, "Refuse pictures with more pixels.", 1000, 10**10)
    jobs: int = setting(2, "How many photos are painted at once.", 1, 64)
    optimize_jobs: int = setting(1, "How many optimizations run at once; others wait.", 1, 16)
    optimize_side: int = setting(768, "Longer side of an optimized picture, at most.", 64, 4096)
    learn_seconds: int = setting(180, "Seconds that the page's button learns a painting.", 1, 86_400)
    idle: int = setting(30, "Minutes without a click after which a visitor's pictures are forgotten.", 1, 10_000)

    def __post_init__(self) -> None:
        check(self)

    def as_environment(self) -> dict[str, str]:
        """How the page, which runs in a process of Streamlit's, is told.

        The C library keeps an arena of memory for each thread, and every visitor brings threads: two must do.
        """
        return {VARIABLE: json.dumps(asdict(self)), "MALLOC_ARENA_MAX": "2"}

    @classmethod
    def from_environment(cls) -> Config:
        return cls(**json.loads(os.environ.get(VARIABLE, "{}")))
