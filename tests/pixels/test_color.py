"""Color and tone: known answers, and the properties the papers promise."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import scene
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.exposure import match_histograms

from impasto.pixels.arrays import Pixels
from impasto.pixels.color import histogram_change, luminance, match_covariance, tone_change, with_colors_of

ONE = scene(seed=1).astype(np.float32) / 255
OTHER = (scene(seed=2)[::-1, ::-1, ::-1].astype(np.float32) / 255) ** 1.5


def match_tone(result: Pixels, photo: Pixels) -> Pixels:
    return tone_change(result, photo)(result)


def match_histogram(source: Pixels, reference: Pixels) -> Pixels:
    return histogram_change(source, reference)(source)


def covariance(pixels: np.ndarray) -> np.ndarray:
    return np.cov(pixels.reshape(-1, 3).T)


def test_keeping_colors_takes_luminance_from_one_and_hue_from_the_other() -> None:
    kept = with_colors_of(ONE, OTHER)
    np.testing.assert_allclose(luminance(kept), luminance(ONE), atol=2e-6)
    chroma = kept - luminance(kept)[:, :, None]
    wanted = OTHER - luminance(OTHER)[:, :, None]
    share = (chroma * wanted).sum(2) / (wanted**2).sum(2)
    np.testing.assert_allclose(chroma, share[:, :, None] * wanted, atol=1e-5)
    assert share.min() >= -1e-5
    assert share.max() <= 1 + 1e-5
    assert np.median(share) > 0.9


def test_a_photo_keeps_its_own_colors_unchanged() -> None:
    np.testing.assert_allclose(with_colors_of(ONE, ONE), ONE, atol=2e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0, 1))
def test_kept_colors_stay_in_range(seed: int, dark: float, light: float) -> None:
    rng = np.random.default_rng(seed)
    result = rng.uniform(min(dark, light), max(dark, light), (5, 7, 3)).astype(np.float32)
    kept = with_colors_of(result, rng.integers(0, 2, (5, 7, 3)).astype(np.float32))
    assert kept.min() >= 0
    assert kept.max() <= 1
    assert kept.dtype == np.float32


def test_tone_matches_brightness_and_contrast() -> None:
    matched = match_tone(ONE * 0.3 + 0.5, OTHER)
    assert abs(luminance(matched).mean() - luminance(OTHER).mean()) < 0.01
    assert abs(luminance(matched).std() - luminance(OTHER).std()) < 0.02
    flat = match_tone(np.full((8, 8, 3), 0.3, np.float32), OTHER[:8, :8])
    assert abs(luminance(flat).mean() - luminance(OTHER[:8, :8]).mean()) < 0.01


def test_histogram_agrees_with_scikit_image() -> None:
    source, reference = (
        ONE * 0.2 + 0.4,
        OTHER * 0.2 + 0.4,
    )  # nothing is clipped to a tie
    ours = match_histogram(source, reference)
    theirs = match_histograms(match_covariance(source, reference), reference, channel_axis=2)
    assert np.abs(ours - theirs).mean() < 2e-3
    for channel in range(3):
        for quantile in (0.05, 0.5, 0.95):
            wanted = np.quantile(reference[:, :, channel], quantile)
            assert abs(np.quantile(ours[:, :, channel], quantile) - wanted) < 5e-3


def test_matching_itself_changes_nothing() -> None:
    np.testing.assert_allclose(match_histogram(ONE, ONE), ONE, atol=1.5e-3)
    np.testing.assert_allclose(match_covariance(ONE, ONE), ONE, atol=1e-5)


def test_coral_gives_mean_and_covariance() -> None:
    source = ONE * 0.2 + 0.4
    reference = OTHER * 0.2 + 0.4  # nothing is clipped
    moved = match_covariance(source, reference)
    np.testing.assert_allclose(moved.mean((0, 1)), reference.mean((0, 1)), atol=1e-4)
    np.testing.assert_allclose(covariance(moved), covariance(reference), atol=5e-5)


@pytest.mark.parametrize("change", [match_histogram, match_covariance])
def test_gray_and_flat_pictures_do_not_break_it(change: object) -> None:
    gray = np.repeat(ONE[:, :, :1], 3, axis=2)
    flat = np.full((4, 4, 3), 0.5, np.float32)
    for source, reference in ((gray, ONE), (ONE, gray), (flat, ONE), (ONE, flat), (flat, flat)):
        out = change(source, reference)  # type: ignore[operator]
        assert out.shape == source.shape
        assert np.isfinite(out).all()
    assert np.ptp(change(ONE, gray), axis=2).mean() < 0.02  # type: ignore[operator]
