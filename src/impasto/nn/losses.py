"""Perceptual losses on feature maps: N x C x H x W, any float type.

Statistics are in float32, or in float64 if that is given. A statistic may be taken over a part of the picture:
`weights`, N x 1 x H x W, say how much every position counts. Each loss is a function of two statistics (or of two
feature maps), and a module that holds its target.

The modules divide by the target's own energy, so that 1 means "as far from the target as nothing at all is", and one
weight of a loss does for all layers, styles and sizes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_TINY = 1e-12


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()  # half precision overflows in the sums


def _shares(weights: Tensor) -> Tensor:
    """What every position counts for: N x 1 x H x W to N x 1 x HW, summing to 1."""
    wide = _wide(weights).flatten(2)
    return wide / wide.sum(-1, keepdim=True).clamp_min(_TINY)


def _rows(features: Tensor) -> Tensor:
    """N x C x H x W to N x H W x C; without a copy if the channels lie together."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


class _Gram(torch.autograd.Function):
    """The weighted second moment, with a gradient in the layout of the features: half the time on a CPU."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weights: Tensor | None) -> Tensor:
        flat = _rows(features)  # N HW C
        ctx.save_for_backward(flat, weights)
        ctx.shape = features.shape
        wide = _wide(flat)
        if weights is None:
            return wide.mT @ wide / flat.shape[1]
        return wide.mT @ (wide * _shares(weights).mT)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        flat, weights = ctx.saved_tensors
        h, w = ctx.shape[-2:]
        symmetric = grads[0] + grads[0].mT
        if weights is None:
            out = flat @ (symmetric / flat.shape[1]).to(flat.dtype)
        else:
            out = (flat @ symmetric.to(flat.dtype)) * _shares(weights).mT.to(flat.dtype)
        return out.unflatten(1, (h, w)).permute(0, 3, 1, 2), None


def gram(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """Channel correlations of a feature map, averaged over its positions.

    G = F F^T / (H W), Gatys et al. 2016, eq. 5, here divided by the area so that it does not depend on the size. With
    weights T^2: the guided Gram matrix of Gatys et al. 2017, eq. 3, guidance channels normalized as there.

    Returns:
        N x C x C, float32, symmetric and positive semi-definite.
    """
    result: Tensor = _Gram.apply(features, weights)  # type: ignore[no-untyped-call]
    return result


def gram_loss(result: Tensor, style: Tensor) -> Tensor:
    """Mean squared difference of two Gram matrices (Gatys et al. 2016, eq. 4, as a mean). A scalar."""
    return (result - style).square().mean()


def content_loss(features: Tensor, photo: Tensor) -> Tensor:
    """Mean squared difference over the mean square of the photo's features.

    Gatys et al. 2016, eq. 1, divided by the photo's energy: 0 is the photo, and the scale of a layer cancels out.
    """
    return (_wide(features) - _wide(photo)).square().mean() / energy(photo)


def mean_content_loss(
    features: Tensor, photos: Tensor, weights: Tensor | None = None, *, relative: bool = True
) -> Tensor:
    """`content_loss` of each picture by its own photo's energy, a mean over the pictures. A scalar.

    By its own energy, so that a batch may be shared by several processes.

    Args:
        weights: N, by which each picture's is multiplied.
        relative: divide by the photo's energy.
    """
    before = _wide(photos)
    missed = (_wide(features) - before).square().mean((1, 2, 3))
    if relative:
        missed = missed / before.square().mean((1, 2, 3)).clamp_min(_TINY)
    return (missed if weights is None else weights * missed).mean()


def energy(x: Tensor) -> Tensor:
    """Mean square, never quite 0. A scalar."""
    return _wide(x).square().mean().clamp_min(_TINY)


def moments(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of every channel, N x C each (Huang & Belongie 2017, eq. 5 and 6)."""
    flat = _wide(features.flatten(2))
    if weights is None:
        mean = flat.mean(-1, keepdim=True)
        variance = (flat - mean).square().mean(-1)  # an order of magnitude faster on a CPU than Tensor.var
    else:
        share = _shares(weights)  # N 1 HW
        mean = (flat * share).sum(-1, keepdim=True)
        variance = ((flat - mean).square() * share).sum(-1)
    return mean[..., 0], (variance + 1e-8).sqrt()


