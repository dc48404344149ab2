"""Perceptual losses on feature maps. Every feature map is N x C x H x W, any float type; sums are in float32."""

from __future__ import annotations

import torch
from torch import Tensor


def gram(features: Tensor) -> Tensor:
    """Channel correlations of a feature map, averaged over its positions.

    G = F F^T / (H W), Gatys et al. 2016, eq. 5, here divided by the area so that it does not depend on the size.

    Returns:
        N x C x C, float32, symmetric and positive semi-definite.
    """
    flat = features.flatten(2).float()  # N C HW; half precision overflows in the sums
    return flat @ flat.mT / flat.shape[-1]


def gram_loss(features: Tensor, style: Tensor) -> Tensor:
    """Mean squared difference of two Gram matrices (Gatys et al. 2016, eq. 4, as a mean); sizes may differ. A scalar."""
    return (gram(features) - gram(style)).square().mean()


def content_loss(features: Tensor, photo: Tensor) -> Tensor:
    """Mean squared difference over the mean square of the photo's features.

    Gatys et al. 2016, eq. 1, divided by the photo's energy: 0 is the photo, and the scale of a layer cancels out.
    """
    energy = photo.float().square().mean().clamp_min(1e-12)
    return (features.float() - photo.float()).square().mean() / energy


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel, N x C each (Huang & Belongie 2017, eq. 5 and 6)."""
    flat = features.flatten(2).float()
    mean = flat.mean(-1, keepdim=True)
    variance = (flat - mean).square().mean(-1)  # an order of magnitude faster on a CPU than Tensor.var
    return mean[..., 0], (variance + 1e-8).sqrt()


def moments_loss(features: Tensor, style: Tensor) -> Tensor:
    """Mean squared difference of means plus that of deviations (Huang & Belongie 2017, eq. 13). A scalar."""
    (mean, deviation), (style_mean, style_deviation) = moments(features), moments(style)
    return (mean - style_mean).square().mean() + (deviation - style_deviation).square().mean()


def total_variation(pictures: Tensor) -> Tensor:
    """Mean absolute step between neighbours, across plus down (anisotropic; Mahendran & Vedaldi 2015). A scalar."""
    across = (pictures[..., 1:] - pictures[..., :-1]).abs()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs()
    zero = torch.zeros((), dtype=pictures.dtype, device=pictures.device)
    return (across.mean() if across.numel() else zero) + (down.mean() if down.numel() else zero)
