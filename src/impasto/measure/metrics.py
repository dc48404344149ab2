"""Common metrics of style transfer, each with its formula and source.

Pictures are H x W x 3, float32, 0..1, sRGB. Features come from `impasto.nn.vgg`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from impasto.nn.losses import content_loss, gram, gram_loss, moments, moments_loss, total_variation
from impasto.nn.tensors import to_tensor
from impasto.pixels.arrays import Pixels
from impasto.pixels.color import luminance

Features = Mapping[str, Tensor]

MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang et al. 2003, section 3.2
PATH_METRICS = ("path_length", "path_detour", "path_jump")


@dataclass(frozen=True)
class Statistics:
    """The statistics of a layer that style losses compare: hundreds of kilobytes, instead of megabytes of features."""

    gram: Tensor
    moments: tuple[Tensor, Tensor]


def statistics(features: Features, layers: Sequence[str]) -> dict[str, Statistics]:
    return {layer: Statistics(gram(features[layer]), moments(features[layer])) for layer in layers}


def style_losses(
    result: Mapping[str, Statistics], style: Mapping[str, Statistics], photo: Mapping[str, Statistics]
) -> dict[str, float]:
    """Return each layer's Gram loss, relative to the unpainted photo's: 0 is the style's statistics, 1 the photo's.

    Gatys et al. 2016, eq. 4. The division makes layers and styles comparable (in the spirit of Cheng et al. 2021).
    """
    return {
        layer: float(gram_loss(result[layer].gram, style[layer].gram))
        / max(float(gram_loss(photo[layer].gram, style[layer].gram)), 1e-20)
        for layer in result
    }


def moments_losses(
    result: Mapping[str, Statistics], style: Mapping[str, Statistics], photo: Mapping[str, Statistics]
) -> dict[str, float]:
    """Return the relative losses of AdaIN's statistics, mean and deviation (Huang & Belongie 2017, eq. 13)."""
    return {
        layer: float(moments_loss(result[layer].moments, style[layer].moments))
        / max(float(moments_loss(photo[layer].moments, style[layer].moments)), 1e-20)
        for layer in result
    }


def content_losses(result: Features, photo: Features, layers: Sequence[str]) -> dict[str, float]:
    """Return each layer's squared difference of features, divided by the photo's energy (Gatys et al. 2016, eq. 1).

    0 is the photo.
    """
    return {layer: float(content_loss(result[layer], photo[layer])) for layer in layers}


def variation(picture: Pixels) -> float:
    """Return the total variation: the mean absolute difference of neighbors, horizontally plus vertically."""
    return float(total_variation(to_tensor(picture)))


def ssim(one: Pixels, other: Pixels) -> float:
    """Return the structural similarity of luminance (Wang et al. 2004, eq. 13) with an 11 x 11 Gaussian window.

    1 means equal. Pictures with a side below 11 pixels are compared as a whole, in one window.
    """
    similarity, _ = _ssim_parts(_gray(one), _gray(other))
    return float(similarity)


def ms_ssim(one: Pixels, other: Pixels) -> float | None:
    """Return the multi-scale structural similarity over five scales (Wang, Simoncelli, Bovik 2003, eq. 7).

    Return None for pictures below 176 pixels: the window does not fit into their last scale.
    """
    if min(one.shape[:2]) < 176:
        return None
    x, y = _gray(one), _gray(other)
    product = 1.0
    for scale, weight in enumerate(MS_SSIM_WEIGHTS):
        similarity, contrast = _ssim_parts(x, y)
        last = scale == len(MS_SSIM_WEIGHTS) - 1
        product *= max(float(similarity if last else contrast), 0.0) ** weight
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return product


def _gray(picture: Pixels) -> Tensor:
    return torch.from_numpy(luminance(picture).astype(np.float64))[None, None]