def moments_loss(result: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared difference of means plus that of deviations (Huang & Belongie 2017, eq. 13). A scalar."""
    return (result[0] - style[0]).square().mean() + (result[1] - style[1]).square().mean()


def mean_and_covariance(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean, N x C, and covariance, N x C x C, of the features as C-dimensional points; float32."""
    flat = _rows(features)
    mean = _wide(flat).mean(1) if weights is None else (_wide(flat) * _shares(weights).mT).sum(1)
    return mean, gram(features, weights) - mean[:, :, None] * mean[:, None, :]


def wasserstein_loss(result: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor], root: Tensor | None = None) -> Tensor:
    """Squared 2-Wasserstein distance of two Gaussians with these means and covariances, over C. A scalar.

    W^2 = |m - n|^2 + tr(A + B - 2 (B^1/2 A B^1/2)^1/2): Olkin & Pukelsheim 1982, eq. 4; as a style loss Kolkin et al.
    2019 use a bound of it, and Mroueh 2020 transports along it.

    Args:
        result, style: what `mean_and_covariance` gives.
        root: `square_root` of the style's covariance if the caller has it.
    """
    (mean, covariance), (other_mean, other_covariance) = result, style
    root = square_root(other_covariance) if root is None else root
    product = root @ covariance @ root
    values = torch.linalg.eigvalsh((product + product.mT) / 2)
    # The root's slope is infinite at 0, where features of few positions have most of their eigenvalues.
    floor = 1e-9 * other_covariance.diagonal(dim1=-2, dim2=-1).mean(-1, keepdim=True).square().clamp_min(_TINY)
    cross = ((values.clamp_min(0) + floor).sqrt() - floor.sqrt()).sum(-1)
    traces = (covariance + other_covariance).diagonal(dim1=-2, dim2=-1).sum(-1)
    distance = (mean - other_mean).square().sum(-1) + traces - 2 * cross
    return distance.mean() / mean.shape[-1]


def square_root(matrix: Tensor) -> Tensor:
    """Symmetric square root of positive semi-definite N x C x C; a constant to the gradient."""
    with torch.no_grad():
        values, vectors = torch.linalg.eigh(matrix)
        return (vectors * values.clamp_min(0).sqrt()[:, None, :]) @ vectors.mT


def quantiles(features: Tensor, weights: Tensor | None = None, count: int = 256) -> Tensor:
    """Every channel's values at `count` equal steps of its distribution, N x C x count, float32."""
    flat = _wide(features.flatten(2))
    if weights is None:
        ordered, order = flat.sort(-1)
    else:  # what does not count at all stands at the end, where it bends no ramp between others
        outside = (weights.flatten(2) <= 0).expand_as(flat)
        ordered, order = flat.masked_fill(outside, torch.inf).sort(-1)
        ordered = ordered.minimum(flat.masked_fill(outside, -torch.inf).amax(-1, keepdim=True))
    positions = _ranks(order, weights, flat)
    steps = (torch.arange(count, device=flat.device, dtype=flat.dtype) + 0.5) / count
    right = torch.searchsorted(positions.contiguous(), steps.expand(*flat.shape[:2], count).contiguous())
    right = right.clamp(1, max(flat.shape[-1] - 1, 1)) if flat.shape[-1] > 1 else right * 0
    left = (right - 1).clamp_min(0)
    start, end = positions.gather(-1, left), positions.gather(-1, right)
    way = ((steps - start) / (end - start).clamp_min(_TINY)).clamp(0, 1)
    return torch.lerp(ordered.gather(-1, left), ordered.gather(-1, right), way)


