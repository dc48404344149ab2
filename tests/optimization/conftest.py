"""A small photo and a small painting, read."""

from __future__ import annotations

from pathlib import Path

import pytest

from impasto.picture import Picture


@pytest.fixture
def pair(photo: Path, painting: Path) -> tuple[Picture, Picture]:
    return Picture.open(photo), Picture.open(painting)