def _ssim_parts(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of luminance, contrast and structure together, and of contrast and structure alone."""
    window = min(11, *x.shape[-2:])
    offsets = torch.arange(window, dtype=torch.float64) - (window - 1) / 2
    bell = torch.exp(-offsets.square() / (2 * 1.5**2))
    kernel = (bell[:, None] * bell[None])[None, None] / bell.sum() ** 2
    c1, c2 = 0.01**2, 0.03**2
    mx, my = F.conv2d(x, kernel), F.conv2d(y, kernel)
    vx, vy = F.conv2d(x * x, kernel) - mx**2, F.conv2d(y * y, kernel) - my**2
    covariance = F.conv2d(x * y, kernel) - mx * my
    contrast = (2 * covariance + c2) / (vx + vy + c2)
    return ((2 * mx * my + c1) / (mx**2 + my**2 + c1) * contrast).mean(), contrast.mean()


def lpips(one: Features, other: Features, heads: Mapping[str, Tensor]) -> float:
    """Return the learned perceptual distance (Zhang et al. 2018, eq. 1) on the network that gave the features.

    Args:
        heads: the published linear weights, {layer: 1 x C x 1 x 1}.
    """
    total = 0.0
    for layer, head in heads.items():
        difference = F.normalize(one[layer].float(), dim=1, eps=1e-10) - F.normalize(
            other[layer].float(), dim=1, eps=1e-10
        )
        total += float((difference.square() * head).sum(1).mean())
    return total


def color_distance(one: Pixels, other: Pixels, directions: int = 32) -> float:
    """Return the sliced 1-Wasserstein distance of the two color distributions in RGB (Bonneel et al. 2015).

    For each direction, it is the area between the two cumulative distributions along that direction. The result is the
    mean over directions, spread evenly over the half sphere. A shift of all colors by t gives the mean of |t . d|. The
    pictures may differ in size.
    """
    index = np.arange(directions) + 0.5
    z = index / directions  # one half of a Fibonacci sphere
    angle = math.pi * (1 + math.sqrt(5)) * index
    spread = np.stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z], axis=1)
    quantiles = (np.arange(1024) + 0.5) / 1024
    sides = [np.quantile(p.reshape(-1, 3) @ spread.T, quantiles, axis=0) for p in (_thinned(one), _thinned(other))]
    return float(np.abs(sides[0] - sides[1]).mean())


def _thinned(picture: Pixels) -> Pixels:
    """Return at most about 30,000 pixels, evenly spaced. They are enough for a distribution."""
    flat = picture.reshape(-1, 3)
    return flat[:: max(1, len(flat) // 20011)]


def frechet_distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the Fréchet distance of two sets of feature vectors, taken as Gaussians (Dowson & Landau 1982).

    The formula is |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)). On VGG features, this is not the FID, which uses
    Inception.

    Args:
        one, other: N x D and M x D, at least two rows each.
    """
    mean = ((one.mean(0) - other.mean(0)) ** 2).sum()
    c1, c2 = (np.cov(samples, rowvar=False, ddof=1) for samples in (one, other))
    values, vectors = np.linalg.eigh(np.atleast_2d(c1))
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ np.atleast_2d(c2) @ root).clip(0)).sum()
    return float(mean + np.trace(np.atleast_2d(c1)) + np.trace(np.atleast_2d(c2)) - 2 * cross)


def fingerprint(layers: Mapping[str, Statistics]) -> NDArray[np.float64]:
    """Return a picture's statistics as one vector: mean and deviation of each channel. Every layer has length 1."""
    parts = [torch.cat([part[0] for part in layer.moments]) for layer in layers.values()]
    return np.concatenate([F.normalize(part, dim=0).double().numpy() for part in parts])


def confusion(
    results: Sequence[NDArray[np.float64]], wanted: Sequence[int], styles: Sequence[NDArray[np.float64]]
) -> NDArray[np.int64]:
    """Count how often each style is nearest to results of each style.

    Rows are the requested styles, columns the nearest ones. So the diagonal counts the recognized results.

    Args:
        results, styles: fingerprints.
        wanted: for each result the index of its style.
    """
    counts = np.zeros((len(styles), len(styles)), np.int64)
    for result, style in zip(results, wanted, strict=True):
        counts[style, int(np.argmin([np.linalg.norm(result - other) for other in styles]))] += 1
    return counts


def path_metrics(steps: Sequence[float], direct: float) -> dict[str, float]:
    """Return length, detour and jump of a path from one style to another in n steps of equal weight.

    `path_length` is the mean of the steps, divided by the square of a step's weight, 1/n. It is the perceptual path
    length of Karras et al. 2019 (StyleGAN), section 4.1, with larger steps than their 1e-4.

    A perceptual distance grows with the square of a small change, so its square root is a length. `path_detour` is the
    sum of the steps' roots, divided by the root of the direct distance; 1 is a straight path. `path_jump` is the
    largest root, divided by the mean root; 1 is even, n is a single jump. Both are left out where they are undefined:
    the ends are equal, or nothing changes.

    With more steps, a path follows more turns. So compare only values with the same number of steps.

    Args:
        steps: perceptual distances of neighbors.
        direct: the perceptual distance of the two ends.
    """
    roots = [math.sqrt(step) for step in steps]
    length = math.fsum(roots)
    values = {"path_length": math.fsum(steps) * len(steps)}
    if direct > 0:
        values["path_detour"] = length / math.sqrt(direct)
    if length > 0:
        values["path_jump"] = max(roots) * len(roots) / length
    return values


def bootstrap(values: Sequence[float], rounds: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Return the median and its 95 % interval by resampling (Efron 1979, percentiles)."""
    samples = np.asarray(values, np.float64)
    if len(samples) == 1:
        return float(samples[0]), float(samples[0]), float(samples[0])
    picks = np.random.default_rng(seed).integers(0, len(samples), (rounds, len(samples)))
    low, high = np.quantile(np.median(samples[picks], axis=1), (0.025, 0.975))
    return float(np.median(samples)), float(low), float(high)
