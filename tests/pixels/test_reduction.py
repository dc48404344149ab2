"""Bicubic reduction and its inverse, as blocks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from impasto.pixels.reduction import REACH, stencils

FORMS = [(2, 2), (3, 1), (4, 1)]


def matrices(factor: int, step: int, blocks: int = 24) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A periodic line's reduction, and its inverse."""
    size = step * factor
    found = stencils(factor, step)
    down, up = np.zeros((blocks * step, blocks * size)), np.zeros((blocks * size, blocks * step))
    reach = len(found.down) // 2
    for block in range(blocks):
        small, large = slice(block * step, (block + 1) * step), slice(block * size, (block + 1) * size)
        for tap in range(-reach, reach + 1):
            start = (block + tap) % blocks * size
            down[small, start : start + size] += found.down[tap + reach]
        for tap in range(-REACH, REACH + 1):
            start = (block + tap) % blocks * step
            up[large, start : start + step] += found.up[tap + REACH]
    return down, up


@pytest.mark.parametrize(("factor", "step"), FORMS)
def test_what_was_enlarged_is_reduced_to_what_it_was(factor: int, step: int) -> None:
    down, up = matrices(factor, step)
    np.testing.assert_allclose(down @ up, np.eye(len(down)), atol=1e-6)
    np.testing.assert_allclose(up.sum(1), 1, atol=1e-6)  # plain areas stay plain


@pytest.mark.parametrize(("factor", "step"), FORMS)
def test_it_reduces_as_pillow_does(factor: int, step: int) -> None:
    down, _ = matrices(factor, step)
    line = np.random.default_rng(0).random(down.shape[1]).astype(np.float32)
    by_pillow = np.asarray(Image.fromarray(line[None]).resize((len(down), 1), Image.Resampling.BICUBIC))[0]
    inside = slice(4, -4)  # where the line's ends are not seen
    np.testing.assert_allclose((down @ line)[inside], by_pillow[inside], atol=1e-5)
