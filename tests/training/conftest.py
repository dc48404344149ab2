"""A tiny training job, its photographs, and a painting to learn."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ROOT
from trainings import TINY, make_photos

from impasto.picture import Picture
from impasto.training.job import TrainingJob


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return make_photos(tmp_path / "photos")


@pytest.fixture
def job(tmp_path: Path, photos: Path, painting: Path) -> TrainingJob:
    return TrainingJob({"one": painting}, str(photos), tmp_path / "run", TINY, precision="float32", workers=0)


@pytest.fixture(scope="session")
def picture() -> Picture:
    return Picture.open(ROOT / "examples" / "almond-blossom.jpg").resized(200, 160)
