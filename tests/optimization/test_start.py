"""The pictures that an optimization starts from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import refused

import impasto
from impasto.errors import UsageError
from impasto.optimization.recipe import DEFAULT
from impasto.picture import Picture
from impasto.progress import Progress

QUICK = replace(DEFAULT, iterations=8, start="photo", pyramid=1.0)


@pytest.mark.parametrize("start", ["painter", "painter:0.25", "photo", "noise", "style", "mix", "mix:0.2"])
def test_starts(start: str, pair: tuple[Picture, Picture]) -> None:
    seen: list[Picture] = []

    def stop(progress: Progress) -> bool:
        seen.append(progress.preview())
        return False

    result = impasto.optimize(*pair, recipe=replace(QUICK, start=start), on_progress=stop)
    assert result.stopped
    assert len(seen) == len(result.losses) == 1
    assert (start == "photo") == bool(np.allclose(seen[0].pixels, pair[0].pixels, atol=1e-3))
    assert np.array_equal(result.picture.pixels, seen[0].pixels)


def test_starting_from_a_picture(pair: tuple[Picture, Picture], tmp_path: Path) -> None:
    path = tmp_path / "before.png"
    first = impasto.optimize(*pair, recipe=QUICK)
    first.picture.save(path)
    second = impasto.optimize(*pair, recipe=replace(QUICK, start=str(path)))
    assert second.losses[0]["total"] < first.losses[1]["total"]
    assert "before" not in str(second.picture.made_with)


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("nowhere", "unknown-choice"),
        ("mix:2", "out-of-range"),
        ("mix:much", "out-of-range"),
        ("painter:-1", "out-of-range"),
    ],
)
def test_bad_starts(start: str, code: str, pair: tuple[Picture, Picture]) -> None:
    with refused(UsageError, code, start):
        impasto.optimize(*pair, recipe=replace(QUICK, start=start))
