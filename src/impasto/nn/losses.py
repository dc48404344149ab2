"""Perceptual losses on feature maps: N x C x H x W, any float type.

Sums are in float32, or in float64 if that is given.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()  # half precision overflows in the sums


def gram(features: Tensor) -> Tensor:
    """Channel correlations of a feature map, averaged over its positions.

    G = F F^T / (H W), Gatys et al. 2016, eq. 5, here divided by the area so that it does not depend on the size.

    Returns:
        N x C x C, float32, symmetric and positive semi-definite.
    """
    flat = _wide(features.flatten(2))  # N C HW
    return flat @ flat.mT / flat.shape[-1]


def gram_loss(result: Tensor, style: Tensor) -> Tensor:
    """Mean squared difference of two Gram matrices (Gatys et al. 2016, eq. 4, as a mean). A scalar."""
    return (result - style).square().mean()


def content_loss(features: Tensor, photo: Tensor) -> Tensor:
    """Mean squared difference over the mean square of the photo's features.

    Gatys et al. 2016, eq. 1, divided by the photo's energy: 0 is the photo, and the scale of a layer cancels out.
    """
    energy = _wide(photo).square().mean().clamp_min(1e-12)
    return (_wide(features) - _wide(photo)).square().mean() / energy


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel, N x C each (Huang & Belongie 2017, eq. 5 and 6)."""
    flat = _wide(features.flatten(2))
    mean = flat.mean(-1, keepdim=True)
    variance = (flat - mean).square().mean(-1)  # an order of magnitude faster on a CPU than Tensor.var
    return mean[..., 0], (variance + 1e-8).sqrt()


def moments_loss(result: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared difference of means plus that of deviations (Huang & Belongie 2017, eq. 13). A scalar."""
    return (result[0] - style[0]).square().mean() + (result[1] - style[1]).square().mean()


def total_variation(pictures: Tensor) -> Tensor:
    """Mean absolute step between neighbours, across plus down (anisotropic; Mahendran & Vedaldi 2015). A scalar."""
    across = (pictures[..., 1:] - pictures[..., :-1]).abs()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs()
    zero = torch.zeros((), dtype=pictures.dtype, device=pictures.device)
    return (across.mean() if across.numel() else zero) + (down.mean() if down.numel() else zero)
