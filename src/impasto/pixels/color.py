"""Keep a photo's colors, or its brightness and contrast: the arithmetic behind `--keep-color` and `--tone`.

Gatys, Bethge, Hertzmann, Shechtman: Preserving Color in Neural Artistic Style Transfer, 2016. All pictures here are H x
W x 3, float32, sRGB, 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels

Change: TypeAlias = "Callable[[Pixels], Pixels]"

LEAST_VARIANCE = 1e-5  # keeps the covariance of gray pictures, which have one axis, from being singular
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, the Y of YIQ, as in the paper


def luminance(pixels: Pixels) -> Pixels:
    """Return Y of YIQ: H x W."""
    return pixels @ LUMA


def with_colors_of(result: Pixels, photo: Pixels) -> Pixels:
    """Combine the result's luminance with the photo's colors (luminance-only transfer, section 3 of the paper).

    A color that does not fit at that luminance becomes paler. Its hue never changes.

    Args:
        result, photo: H x W x 3, of equal size.
    """
    y = luminance(result)[:, :, None]
    chroma = photo - luminance(photo)[:, :, None]
    # The largest share of the chroma that keeps every channel in 0..1.
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(chroma > 0, (1 - y) / chroma, np.where(chroma < 0, -y / chroma, np.inf))
    share = room.min(axis=2, keepdims=True).clip(0, 1)
    return (y + share * chroma).clip(0, 1).astype(np.float32)


def tone_change(result: Pixels, photo: Pixels) -> Change:
    """Return a function that matches a picture's brightness and contrast to the photo's.

    Brightness is the mean of luminance, contrast its deviation. The function applies one gain and one offset to all
    channels, three times, because clipping at black and white moves the mean.

    Args:
        result, photo: H x W x 3; of a large picture, a sample of its pixels.
    """
    target = luminance(photo)
    mean, deviation = float(target.mean()), float(target.std())
    steps: list[tuple[float, float]] = []

    def change(pixels: Pixels) -> Pixels:
        for level, gain in steps:
            pixels = ((pixels - level) * gain + mean).clip(0, 1).astype(np.float32)
        return pixels

    for _ in range(3):
        y = luminance(change(result))
        # Limit the gain: in a picture without contrast it would only amplify noise.
        steps.append((float(y.mean()), min(deviation / max(float(y.std()), 1e-4), 4.0)))
    return change


def histogram_change(source: Pixels, reference: Pixels) -> Change:
    """Return a function that gives every channel of `source` the distribution of `reference`.

    This is exact histogram specification. Mean and covariance are matched first. Without that, channels of a colored
    picture would keep colors where the reference is gray.
    """
    first = covariance_change(source, reference)
    levels = np.linspace(0, 1, 1025)
    ranked = first(source)
    curves = []
    for channel in range(3):
        ranks = np.interp(levels, *_distribution(ranked[:, :, channel]))
        quantiles, wanted = _distribution(reference[:, :, channel])
        # value -> rank in the source -> value of that rank in the reference
        curves.append(np.interp(ranks, wanted, quantiles))

    def change(pixels: Pixels) -> Pixels:
        pixels = first(pixels)
        return np.dstack([np.interp(pixels[:, :, i], levels, curves[i]) for i in range(3)]).astype(np.float32)

    return change


def _distribution(values: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the values in ascending order, and the share of pixels at or below each (for ties, the middle)."""
    unique, counts = np.unique((values * 1024).round(), return_counts=True)
    share = (np.cumsum(counts) - counts / 2) / values.size
    return unique / 1024, share


def match_covariance(source: Pixels, reference: Pixels) -> Pixels:
    """Match mean and covariance of the colors to those of `reference`.

    x' = C_r^(1/2) C_s^(-1/2) (x - mean_s) + mean_r, with symmetric roots (CORAL: Sun, Feng, Saenko 2016; equation 3 of
    the paper).
    """
    return covariance_change(source, reference)(source)


def covariance_change(source: Pixels, reference: Pixels) -> Change:
    """Return the function that `match_covariance` applies."""
    flat = source.reshape(-1, 3).astype(np.float64)
    wanted = reference.reshape(-1, 3).astype(np.float64)
    move = power(_covariance(wanted), 0.5) @ power(_covariance(flat), -0.5)
    before, after = flat.mean(0), wanted.mean(0)

    def change(pixels: Pixels) -> Pixels:
        moved = (pixels.reshape(-1, 3).astype(np.float64) - before) @ move.T + after
        return moved.clip(0, 1).reshape(pixels.shape).astype(np.float32)

    return change


def _covariance(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    centered = samples - samples.mean(0)
    return centered.T @ centered / len(samples) + LEAST_VARIANCE * np.eye(3)


def power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Raise a symmetric positive semidefinite matrix to a power. Rounding may make eigenvalues slightly negative."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values.clip(1e-9) ** exponent) @ vectors.T
