"""Losses against a critic, critics and the pool of pictures that they learn from: known cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.nn.adversarial import (
    critic_loss,
    cycle_loss,
    deception_loss,
    identity_loss,
    pair_loss,
    patch_nce,
)
from impasto.nn.critic import LAYERS, PatchGAN
from impasto.nn.pool import ImagePool


def verdicts(value: float) -> Tensor:
    return torch.full((2, 1, 3, 3), float(value))


def test_least_squares_want_one_of_real_patches_and_nothing_of_made_ones() -> None:
    assert critic_loss(verdicts(1), verdicts(0)) == 0
    assert critic_loss(verdicts(0.5), verdicts(0.5)) == pytest.approx(0.25)
    assert deception_loss(verdicts(1)) == 0
    assert deception_loss(verdicts(-1)) == pytest.approx(2)


def test_the_original_losses_are_cross_entropies() -> None:
    right, wrong = verdicts(2), verdicts(-1)
    expected = 0.5 * (
        F.binary_cross_entropy_with_logits(right, torch.ones_like(right))
        + F.binary_cross_entropy_with_logits(wrong, torch.zeros_like(wrong))
    )
    assert critic_loss(right, wrong, "vanilla") == pytest.approx(float(expected))
    assert critic_loss(verdicts(0), verdicts(0), "vanilla") == pytest.approx(math.log(2))
    assert deception_loss(verdicts(0), "vanilla") == pytest.approx(math.log(2))
    assert deception_loss(verdicts(-50), "vanilla") == pytest.approx(50)  # it does not saturate


@pytest.mark.parametrize("loss", [cycle_loss, identity_loss, pair_loss])
def test_differences_are_mean_absolute_ones(loss: object) -> None:
    one, two = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.25)
    two[0, 0] = -0.75
    assert callable(loss)
    assert loss(one, two) == pytest.approx((0.75 + 0.25 + 0.25) / 3)
    assert loss(two, two) == 0


def test_patches_are_told_from_each_other() -> None:
    corners = torch.eye(4)[None]  # four patches at right angles
    sure = math.log(math.exp(1 / 0.07) + 3) - 1 / 0.07
    assert patch_nce(corners, corners) == pytest.approx(sure, abs=1e-6)
    assert patch_nce(corners, corners, 1.0) == pytest.approx(math.log(math.e + 3) - 1)
    alike = torch.ones(2, 256, 4) / 2
    assert patch_nce(alike, alike) == pytest.approx(math.log(256), rel=1e-5)  # chance
    assert patch_nce(corners.flip(1), corners) > 10


def test_patches_of_other_pictures_are_no_negatives_and_keys_get_no_gradient() -> None:
    queries = F.normalize(torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0)), dim=-1).requires_grad_()
    keys = queries.detach().clone().requires_grad_()
    both = patch_nce(queries, keys)
    alone = torch.stack([patch_nce(queries[i : i + 1], keys[i : i + 1]) for i in range(2)]).mean().detach()
    assert both.detach() == pytest.approx(float(alone), rel=1e-5)
    both.backward()
    assert queries.grad is not None
    assert keys.grad is None


@pytest.mark.parametrize("patch", LAYERS)
def test_a_number_judges_a_patch_of_its_size(patch: int) -> None:
    torch.manual_seed(0)
    net = PatchGAN(patch, 8)
    picture = torch.rand(1, 3, 160, 160, requires_grad=True)
    layers = [*net.layers, net.verdict]
    x: Tensor = picture
    for layer in layers:  # normalization sees the whole picture: without it
        x = layer(x)
    x[..., x.shape[2] // 2, x.shape[3] // 2].sum().backward()
    assert picture.grad is not None
    seen = picture.grad[0].abs().sum(0) > 0
    assert int(seen.any(0).sum()) == int(seen.any(1).sum()) == patch


def test_the_published_critic_has_its_published_size() -> None:
    net = PatchGAN()
    assert sum(value.numel() for value in net.parameters()) == 2_764_737
    assert net(torch.rand(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    assert PatchGAN(70, 8, channels=6)(torch.rand(2, 6, 64, 64)).shape[:2] == (2, 1)


def test_a_full_pool_gives_an_old_picture_for_every_other_new_one() -> None:
    pool, rng = ImagePool(4), np.random.default_rng(0)
    for value in range(4):
        new = torch.full((1, 3, 2, 2), float(value))
        assert torch.equal(pool.exchange(new, rng), new)
    found = [float(pool.exchange(torch.full((1, 3, 2, 2), 10.0 + i), rng)[0, 0, 0, 0]) for i in range(200)]
    old = [value for i, value in enumerate(found) if value != 10 + i]
    assert 60 < len(old) < 140
    assert len(set(found)) == 200  # each comes out once
    assert len(pool.pictures) == 4


def test_an_empty_pool_keeps_nothing() -> None:
    pool, made = ImagePool(0), torch.rand(3, 3, 2, 2)
    assert torch.equal(pool.exchange(made, np.random.default_rng(0)), made)
    assert not pool.pictures
