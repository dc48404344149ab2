"""Masks: read, fitted and layered."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import file_bytes, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from impasto.painting.regions import read_mask
from impasto.pixels.masks import check_proportions, fit_mask, layer


def test_white_is_inside_and_what_is_transparent_is_not() -> None:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 255
    np.testing.assert_allclose(read_mask(file_bytes(mask)), mask / 255, atol=1e-6)
    rgba = np.full((4, 6, 4), 255, np.uint8)
    rgba[:, :, 3] = mask
    np.testing.assert_allclose(read_mask(file_bytes(rgba)), mask / 255, atol=1e-6)
    deep = Image.fromarray(mask.astype(np.uint16) * 128)
    assert read_mask(file_bytes(deep)).max() == pytest.approx(255 * 128 / 65535, abs=1e-4)


def test_a_mask_of_another_size_is_fitted_and_of_other_proportions_reported() -> None:
    mask = np.zeros((10, 20), np.float32)
    mask[:, 10:] = 1
    fitted = fit_mask(mask, 200, 100)
    assert fitted.shape == (100, 200)
    assert fitted[:, :90].max() == 0
    assert fitted[:, 110:].min() == 1
    with pytest.warns(UserWarning, match="a mask of 20 x 10 is stretched over a photo of 50 x 100"):
        check_proportions([mask], 50, 100)
    assert fit_mask(mask, 50, 100).shape == (100, 50)
    check_proportions([mask], 201, 100)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(0, 1000))
def test_shares_sum_to_one_and_later_masks_lie_on_top(count: int, seed: int) -> None:
    masks = list(np.random.default_rng(seed).uniform(0, 1, (count, 5, 7)).astype(np.float32))
    shares = layer(masks)
    np.testing.assert_allclose(shares.sum(0), 1, atol=1e-5)
    assert shares.min() >= 0
    np.testing.assert_array_equal(shares[-1], masks[-1])
    covered = layer([*masks, np.ones((5, 7), np.float32)])
    assert covered[:-1].max() == 0


def test_a_photo_can_be_a_mask() -> None:
    assert read_mask(scene()).shape == (64, 96)
