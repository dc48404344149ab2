"""Perceptual losses on feature maps, N x C x H x W, of any float type.

Statistics are computed in float32, or in float64 for float64 features. They may cover a part of the picture: `weights`,
N x 1 x H x W, are the weights of the positions. Each loss exists as a function of two statistics (or two feature maps),
and as a module that stores its target.

The modules divide by the target's own energy. So 1 means "as far from the target as zero is", and one weight of a loss
fits all layers, styles and sizes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_TINY = 1e-12
_EDGE = 0.2  # difference of neighboring colors that counts as half an edge


def _wide(x: Tensor) -> Tensor:
    return x if x.dtype == torch.float64 else x.float()  # half precision overflows in the sums


def _shares(weights: Tensor) -> Tensor:
    """Scale weights, N x 1 x H x W, to a sum of 1: N x 1 x HW."""
    wide = _wide(weights).flatten(2)
    return wide / wide.sum(-1, keepdim=True).clamp_min(_TINY)


def _rows(features: Tensor) -> Tensor:
    """Convert N x C x H x W to N x H W x C, without a copy if the memory format is channels last."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


class _Gram(torch.autograd.Function):
    """The weighted second moment. Its gradient keeps the features' layout, which takes half the time on a CPU."""

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
    """Return the channel correlations of a feature map, averaged over its positions.

    G = F F^T / (H W): Gatys et al. 2016, eq. 5, divided by the area so that it does not depend on the size. With
    weights T^2 it is the guided Gram matrix of Gatys et al. 2017, eq. 3, with guidance channels normalized as there.

    Returns:
        N x C x C, float32, symmetric and positive semi-definite.
    """
    result: Tensor = _Gram.apply(features, weights)  # type: ignore[no-untyped-call]
    return result


def gram_loss(result: Tensor, style: Tensor) -> Tensor:
    """Return the mean squared difference of two Gram matrices (Gatys et al. 2016, eq. 4, as a mean). A scalar."""
    return (result - style).square().mean()


def content_loss(features: Tensor, photo: Tensor) -> Tensor:
    """Return the mean squared difference divided by the mean square of the photo's features.

    Gatys et al. 2016, eq. 1, divided by the photo's energy. It is 0 for the photo itself, and independent of a layer's
    scale.
    """
    return (_wide(features) - _wide(photo)).square().mean() / energy(photo)


def mean_content_loss(
    features: Tensor, photos: Tensor, weights: Tensor | None = None, *, relative: bool = True
) -> Tensor:
    """Return the mean of `content_loss` over pictures, each divided by its own photo's energy. A scalar.

    Each picture uses its own energy so that several processes can share a batch.

    Args:
        weights: N, factors of the pictures' losses.
        relative: divide by the photo's energy.
    """
    before = _wide(photos)
    missed = (_wide(features) - before).square().mean((1, 2, 3))
    if relative:
        missed = missed / before.square().mean((1, 2, 3)).clamp_min(_TINY)
    return (missed if weights is None else weights * missed).mean()


def energy(x: Tensor) -> Tensor:
    """Return the mean square plus a tiny number, so that it is never 0. A scalar."""
    return _wide(x).square().mean().clamp_min(_TINY)


def moments(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of every channel, N x C each (Huang & Belongie 2017, eq. 5 and 6)."""
    flat = _wide(features.flatten(2))
    if weights is None:
        mean = flat.mean(-1, keepdim=True)
        variance = (flat - mean).square().mean(-1)  # ten times as fast on a CPU as Tensor.var
    else:
        share = _shares(weights)  # N 1 HW
        mean = (flat * share).sum(-1, keepdim=True)
        variance = ((flat - mean).square() * share).sum(-1)
    return mean[..., 0], (variance + 1e-8).sqrt()


def moments_loss(result: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor]) -> Tensor:
    """Return the mean squared differences of means and deviations, added (Huang & Belongie 2017, eq. 13). A scalar."""
    return (result[0] - style[0]).square().mean() + (result[1] - style[1]).square().mean()


def mean_and_covariance(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return mean, N x C, and covariance, N x C x C, of the features as C-dimensional points, in float32."""
    flat = _rows(features)
    mean = _wide(flat).mean(1) if weights is None else (_wide(flat) * _shares(weights).mT).sum(1)
    return mean, gram(features, weights) - mean[:, :, None] * mean[:, None, :]


def wasserstein_loss(result: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor], root: Tensor | None = None) -> Tensor:
    """Return the squared 2-Wasserstein distance of two Gaussians with these means and covariances, over C. A scalar.

    W^2 = |m - n|^2 + tr(A + B - 2 (B^1/2 A B^1/2)^1/2): Olkin & Pukelsheim 1982, eq. 4. As a style loss, Kolkin et al.
    2019 use a bound of it, and Mroueh 2020 transports along it.

    Args:
        result, style: results of `mean_and_covariance`.
        root: `square_root` of the style's covariance, if the caller has computed it.
    """
    (mean, covariance), (other_mean, other_covariance) = result, style
    root = square_root(other_covariance) if root is None else root
    product = root @ covariance @ root
    values = torch.linalg.eigvalsh((product + product.mT) / 2)
    # The root's slope is infinite at 0, and features of few positions have most of their eigenvalues there.
    floor = 1e-9 * other_covariance.diagonal(dim1=-2, dim2=-1).mean(-1, keepdim=True).square().clamp_min(_TINY)
    cross = ((values.clamp_min(0) + floor).sqrt() - floor.sqrt()).sum(-1)
    traces = (covariance + other_covariance).diagonal(dim1=-2, dim2=-1).sum(-1)
    distance = (mean - other_mean).square().sum(-1) + traces - 2 * cross
    return distance.mean() / mean.shape[-1]


