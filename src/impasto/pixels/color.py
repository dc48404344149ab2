"""Keep a photo's colors, or its brightness and contrast: the arithmetic behind `--keep-color` and `--tone`.

Gatys, Bethge, Hertzmann, Shechtman: Preserving Color in Neural Artistic Style Transfer, 2016.
All pictures here are H x W x 3, float32, sRGB, 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from impasto.pixels.arrays import Pixels

Change: TypeAlias = "Callable[[Pixels], Pixels]"

LEAST_VARIANCE = 1e-5  # gray pictures have one axis only, and no covariance may be singular
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, the Y of YIQ, as in the paper


def luminance(pixels: Pixels) -> Pixels:
    """Y of YIQ: H x W."""
    return pixels @ LUMA


def with_colors_of(result: Pixels, photo: Pixels) -> Pixels:
    """The result's luminance with the photo's colors (luminance-only transfer, section 3 of the paper).

    Where the color does not fit at that luminance it is made paler, never of another hue.

    Args:
        result, photo: H x W x 3, of one size.
    """
    y = luminance(result)[:, :, None]
    chroma = photo - luminance(photo)[:, :, None]
    # The largest share of the chroma that leaves every channel inside 0..1.
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(chroma > 0, (1 - y) / chroma, np.where(chroma < 0, -y / chroma, np.inf))
    share = room.min(axis=2, keepdims=True).clip(0, 1)
    return (y + share * chroma).clip(0, 1).astype(np.float32)


def tone_change(result: Pixels, photo: Pixels) -> Change:
    """What brings the result's brightness and contrast (mean and deviation of luminance) to the photo's.

    One gain and one offset for all channels, repeated while clipping at black and white still moves the mean.

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
        # A picture without contrast has none to stretch: only noise would be.
        steps.append((float(y.mean()), min(deviation / max(float(y.std()), 1e-4), 4.0)))
    return change


def histogram_change(source: Pixels, reference: Pixels) -> Change:
    """What gives every channel of `source` the distribution of `reference`'s (exact histogram specification).

    Mean and covariance are matched first: channel by channel alone, a gray reference would leave the colors.
    """
    first = covariance_change(source, reference)
    levels = np.linspace(0, 1, 1025)
    ranked = first(source)
    curves = []
    for channel in range(3):
        ranks = np.interp(levels, *_distribution(ranked[:, :, channel]))
        quantiles, wanted = _distribution(reference[:, :, channel])
        # value -> its rank in the source -> the value of that rank in the reference
        curves.append(np.interp(ranks, wanted, quantiles))

    def change(pixels: Pixels) -> Pixels:
        pixels = first(pixels)
        return np.dstack([np.interp(pixels[:, :, i], levels, curves[i]) for i in range(3)]).astype(np.float32)

    return change


def _distribution(values: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values in ascending order and the share of pixels at or below each (ties at their middle)."""
    unique, counts = np.unique((values * 1024).round(), return_counts=True)
    share = (np.cumsum(counts) - counts / 2) / values.size
    return unique / 1024, share


def match_covariance(source: Pixels, reference: Pixels) -> Pixels:
    """Mean and covariance of the colors of `reference` (CORAL: Sun, Feng, Saenko 2016; equation 3 of the paper).

    x' = C_r^(1/2) C_s^(-1/2) (x - mean_s) + mean_r, with symmetric roots.
    """
    return covariance_change(source, reference)(source)


def covariance_change(source: Pixels, reference: Pixels) -> Change:
    """What `match_covariance` does."""
    flat = source.reshape(-1, 3).astype(np.float64)
    wanted = reference.reshape(-1, 3).astype(np.float64)
    move = power(_covariance(wanted), 0.5) @ power(_covariance(flat), -0.5)
    before, after = flat.mean(0), wanted.mean(0)

    def change(pixels: Pixels) -> Pixels:
        moved = (pixels.reshape(-1, 3).astype(np.float64) - before) @ move.T + after
        return moved.clip(0, 1).reshape(pixels.shape).astype(np.float32)

    return change


def _covariance(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = samples - samples.mean(0)
    return centred.T @ centred / len(samples) + LEAST_VARIANCE * np.eye(3)


def power(matrix: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Of a symmetric matrix without negative eigenvalues, but for rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values.clip(1e-9) ** exponent) @ vectors.T
