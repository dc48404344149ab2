"""Tiles: they cover a picture once, and what is painted in them looks as if it had been painted at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Outcome, assert_refused, scene
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import impasto.tiling
from impasto.errors import OutOfMemory
from impasto.files import ASSETS
from impasto.gallery import Gallery
from impasto.painter import Painter, Shot
from impasto.picture import Picture
from impasto.stylizer import Stylizer
from impasto.tiling import MULTIPLE, OVERLAP, patches, tile_side, tiles

VECTOR = Gallery().vector("udnie")


def large(width: int = 720, height: int = 560) -> np.ndarray:
    """A picture with large shapes and fine grain."""
    base = Image.fromarray(scene(60, 50)).resize((width, height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(0).normal(0, 0.03, (height, width, 3))
    return (np.asarray(base, np.float32) / 255 + grain).clip(0, 1).astype(np.float32)


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> Painter:
    """A painter that paints 720 x 560 in several tiles."""
    monkeypatch.setattr(impasto.tiling, "LARGEST", 256)
    return Painter(budget=1)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(256, 1280))
def test_tiles_cover_everything_once(width: int, height: int, side: int) -> None:
    seen = np.zeros((height, width), np.uint8)
    for tile in tiles(width, height, side):
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


def test_tiles_look_as_if_painted_at_once() -> None:
    photo = Picture.open(ASSETS / "samples" / "colosseum.jpg").resized(2400, 1800).pixels
    whole, tiled = (Painter(budget=budget).paint(photo, VECTOR, strength=0.8) for budget in (10**12, 6 * 10**8))
    assert np.abs(tiled - whole).mean() <= 2 / 255
    assert not np.array_equal(tiled, whole)


def test_with_the_same_statistics_tiles_are_the_whole_to_rounding(small_tiles: Painter) -> None:
    """What is left of the difference is the statistics' sampling: there are no seams at all."""
    photo = large()
    _, statistics = small_tiles._run(photo, VECTOR, None)
    shot = Shot()
    shot.means["style"] = statistics
    tiled = small_tiles.paint(photo, VECTOR, shot=shot)
    whole, _ = small_tiles._run(photo, VECTOR, None)
    assert np.abs(tiled - whole).mean() < 1e-3
    assert np.abs(tiled - whole).max() < 0.02


def test_regions_go_across_tiles(small_tiles: Painter) -> None:
    photo, mask = large(), np.zeros((560, 720), np.float32)
    mask[:, 330:] = 1
    both = Stylizer("udnie", regions=[(mask, "great-wave")], painter=small_tiles)(Picture(photo)).pixels
    ones = [Stylizer(name, painter=small_tiles)(Picture(photo)).pixels for name in ("udnie", "great-wave")]
    np.testing.assert_allclose(both[:, :330], ones[0][:, :330], atol=1e-6)
    np.testing.assert_allclose(both[:, 330:], ones[1][:, 330:], atol=1e-6)


def test_where_memory_runs_out_tiles_get_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    painter, photo = Painter(budget=10**9), large()
    whole, run, seen = painter.paint(photo, VECTOR), painter._run, list[int]()

    def scarce(part: np.ndarray, *rest: Any) -> Any:
        seen.append(part.shape[0] * part.shape[1])
        if seen[-1] > 250_000:
            raise OutOfMemory("no memory")
        return run(part, *rest)

    monkeypatch.setattr(painter, "_run", scarce)
    with pytest.warns(UserWarning, match="memory ran out"):
        tiled = painter.paint(photo, VECTOR)
    assert seen[0] == 720 * 560
    assert len(seen) > 4
    assert np.abs(tiled - whole).mean() < 0.1
    monkeypatch.setattr(painter, "_run", lambda *_: (_ for _ in ()).throw(OutOfMemory("no memory at all")))
    with pytest.warns(UserWarning, match="ran out"), pytest.raises(OutOfMemory, match="at all"):
        painter.paint(photo, VECTOR)


def test_memory_is_an_option(run: Callable[..., Outcome], tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Picture.open(ASSETS / "samples" / "colosseum.jpg").resized(2400, 1800).save(path)
    outputs = []
    for index, memory in enumerate(("600MB", "4GB")):
        done = run("stylize", path, "--style", "udnie", "--memory", memory, "-o", tmp_path / f"{index}.png")
        assert done.code == 0, done.err
        outputs.append(np.asarray(Image.open(tmp_path / f"{index}.png"), np.float32))
    assert np.abs(outputs[0] - outputs[1]).mean() < 5  # the statistics' sampling
    for bad in ("lots", "-2GB", "0"):
        assert_refused(
            run("stylize", path, "--style", "udnie", f"--memory={bad}", "-o", tmp_path / "x.png"), 2, "--memory"
        )
