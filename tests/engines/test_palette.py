"""The palette: a picture's colors go towards a painting's, by weight, and never out of range."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import scene

from impasto.engines.base import StyleVector
from impasto.engines.painter import CODE, VECTOR_SIZE, Painter
from impasto.engines.palette import hues, measured, palette_of, towards

PICTURE = scene(120, 80).astype(np.float32) / 255
PAINTING = (0.2 + 0.5 * scene(90, 100, seed=4).astype(np.float32) / 255) * np.float32([1, 0.7, 0.3])


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(measured(one) - measured(other)).sum())


def test_colors_come_nearer_and_more_so_with_more_weight() -> None:
    own, palette = measured(PICTURE), palette_of(PAINTING)
    pictures = [towards(PICTURE, own, np.float32(weight) * palette) for weight in (0, 0.3, 1)]
    np.testing.assert_array_equal(pictures[0], PICTURE)
    distances = [apart(picture, PAINTING) for picture in pictures]
    assert distances[2] < 0.6 * distances[0]
    assert distances[2] < distances[1] < distances[0]
    assert all(picture.dtype == np.float32 and 0 <= picture.min() <= picture.max() <= 1 for picture in pictures)


def test_the_same_palette_changes_nothing() -> None:
    moved = towards(PICTURE, measured(PICTURE), palette_of(PICTURE))
    np.testing.assert_allclose(moved, PICTURE, atol=1e-3)


@pytest.mark.parametrize("painting", [np.zeros((8, 8, 3), np.float32), np.full((1, 1, 3), 0.7, np.float32), PAINTING])
def test_paintings_of_one_color_and_pictures_without_contrast(painting: np.ndarray) -> None:
    for picture in (PICTURE, np.full((5, 7, 3), 0.2, np.float32)):
        assert np.isfinite(towards(picture, measured(picture), palette_of(painting))).all()


def test_a_part_is_moved_as_the_whole() -> None:
    own, palette = measured(PICTURE), palette_of(PAINTING)
    np.testing.assert_allclose(towards(PICTURE[:30], own, palette), towards(PICTURE, own, palette)[:30], atol=1e-6)


def test_an_unknown_painting_gives_its_palette_to_the_picture() -> None:
    painter = Painter()
    vector = painter.encode(PAINTING)
    plain = StyleVector(np.where(np.arange(VECTOR_SIZE) < CODE, vector.embedding, 0))
    assert apart(painter.paint(PICTURE, vector), PAINTING) < apart(painter.paint(PICTURE, plain), PAINTING)


def test_a_drawing_in_one_ink_has_no_hues() -> None:
    rng = np.random.default_rng(0)
    ink = np.float32([0.9, 0.85, 0.7]) * rng.random((40, 50, 1)).astype(np.float32)
    assert hues(palette_of(ink)) < 0.005
    assert hues(palette_of(rng.random((40, 50, 3)).astype(np.float32))) > 0.1
    np.testing.assert_allclose(hues(np.float32(0.5) * palette_of(PAINTING)), hues(palette_of(PAINTING)), rtol=1e-3)
    assert hues(np.zeros(10, np.float32)) == np.inf
