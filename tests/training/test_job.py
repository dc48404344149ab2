"""A training job: what it reads, and what the result depends on."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from helpers import file_bytes, refused, scene
from trainings import TINY

from impasto.errors import PictureError, UsageError
from impasto.training.data import find_photos
from impasto.training.style_job import StyleJob


def test_the_settings_are_all_that_the_result_depends_on(job: StyleJob, painting: Path) -> None:
    photos = find_photos(job.photos)
    before = job.settings(photos)
    assert replace(job, folder=Path("elsewhere"), device="cpu", workers=3).settings(photos) == before
    for other in (replace(job, recipe=replace(TINY, seed=9)), replace(job, precision="bfloat16")):
        assert other.settings(photos) != before
    painting.write_bytes(file_bytes(scene(90, 90, 3)))
    assert job.settings(photos) != before
    painting.unlink()
    with refused(PictureError, "no-such-file", "painting.png"):
        job.settings(photos)


def test_pictures_are_read_in_the_sizes_that_are_looked_at(job: StyleJob, photo: Path) -> None:
    job = replace(job, samples=(photo,), recipe=replace(TINY, style_size=72))
    (painting,) = job.read_paintings()
    assert max(painting.shape[2:]) == 72
    (sample,) = job.read_samples()
    assert all(side % 4 == 0 for side in sample.shape[2:])
    photo.write_bytes(file_bytes(scene(31, 40)))
    with refused(UsageError, "too-small", "31 x 40", "32 pixels a side"):
        replace(job, styles={"small": photo}).read_paintings()


def test_readers_leave_a_processor_to_the_training(job: StyleJob) -> None:
    assert job.readers(1) == 0
    free = replace(job, workers=None)
    assert 1 <= free.readers(1) <= max(1, min(4, (os.cpu_count() or 1) - 1))
    assert free.readers(64) == 1
