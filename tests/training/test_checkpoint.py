"""What is kept to go on from: the same training only, whole, or said to be damaged."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import file_bytes, refused, scene
from trainings import TINY

from impasto.errors import PictureError, TrainingError, UsageError
from impasto.training import checkpoint
from impasto.training.loop import train
from impasto.training.style_job import StyleJob


def test_changed_settings_are_named_and_refused(job: StyleJob, painting: Path) -> None:
    train(job, on_progress=lambda now: now.step < 2)
    with refused(UsageError, "already-there"):
        train(job)
    with refused(UsageError, "changed-settings", "learning rate was 0.001 and is 0.01"):
        train(replace(job, recipe=replace(TINY, learning_rate=0.01)), resume=True)
    painting.write_bytes(file_bytes(scene(90, 90, 3)))
    with refused(UsageError, "changed-settings", "styles"):
        train(job, resume=True)
    (job.folder / "run.json").write_text("{")
    with refused(TrainingError, "damaged-file", "run.json"):
        train(job, resume=True)
    result = train(job, overwrite=True)
    assert result is not None
    assert result.step == 12


def test_a_damaged_checkpoint_is_said_to_be_that(job: StyleJob) -> None:
    train(job, on_progress=lambda now: now.step < 2)
    data = (job.folder / "checkpoint.pt").read_bytes()
    (job.folder / "checkpoint.pt").write_bytes(data[: len(data) // 2])
    with refused(TrainingError, "damaged-file", "checkpoint.pt"):
        train(job, resume=True)


def test_a_full_disk_keeps_the_last_checkpoint(job: StyleJob, monkeypatch: pytest.MonkeyPatch) -> None:
    train(job, on_progress=lambda now: now.step < 3)
    before = (job.folder / "checkpoint.pt").read_bytes()
    plain = os.fsync

    def full(descriptor: int) -> None:
        if "checkpoint" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(28, "No space left on device")
        plain(descriptor)

    monkeypatch.setattr("os.fsync", full)
    with refused(PictureError, "disk-full"):
        train(replace(job, checkpoint_every=2), resume=True)
    monkeypatch.undo()
    assert (job.folder / "checkpoint.pt").read_bytes() == before
    assert not list(job.folder.glob("*.part")) + list(job.folder.glob(".*.part"))
    result = train(job, resume=True)
    assert result is not None
    assert result.step == 12


def test_a_checkpoint_of_another_version_is_said_to_be_that(job: StyleJob) -> None:
    train(job, on_progress=lambda now: now.step < 2)
    path = job.folder / checkpoint.CHECKPOINT
    state = torch.load(path, weights_only=True)
    torch.save(state | {"format": checkpoint.FORMAT + 1}, path)
    with refused(TrainingError, "other-version", "format 2"):
        train(job, resume=True)


def test_a_training_of_a_version_that_did_not_keep_the_precision_goes_on(job: StyleJob) -> None:
    checkpoint.claim(job.folder, {"seed": 1, "precision": "auto"}, resume=False)
    (job.folder / checkpoint.CHECKPOINT).write_bytes(b"")
    checkpoint.claim(job.folder, {"seed": 1, "precision": "bfloat16"}, resume=True)
    with refused(UsageError, "changed-settings", "seed was 1 and is 2"):
        checkpoint.claim(job.folder, {"seed": 2, "precision": "bfloat16"}, resume=True)


def test_only_what_a_training_has_left_is_deleted(job: StyleJob) -> None:
    train(job, on_progress=lambda now: now.step < 2)
    own = job.folder / "notes.txt"
    own.write_text("mine")
    (job.folder / "photos.json").unlink()
    checkpoint.forget(job.folder)
    assert list(job.folder.iterdir()) == [own]
