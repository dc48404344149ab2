"""Losses of networks that are trained against a critic, and of the collections and pairs that they are trained on.

A critic gives a number for every patch of a picture, N x 1 x h x w: the higher, the more real it looks. Each loss here
is a scalar; G is the network that makes pictures, D the critic.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Contest = Literal["lsgan", "vanilla"]


def critic_loss(real: Tensor, made: Tensor, contest: Contest = "lsgan") -> Tensor:
    """What a critic minimizes.

    lsgan: ((D(y) - 1)^2 + D(G(x))^2) / 2, least squares (Mao et al. 2017, eq. 9).
    vanilla: (-log s(D(y)) - log(1 - s(D(G(x))))) / 2, s the logistic function (Goodfellow et al. 2014, eq. 1).

    Args:
        real, made: verdicts on real pictures and on made ones.
    """
    if contest == "vanilla":
        return 0.5 * (F.softplus(-real).mean() + F.softplus(made).mean())
    return 0.5 * ((real - 1).square().mean() + made.square().mean())


def deception_loss(made: Tensor, contest: Contest = "lsgan") -> Tensor:
    """What a network minimizes that makes pictures: that the critic takes them for real.

    lsgan: (D(G(x)) - 1)^2 / 2 (Mao et al. 2017, eq. 9).
    vanilla: -log s(D(G(x))), the form that does not saturate (Goodfellow et al. 2014, 3).
    """
    if contest == "vanilla":
        return F.softplus(-made).mean()
    return 0.5 * (made - 1).square().mean()


def cycle_loss(pictures: Tensor, returned: Tensor) -> Tensor:
    """How far pictures are from themselves after a way there and back.

    |F(G(x)) - x|, the mean (Zhu et al. 2017, eq. 2).

    Args:
        pictures, returned: N x 3 x H x W.
    """
    return F.l1_loss(returned, pictures)


def identity_loss(pictures: Tensor, kept: Tensor) -> Tensor:
    """How much a network changes what is already as it makes it: |G(y) - y|, the mean (Zhu et al. 2017, section 5.2).

    Without it, nothing holds the colors: a network may turn day into night, or light into dark.
    """
    return F.l1_loss(kept, pictures)


def pair_loss(targets: Tensor, made: Tensor) -> Tensor:
    """How far made pictures are from their targets: |y - G(x)|, the mean (Isola et al. 2017, eq. 3)."""
    return F.l1_loss(made, targets)


def patch_nce(queries: Tensor, keys: Tensor, temperature: float = 0.07) -> Tensor:
    """Whether each patch of a painted picture is known by its place in the photo, among the photo's other patches.

    -log( exp(q_i k_i / t) / sum_j exp(q_i k_j / t) ), j over the patches of the same picture (Park et al. 2020, eq. 2,
    3). It is the mean over all patches i, as that paper's code has it, where the equation has a sum.

    Args:
        queries: N x P x C, of length 1 each: P patches of the painted pictures.
        keys: N x P x C, of length 1 each: those of the photos at the same places. No gradient flows into them.
        temperature: t.
    """
    likeness = torch.bmm(queries.float(), keys.detach().float().mT) / temperature  # N P P
    places = torch.arange(likeness.shape[1], device=likeness.device).repeat(likeness.shape[0])
    return F.cross_entropy(likeness.flatten(0, 1), places)
