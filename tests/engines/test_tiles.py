"""Tiles: they cover a picture once, whatever memory there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers import Outcome, assert_refused, scene
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from impasto.engines.base import SizeRequirements
from impasto.engines.shot import Statistics
from impasto.engines.tiles import OVERLAP, paint_within, patches, tile_side, tiles
from impasto.errors import OutOfMemory
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels
from impasto.system.files import ASSETS

MULTIPLE = 4


def large(width: int = 720, height: int = 560) -> np.ndarray:
    """A picture with large shapes and fine grain."""
    base = Image.fromarray(scene(60, 50)).resize((width, height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(0).normal(0, 0.03, (height, width, 3))
    return (np.asarray(base, np.float32) / 255 + grain).clip(0, 1).astype(np.float32)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(256, 1280))
def test_tiles_cover_everything_once(width: int, height: int, side: int) -> None:
    seen = np.zeros((height, width), np.uint8)
    for tile in tiles(width, height, side, MULTIPLE):
        seen[tile.inner] += 1
        assert tile.top % MULTIPLE == 0
        assert tile.left % MULTIPLE == 0
        rows, columns = tile.outer
        assert rows.start == max(0, tile.inner[0].start - OVERLAP)
        assert columns.stop == min(width, tile.inner[1].stop + OVERLAP)
        assert tile.bottom - tile.top <= side + 2 * OVERLAP + MULTIPLE
        piece = np.zeros((tile.bottom - tile.top, tile.right - tile.left))
        assert piece[tile.kept].shape == seen[tile.inner].shape
    assert (seen == 1).all()


@given(st.integers(16, 4000), st.integers(16, 4000))
def test_patches_lie_inside(width: int, height: int) -> None:
    found = list(patches(width, height, 256, 8))
    assert len(found) == 64
    for rows, columns in found:
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= columns.start < columns.stop <= width
        assert rows.stop - rows.start == columns.stop - columns.start


def test_the_budget_chooses_the_tile() -> None:
    assert tile_side(1_000_000, 10**9, 430) is None
    sides = [tile_side(10**8, budget, 430) for budget in (10**7, 2 * 10**8, 10**9, 10**11)]
    assert sides == sorted(sides)  # type: ignore[type-var]
    assert sides[0] == 256
    assert sides[-1] == 1280


def test_where_memory_runs_out_tiles_get_smaller() -> None:
    photo, seen = large(), list[int]()

    def paint(limit: int) -> np.ndarray:
        def run(part: Pixels, _: Statistics | None, corner: tuple[int, int]) -> tuple[Pixels, Statistics]:
            seen.append(part.shape[0] * part.shape[1])
            if seen[-1] > limit:
                raise OutOfMemory("no memory at all")
            return part / 2, np.zeros(1, np.float32)

        painted = np.zeros_like(photo)
        paint_within(photo, 10**9, 430, run, painted.__setitem__, size=SizeRequirements(MULTIPLE))
        return painted

    with pytest.warns(UserWarning, match="memory ran out"):
        np.testing.assert_array_equal(paint(250_000), photo / 2)
    assert seen[0] == 720 * 560
    assert len(seen) > 4
    with pytest.warns(UserWarning, match="ran out"), pytest.raises(OutOfMemory, match="at all"):
        paint(0)


def test_memory_is_an_option(run: Callable[..., Outcome], tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Picture.open(ASSETS / "samples" / "colosseum.jpg").resized(2400, 1800).save(path)
    outputs = []
    for index, memory in enumerate(("200MB", "4GB")):
        out = tmp_path / f"{index}.png"
        done = run("stylize", path, "--style", "udnie", "--engine", "light", "--memory", memory, "-o", out)
        assert done.code == 0, done.err
        outputs.append(np.asarray(Image.open(tmp_path / f"{index}.png"), np.float32))
    assert np.abs(outputs[0] - outputs[1]).mean() < 0.2
    for bad in ("lots", "-2GB", "0"):
        assert_refused(
            run("stylize", path, "--style", "udnie", f"--memory={bad}", "-o", tmp_path / "x.png"),
            2,
            "malformed",
            "--memory",
        )