def square_root(matrix: Tensor) -> Tensor:
    """Return the symmetric square root of positive semi-definite N x C x C. It gets no gradient."""
    with torch.no_grad():
        values, vectors = torch.linalg.eigh(matrix)
        return (vectors * values.clamp_min(0).sqrt()[:, None, :]) @ vectors.mT


def quantiles(features: Tensor, weights: Tensor | None = None, count: int = 256) -> Tensor:
    """Return each channel's values at `count` equal steps of its distribution, N x C x count, float32."""
    flat = _wide(features.flatten(2))
    if weights is None:
        ordered, order = flat.sort(-1)
    else:  # positions without weight go to the end, where they do not affect interpolation between others
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
    """Return the share of the weight below each value of a sorted channel, N x C x HW. Half of its own counts."""
    if weights is None:
        count = order.shape[-1]
        return ((torch.arange(count, device=like.device, dtype=like.dtype) + 0.5) / count).expand_as(like)
    share = _shares(weights).expand_as(like).gather(-1, order)
    return share.cumsum(-1) - share / 2


def histogram_loss(features: Tensor, style: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the mean squared distance of every value from its place in the style's distribution.

    Risser et al. 2017, eq. 5: |O - R(O)|^2. R(O) are the features after their channels' histograms are matched, and get
    no gradient. Here the histograms are exact: ranks are compared with `quantiles` instead of bins.

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
    """Return the mean absolute difference of neighbors, across plus down (Mahendran & Vedaldi 2015). A scalar."""
    across = (pictures[..., 1:] - pictures[..., :-1]).abs()
    down = (pictures[..., 1:, :] - pictures[..., :-1, :]).abs()
    zero = torch.zeros((), dtype=pictures.dtype, device=pictures.device)
    return (across.mean() if across.numel() else zero) + (down.mean() if down.numel() else zero)


def blemishes(pictures: Tensor, window: int, grid: int) -> dict[str, Tensor]:
    """Return losses for defects of painted pictures: "variation", "lattice", and "range" for values outside 0..1.

    Args:
        pictures: N x 3 x H x W, with sides that are multiples of the grid.
        window, grid: as for `lattice`.
    """
    return {
        "variation": torch.stack([pictures.diff(dim=axis).square().mean() for axis in (2, 3)]).sum(),
        "lattice": lattice(pictures, window, grid),
        "range": (pictures - pictures.clamp(0, 1)).square().mean(),
    }


def lattice(pictures: Tensor, window: int, grid: int) -> Tensor:
    """Return how much of a picture repeats on a network's own grid. A scalar.

    Args:
        pictures: N x 3 x H x W, with sides that are multiples of the grid.
        window: side of the window over which the pattern must repeat, in places of the grid.
        grid: side of a place in pixels.
    """
    count, _, height, width = pictures.shape
    blocks = pictures.reshape(count, 3, height // grid, grid, width // grid, grid).permute(0, 1, 3, 5, 2, 4)
    phases = F.avg_pool2d(blocks.flatten(1, 3), window, window // 2).reshape(count, 3, grid * grid, -1)
    return (phases - phases.mean(2, keepdim=True)).square().mean()


def blocks(pictures: Tensor, grid: int) -> Tensor:
    """Return how much edges prefer a network's own grid: the relative variance of their count by place. A scalar.

    Args:
        pictures: N x 3 x H x W, with sides that are multiples of the grid, at least two of them.
        grid: side of a place in pixels.
    """
    found = []
    for axis in (2, 3):
        steps = pictures.movedim(axis, -1).diff().square().sum(1)  # N x lines x places
        edges = (steps / (steps + _EDGE**2)).mean((0, 1))
        phases = edges[: len(edges) + 1 - grid].reshape(-1, grid).mean(0)
        found.append((phases / phases.mean().clamp_min(_TINY) - 1).square().mean())
    return torch.stack(found).mean()


def random_colors(pictures: Tensor, count: int = 2048) -> Tensor:
    """Return the colors of random pixels, N x 3 x `count`."""
    pixels = pictures.flatten(2)
    return pixels[..., torch.randint(pixels.shape[2], (count,), device=pixels.device)]


def random_directions(device: torch.device, count: int = 12) -> Tensor:
    """Return random directions in color space, `count` x 3, of length 1."""
    return F.normalize(torch.randn(count, 3, device=device), dim=1)


def color_loss(one: Tensor, other: Tensor, directions: Tensor) -> Tensor:
    """Return the squared sliced Wasserstein distance of two sets of colors (Pitié et al. 2005), a value a picture.

    It is the mean squared difference of the colors that are sorted along each direction.

    Args:
        one, other: N x 3 x K, or 1 x 3 x K.
        directions: D x 3.
    """
    return ((directions @ one).sort(2).values - (directions @ other).sort(2).values).square().mean((1, 2))


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
    """Compare a statistic of one layer's features with its target.

    Statistics are single tensors, so that several styles can be blended as a weighted mean.

    Args:
        target: the style's `statistic`.
        weights: N x 1 x H x W, the weights of the features' positions; None: equal weights.
        scale: factor of the squared difference; None: one over the target's energy.
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
        """Return the statistic of N x C x H x W features."""

    @staticmethod
    def energy(target: Tensor) -> Tensor:
        """Return the `distance` of the target from zero. A scalar."""
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
