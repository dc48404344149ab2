"""What the engines that ship have in common."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fakes import FakeEngine
from helpers import scene

from impasto.engines.base import Array, SizeRequirements, StyleVector
from impasto.pixels.arrays import Samples

PHOTO = scene(60, 40).astype(np.float32) / 255


class SlowEngine(FakeEngine):
    """Encodes when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.may_go_on = threading.Event(), threading.Event()

    def _encode(self, painting: Samples) -> Array:
        self.begun.set()
        assert self.may_go_on.wait(30)
        return super()._encode(painting)


def test_no_painting_is_encoded_twice() -> None:
    engine = SlowEngine()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine.encode, PHOTO)
        assert engine.begun.wait(30)
        second = pool.submit(engine.encode, PHOTO.copy())  # waits for the first
        engine.may_go_on.set()
        assert first.result() is second.result()
    assert engine.looked_at == [(40, 60, 3)]
    engine.encode(PHOTO.reshape(60, 40, 3))  # the same bytes are another picture
    assert engine.looked_at == [(40, 60, 3), (60, 40, 3)]
    with pytest.raises(ValueError, match="read-only"):  # what is remembered cannot be changed
        first.result().embedding[:] = 0


def test_a_style_is_made_of_its_numbers() -> None:
    engine = FakeEngine()
    np.testing.assert_array_equal(engine.style(np.float32([1, 2, 3])).embedding, [1, 2, 3])
    for numbers in (np.float32([1, 2]), np.float32([1, 2, 3, 4]), np.zeros((1, 3), np.float32)):
        with pytest.raises(ValueError, match="not a style of the engine fake"):
            engine.style(numbers)


def test_vectors_mix_whatever_they_change() -> None:
    plain, own = StyleVector(np.float32([2, 4])), StyleVector(np.float32([0, 8]), np.float32([1, 3, 5]))
    short = StyleVector(np.float32([0, 0]), np.float32([1]))
    mixed = 0.5 * plain + 0.25 * own + short
    np.testing.assert_array_equal(mixed.embedding, [1, 4])
    np.testing.assert_array_equal(mixed.changes, [1.25, 0.75, 1.25])
    np.testing.assert_array_equal(StyleVector.of(mixed.numbers, 2).changes, mixed.changes)


@pytest.mark.parametrize(("height", "width", "padded"), [(33, 40, (36, 40)), (5, 64, (32, 64)), (32, 32, (32, 32))])
def test_photos_are_mirrored_to_sides_that_a_network_takes(height: int, width: int, padded: tuple[int, int]) -> None:
    photo = scene(width, height)
    found = SizeRequirements(4, 32).padded(photo)
    assert found.shape[:2] == padded
    np.testing.assert_array_equal(found[:height, :width], photo)
    if padded[0] > height:
        np.testing.assert_array_equal(found[height, :width], photo[-1])
