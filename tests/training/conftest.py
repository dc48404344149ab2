"""A tiny training job, its photographs, and a painting to learn."""

from __future__ import annotations

import pytest
from helpers import ROOT

from impasto.picture import Picture


@pytest.fixture(scope="session")
def picture() -> Picture:
    return Picture.open(ROOT / "examples" / "almond-blossom.jpg").resized(200, 160)
