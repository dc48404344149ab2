"""The guided filter."""

from __future__ import annotations

import numpy as np

from impasto.pixels.guided import GuidedFilter


def step(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture of two colors that are equally bright, and where the second one is."""
    inside = np.zeros((side, side), np.float32)
    inside[:, side // 2 :] = 1
    return inside[:, :, None] * np.float32([0.6, 0.2, 0.2]) + (1 - inside[:, :, None]) * np.float32(
        [0.2, 0.6, 0.2]
    ), inside


def test_a_blurred_mask_gets_the_picture_s_edge() -> None:
    picture, _ = step(64)
    blurred = np.clip((np.arange(64, dtype=np.float32) - 22) / 20, 0, 1) * np.ones((64, 1), np.float32)
    found = GuidedFilter(picture, 8, 1e-4)(blurred)
    assert found.dtype == np.float32
    middle = slice(31, 33)
    assert np.ptp(blurred[:, middle]) < 0.1
    assert np.ptp(found[:, middle]) > 0.4


def test_a_plain_picture_is_a_box_filter_s() -> None:
    values = np.random.default_rng(0).random((40, 40)).astype(np.float32)
    found = GuidedFilter(np.full((40, 40, 3), 0.5, np.float32), 3, 1e-2)(values)
    assert np.ptp(found[10:30, 10:30]) < np.ptp(values[10:30, 10:30]) / 3


def test_a_larger_picture_s_edges_are_followed() -> None:
    small, inside = step(32)
    large, wanted = step(128)
    found = GuidedFilter(small, 4, 1e-4)(inside, large)
    assert found.shape == (128, 128)
    np.testing.assert_allclose(found, wanted, atol=0.05)
