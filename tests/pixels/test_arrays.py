"""Arrays with alpha: what lies under what is clear has no say."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import scene

from impasto.pixels.arrays import filled, resize, resize_with_alpha, seen_part


def disc(hidden: float, side: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """A white disc on nothing, and its alpha."""
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    alpha = (np.hypot(x, y) < 0.4 * side).astype(np.float32)
    color = np.full((side, side, 3), hidden, np.float32)
    color[alpha > 0] = 1
    return color, alpha


@pytest.mark.parametrize("size", [50, 77, 331])
@pytest.mark.parametrize("hidden", [0.0, 0.5])
def test_no_color_leaks_from_under_what_is_clear(hidden: float, size: int) -> None:
    color, alpha = resize_with_alpha(*disc(hidden), size, size)
    assert alpha is not None
    assert color[alpha > 0.01].min() > 0.999
    np.testing.assert_array_equal(alpha, resize(disc(hidden)[1], size, size, "bilinear"))


def test_what_is_opaque_is_resized_as_before() -> None:
    picture = scene(120, 90)
    color, alpha = resize_with_alpha(picture, np.ones((90, 120), np.float32), 50, 40)
    np.testing.assert_array_equal(color, resize(picture, 50, 40))
    assert alpha is not None
    assert alpha.min() == 1
    clear = np.ones((90, 120), np.float32)
    clear[:, :20] = 0
    inner, _ = resize_with_alpha(picture, clear, 50, 40)
    np.testing.assert_allclose(inner[:, 20:], resize(picture, 50, 40)[:, 20:], atol=1e-5)


def test_what_is_not_seen_gets_the_mean_of_what_is() -> None:
    color, alpha = disc(0.2)
    assert filled(color, alpha).min() > 0.999
    faint = np.maximum(alpha, np.float32(2 / 255))  # the noise that lossy files leave
    assert filled(color, faint).min() > 0.98
    np.testing.assert_array_equal(filled(color, np.zeros_like(alpha)), 0.5)
    assert filled(color, None) is color


def test_the_part_that_is_seen() -> None:
    alpha = np.zeros((10, 20), np.float32)
    alpha[3:6, 5:15] = 1
    part, share = seen_part(np.zeros((10, 20, 3), np.uint8), alpha)
    assert part.shape == (3, 10, 3)
    assert share.min() == 1