def _ranks(order: Tensor, weights: Tensor | None, like: Tensor) -> Tensor:
    """What share of the weight lies below each value of a sorted channel, N x C x HW; a value's own counts half."""
    if weights is None:
        count = order.shape[-1]
        return ((torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count).expand_as(like)
    share = _shares(weights).expand_as(like).gather(-1, order)
    return share.cumsum(-1) - share / 2


def histogram_loss(features: Tensor, style: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean squared way of every value to where the style's distribution has it.

    Risser et al. 2017, eq. 5: |O - R(O)|^2, R(O) the features after their channels' histograms are matched, a constant
    to the gradient. Here the histograms are exact: ranks against `quantiles` instead of bins.

    Args:
        style: N x C x K, `quantiles` of the style.
    """
    flat = _wide(features.flatten(2))
    with torch.no_grad():
        order = flat.argsort(-1)
        position = (_ranks(order, weights, flat) * style.shape[-1] - 0.5).clamp(0, style.shape[-1] - 1)
        below = position.floor().long()
        above = (below + 1).clamp_max(style.shape[-1] - 1)
        wanted = torch.lerp(style.gather(-1, below), style.gather(-1, above), position - below)
        matched = torch.empty_like(flat).scatter_(-1, order, wanted)
    way = (flat - matched).square()
    if weights is None:
        return way.mean()
    return (way * _shares(weights)).sum(-1).mean()


def total_variation(pictures: Tensor) -> Tensor:
    """Mean absolute step between neighbors, across plus down (anisotropic; Mahendran & Vedaldi 2015). A scalar."""
    across = (pictures[..., 1:] - pictures[..., :-1]).abs()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs()
    zero = torch.zeros((), dtype=pictures.dtype, device=pictures.device)
    return (across.mean() if across.numel() else zero) + (down.mean() if down.numel() else zero)


def blemishes(pictures: Tensor, window: int, grid: int) -> dict[str, Tensor]:
    """What no painted picture should have: "variation", a "lattice", values out of "range". Scalars.

    Args:
        pictures: N x 3 x H x W, sides multiples of the grid.
        window, grid: as for `lattice`.
    """
    return {
        "variation": torch.stack([pictures.diff(dim=axis).square().mean() for axis in (2, 3)]).sum(),
        "lattice": lattice(pictures, window, grid),
        "range": (pictures - pictures.clamp(0, 1)).square().mean(),
    }


def lattice(pictures: Tensor, window: int, grid: int) -> Tensor:
    """How much repeats on a network's own grid. A scalar.

    Args:
        pictures: N x 3 x H x W, sides multiples of the grid.
        window: places of the grid a side, over which it must repeat.
        grid: pixels of a place a side.
    """
    count, _, height, width = pictures.shape
    blocks = pictures.reshape(count, 3, height // grid, grid, width // grid, grid).permute(0, 1, 3, 5, 2, 4)
    phases = F.avg_pool2d(blocks.flatten(1, 3), window, window // 2).reshape(count, 3, grid * grid, -1)
    return (phases - phases.mean(2, keepdim=True)).square().mean()


class ContentLoss(nn.Module):
    """`content_loss` against a photo's features; without `relative` the plain mean squared difference.

    Args:
        photo: N x C x H x W.
        relative: divide by the photo's energy.
    """

    photo: Tensor
    scale: Tensor

    def __init__(self, photo: Tensor, *, relative: bool = True) -> None:
        super().__init__()
        self.register_buffer("photo", photo)
        self.register_buffer("scale", 1 / energy(photo) if relative else torch.ones((), device=photo.device))

    def forward(self, features: Tensor) -> Tensor:
        return (_wide(features) - _wide(self.photo)).square().mean() * self.scale


class StyleLoss(nn.Module, ABC):
    """A statistic of one layer's features against its target.

    Statistics are single tensors, so that those of several styles blend as their weighted mean.

    Args:
        target: what `statistic` gives for the style.
        weights: N x 1 x H x W, how much every position of the features counts; None, all alike.
        scale: what the squared difference is multiplied with; None, one over the target's energy.
    """

    target: Tensor
    weights: Tensor | None
    scale: Tensor

    def __init__(self, target: Tensor, weights: Tensor | None = None, *, scale: float | Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("target", target)
        self.register_buffer("weights", weights)
        self.register_buffer("scale", 1 / self.energy(target) if scale is None else torch.as_tensor(scale))

    @staticmethod
    @abstractmethod
    def statistic(features: Tensor, weights: Tensor | None = None) -> Tensor:
        """What is compared, of N x C x H x W features."""

    @staticmethod
    def energy(target: Tensor) -> Tensor:
        """What `distance` to nothing at all would be. A scalar."""
        return energy(target)

    def distance(self, features: Tensor) -> Tensor:
        return (self.statistic(features, self.weights) - self.target).square().mean()

    def forward(self, features: Tensor) -> Tensor:
        return self.distance(features) * self.scale


class GramLoss(StyleLoss):
    """`gram_loss`: N x C x C (Gatys et al. 2016; with weights the guided form of Gatys et al. 2017)."""

    @staticmethod
    def statistic(features: Tensor, weights: Tensor | None = None) -> Tensor:
        return gram(features, weights)


class MomentsLoss(StyleLoss):
    """`moments_loss`: mean and deviation, N x 2 x C (Huang & Belongie 2017)."""

    @staticmethod
    def statistic(features: Tensor, weights: Tensor | None = None) -> Tensor:
        return torch.stack(moments(features, weights), 1)


class WassersteinLoss(StyleLoss):
    """`wasserstein_loss`: mean and covariance, N x (1 + C) x C."""

    root: Tensor

    @staticmethod
    def statistic(features: Tensor, weights: Tensor | None = None) -> Tensor:
        mean, covariance = mean_and_covariance(features, weights)
        return torch.cat([mean[:, None], covariance], 1)

    def __init__(self, target: Tensor, weights: Tensor | None = None, *, scale: float | Tensor | None = None) -> None:
        super().__init__(target, weights, scale=scale)
        self.register_buffer("root", square_root(target[:, 1:]))

    @staticmethod
    def energy(target: Tensor) -> Tensor:
        power = target[:, 0].square().sum(-1) + target[:, 1:].diagonal(dim1=-2, dim2=-1).sum(-1)
        return (power.mean() / target.shape[-1]).clamp_min(_TINY)

    def distance(self, features: Tensor) -> Tensor:
        ours = mean_and_covariance(features, self.weights)
        return wasserstein_loss(ours, (self.target[:, 0], self.target[:, 1:]), self.root)


class HistogramLoss(StyleLoss):
    """`histogram_loss`: every channel's quantiles, N x C x K (Risser et al. 2017)."""

    @staticmethod
    def statistic(features: Tensor, weights: Tensor | None = None) -> Tensor:
        return quantiles(features, weights)

    def distance(self, features: Tensor) -> Tensor:
        return histogram_loss(features, self.target, self.weights)
