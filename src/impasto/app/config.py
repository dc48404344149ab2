"""What whoever runs the page has decided: limits, and how much is done at once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from impasto.picture.reading import MAX_PIXELS
from impasto.settings import check, setting

VARIABLE = "IMPASTO_APP"
PAGE = Path(__file__).parent / "page.py"


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


def streamlit_settings(config: Config) -> dict[str, object]:
    """How Streamlit serves the page, whoever starts it: by its options' names and values."""
    return {
        "server.maxUploadSize": config.max_upload,
        "server.fileWatcherType": "none",
        "server.enableStaticServing": False,
        "server.showEmailPrompt": False,  # it would wait for an answer, and send it to its makers
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "theme.light.primaryColor": "#b8431f",
        "theme.dark.primaryColor": "#e0764f",
        "logger.level": "error",
        "logger.hideWelcomeMessage": True,
    }
