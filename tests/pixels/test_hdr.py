"""PQ and HLG on an ordinary screen, and the arithmetic of color spaces below it."""

from __future__ import annotations

import numpy as np
import pytest

from impasto.pixels.colorimetry import HLG, LINEAR, PQ, PRIMARIES, encoded, linear, to_srgb
from impasto.pixels.hdr import to_sdr


def gray(value: float) -> np.ndarray:
    return np.full((1, 1, 3), value, np.float32)


@pytest.mark.parametrize(("transfer", "white"), [(PQ, 0.5807), (HLG, 0.75)])
def test_paper_white_stays_near_white_and_order_is_kept(transfer: int, white: float) -> None:
    assert to_sdr(gray(white), transfer, 9) == pytest.approx(0.931, abs=0.004)
    steps = [float(to_sdr(gray(value), transfer, 9)[0, 0, 0]) for value in np.linspace(0, 1, 200)]
    assert (np.diff(steps) >= 0).all()
    assert steps[0] == 0
    assert 0.98 < steps[-1] <= 1


def test_light_below_paper_white_is_as_bright_as_on_an_ordinary_screen() -> None:
    """PQ's value 0.4401 is 50 nits: about a quarter of paper white."""
    assert linear(to_sdr(gray(0.4401), PQ, 9), 13) == pytest.approx(50 / 203, rel=0.01)


def test_hues_are_kept_where_light_is_compressed() -> None:
    dim, bright = (
        linear(to_sdr(np.array([[color]], np.float32), PQ, 1), 13)[0, 0]
        for color in ((0.45, 0.40, 0.35), (0.7518, 0.7004, 0.6487))
    )
    assert bright.max() > 0.9
    assert dim.argsort().tolist() == bright.argsort().tolist()


def test_colors_outside_srgb_and_values_that_are_no_numbers_stay_in_range() -> None:
    colors = np.array([[[0, 1, 0], [1, 0, 0], [np.nan, 2, -1]]], np.float32)
    for transfer in (PQ, HLG):
        out = to_sdr(colors, transfer, 9)
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert out.min() >= 0
        assert out.max() <= 1


def test_display_p3_in_srgb() -> None:
    light = linear(np.array([230, 60, 50], np.float32) / 255, 13) @ to_srgb(PRIMARIES[12]).T
    np.testing.assert_allclose(encoded(light) * 255, [250, 31, 34], atol=0.6)


@pytest.mark.parametrize("number", PRIMARIES)
def test_white_is_white_in_all_primaries(number: int) -> None:
    np.testing.assert_allclose(to_srgb(PRIMARIES[number]).sum(axis=1), 1, atol=1e-4)


def test_linear_light_is_encoded_by_srgb_s_curve() -> None:
    assert encoded(linear(gray(0.5), LINEAR)) == pytest.approx(0.7354, abs=1e-3)
