"""Training: it learns, stops, goes on exactly, and ends where its losses do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import refused
from trainings import TINY, metrics, weights

from impasto.errors import TrainingError
from impasto.nn import device
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.training.loop import Learner, train
from impasto.training.recipe import DEFAULT
from impasto.training.style_job import StyleJob


def test_it_learns_and_leaves_what_one_looks_at(job: StyleJob) -> None:
    job = replace(
        job, recipe=replace(TINY, iterations=60, learning_rate=5e-3), sample_every=30, samples=(job.styles["one"],)
    )
    seen: list[Progress] = []
    result = train(job, on_progress=seen.append)
    assert result is not None
    assert (result.step, result.stopped) == (60, False)
    assert [now.step for now in seen] == list(range(61))
    assert seen[0].message == "5 photographs"
    assert seen[30].fraction == 0.5
    assert "images/s" in seen[30].message
    assert seen[30].losses["total"] < seen[1].losses["total"]
    rows = metrics(job.folder)
    assert [int(row["step"]) for row in rows] == [1, 10, 20, 30, 40, 50, 60]
    assert float(rows[-1]["total"]) < 0.5 * float(rows[0]["total"])
    for row in rows:
        terms = sum(float(row[name]) for name in ("content", "style", "variation"))
        assert terms == pytest.approx(float(row["total"]), rel=1e-3)
    assert result.losses["total"] == pytest.approx(float(rows[-1]["total"]), rel=1e-4)
    for name in ("curves.png", "samples/step-0000030.png", "samples/step-0000060.png"):
        assert Picture.open(job.folder / name).width > 100
    assert list((job.folder / "tensorboard").glob("events*"))
    assert result.card["recipe"]["iterations"] == 60
    assert result.card["photographs"]["count"] == 5


@pytest.mark.parametrize("stability_weight", [0.0, 10.0])  # the latter draws noise in every step
def test_a_training_goes_on_exactly_where_it_stopped(job: StyleJob, tmp_path: Path, stability_weight: float) -> None:
    job = replace(job, recipe=replace(TINY, stability_weight=stability_weight))
    whole = train(job)
    parts = replace(job, folder=tmp_path / "parts")
    first = train(parts, on_progress=lambda now: now.step < 5)
    assert first is not None
    assert (first.step, first.stopped) == (5, True)
    second = train(parts, resume=True)
    assert second is not None
    assert second.step == 12
    for name, value in weights(whole).items():
        assert torch.equal(weights(second)[name], value), name
    without_time = [
        [
            {key: value for key, value in row.items() if key not in ("seconds", "images_per_second")}
            for row in metrics(folder)
        ]
        for folder in (job.folder, parts.folder)
    ]
    assert without_time[0] == [row for row in without_time[1] if int(row["step"]) in (1, 10, 12)]


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")
def test_going_on_the_optimizer_is_on_the_networks_device(job: StyleJob) -> None:
    """Fabric moves a network, and leaves the optimizer's state where it is."""
    train(job, on_progress=lambda now: now.step < 3)
    there, found = torch.device("meta"), set[torch.device]()

    class Reached(Exception):
        pass

    def setup(net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
        net.to(there)
        for parameter in net.parameters():
            found.update(optimizer.state[parameter][name].device for name in ("exp_avg", "exp_avg_sq"))
        raise Reached

    fabric = SimpleNamespace(device=there, setup=setup)
    with pytest.raises(Reached):
        Learner(job, fabric, resume=True)  # type: ignore[arg-type]
    assert found == {there}


def test_a_training_keeps_the_type_that_was_measured(job: StyleJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another measurement, on a busier processor or another one, changes nothing in a training that goes on."""
    wanted = train(replace(job, folder=job.folder / "whole"))
    open_job = replace(job, precision="auto")
    monkeypatch.setattr(device, "multiplies_bfloat16", lambda _: False)
    train(open_job, on_progress=lambda now: now.step < 4)
    monkeypatch.setattr(device, "multiplies_bfloat16", lambda _: True)
    result = train(open_job, resume=True)
    assert json.loads((job.folder / "run.json").read_text())["precision"] == "float32"
    torch.testing.assert_close(weights(result), weights(wanted), rtol=0, atol=0)


def test_damaged_photographs_are_counted_and_said(job: StyleJob, photos: Path) -> None:
    whole = (photos / "1.jpg").read_bytes()
    (photos / "1.jpg").write_bytes(whole[: len(whole) // 2])  # its head is good
    seen: list[Progress] = []
    result = train(job, on_progress=seen.append)
    assert result is not None
    assert seen[0].message == "5 photographs"
    assert result.damaged > 0
    assert f"{result.damaged} damaged photographs skipped" in seen[-1].message


def test_losses_that_are_no_numbers_end_it(job: StyleJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impasto.training.objective.total_variation", lambda x: x.sum() * float("nan"))
    job = replace(job, recipe=replace(TINY, iterations=50))
    with refused(TrainingError, "not-finite"):
        train(job)


def test_the_rate_rises_and_falls() -> None:
    recipe = replace(DEFAULT, learning_rate=0.01, warmup=10, iterations=110)
    rates = [recipe.rate(step) for step in range(110)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == pytest.approx(0.01)
    assert rates.index(max(rates)) in (9, 10)
    assert rates[60] == pytest.approx(0.01 * (0.01 + 0.99 / 2))
    assert rates[-1] < 0.0002
    constant = replace(recipe, decay="none")
    assert {constant.rate(step) for step in range(10, 110)} == {0.01}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_other_optimizers_and_steadiness(job: StyleJob, optimizer: str) -> None:
    recipe = replace(TINY, optimizer=optimizer, stability_weight=10.0, learning_rate=1e-3)
    result = train(replace(job, recipe=recipe))
    assert result is not None
    assert result.losses["stability"] > 0
    assert np.isfinite(result.losses["total"])
