"""Trainings so small that one takes a second, and lessons whose steps take a tenth of one."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import torch
from helpers import file_bytes, scene

from impasto.engines.by_name import DEFAULT as ENGINE
from impasto.training.job import Trained
from impasto.training.learn import Plan
from impasto.training.recipe import DEFAULT

TINY = replace(
    DEFAULT,
    width=4,
    blocks=1,
    iterations=12,
    batch_size=2,
    size=32,
    style_size=64,
    content_layers=("relu2_1",),
    style_layers=("relu1_1", "relu2_1"),
    warmup=2,
)
OPTIONS = [
    *("--width", 4, "--blocks", 1, "--iterations", 12, "--batch-size", 2, "--size", 32, "--style-size", 64),
    *("--content-layers", "relu2_1", "--style-layers", "relu1_1,relu2_1", "--warmup", 2),
    *("--precision", "float32", "--workers", 0),
]

SMALL = Plan(side=96, plain=64, held_back=2, warm_up=2)
SIZES = {"light": 512 + 150_748, "painter": 266 + 5152 + 381_811}  # a vector, and all that is learned of a network
SIZE = SIZES[ENGINE]


def make_photos(folder: Path) -> Path:
    """A new folder of five photographs."""
    folder.mkdir()
    for index in range(5):
        (folder / f"{index}.jpg").write_bytes(file_bytes(scene(96, 80, index), "JPEG"))
    return folder


def weights(result: Trained | None) -> dict[str, torch.Tensor]:
    assert result is not None
    return result.net.state_dict()


def metrics(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))
