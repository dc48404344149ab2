"""Losses for networks that are trained against a critic, on collections or on pairs.

A critic returns a number for every patch of a picture, N x 1 x h x w. Higher numbers mean that the patch looks more
real. Each loss is a scalar. G is the network that makes pictures, D the critic.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Contest = Literal["lsgan", "vanilla"]


def critic_loss(real: Tensor, made: Tensor, contest: Contest = "lsgan") -> Tensor:
    """Return the loss that a critic minimizes.

    lsgan: ((D(y) - 1)^2 + D(G(x))^2) / 2, least squares (Mao et al. 2017, eq. 9).
    vanilla: (-log s(D(y)) - log(1 - s(D(G(x))))) / 2, with the logistic function s (Goodfellow et al. 2014, eq. 1).

    Args:
        real, made: the critic's output for real pictures and for made ones.
    """
    if contest == "vanilla":
        return 0.5 * (F.softplus(-real).mean() + F.softplus(made).mean())
    return 0.5 * ((real - 1).square().mean() + made.square().mean())


def deception_loss(made: Tensor, contest: Contest = "lsgan") -> Tensor:
    """Return the loss of a network that makes pictures. It is low if the critic takes the pictures for real ones.

    lsgan: (D(G(x)) - 1)^2 / 2 (Mao et al. 2017, eq. 9).
    vanilla: -log s(D(G(x))), the form that does not saturate (Goodfellow et al. 2014, 3).
    """
    if contest == "vanilla":
        return F.softplus(-made).mean()
    return 0.5 * (made - 1).square().mean()


def cycle_loss(pictures: Tensor, returned: Tensor) -> Tensor:
    """Return the difference of pictures before and after a cycle through both networks.

    |F(G(x)) - x|, the mean (Zhu et al. 2017, eq. 2).

    Args:
        pictures, returned: N x 3 x H x W.
    """
    return F.l1_loss(returned, pictures)


def identity_loss(pictures: Tensor, kept: Tensor) -> Tensor:
    """Return how much a network changes pictures of its target kind: |G(y) - y|, the mean (Zhu et al. 2017, 5.2).

    Without this loss, colors may shift: a network may turn day into night, or light into dark.
    """
    return F.l1_loss(kept, pictures)


def pair_loss(targets: Tensor, made: Tensor) -> Tensor:
    """Return the difference of made pictures from their targets: |y - G(x)|, the mean (Isola et al. 2017, eq. 3)."""
    return F.l1_loss(made, targets)


def patch_nce(queries: Tensor, keys: Tensor, temperature: float = 0.07) -> Tensor:
    """Return how well each patch of a painted picture identifies its place in the photo, among the photo's patches.

    -log( exp(q_i k_i / t) / sum_j exp(q_i k_j / t) ), j over the patches of the same picture (Park et al. 2020, eq. 2
    and 3). The result is the mean over all patches i, as in that paper's code; its equation has a sum.

    Args:
        queries: N x P x C, unit vectors of P patches of the painted pictures.
        keys: N x P x C, unit vectors of the photos' patches at the same places. They get no gradient.
        temperature: t.
    """
    likeness = torch.bmm(queries.float(), keys.detach().float().mT) / temperature  # N P P
    places = torch.arange(likeness.shape[1], device=likeness.device).repeat(likeness.shape[0])
    return F.cross_entropy(likeness.flatten(0, 1), places)
