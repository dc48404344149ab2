"""The enlarger in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from enlargers import untrained
from helpers import scene
from PIL import Image

from impasto.nn.adversarial import critic_loss, deception_loss
from impasto.nn.critic import PatchCritic
from impasto.nn.enlarge_net import SCALES, EnlargeNet, EnlargerForm
from impasto.nn.tensors import to_tensor


@pytest.mark.parametrize("scale", SCALES)
def test_whatever_it_draws_the_result_reduced_is_the_picture(scale: int) -> None:
    net = untrained(scale)
    picture = to_tensor(scene(48, 40) / 255)
    with torch.no_grad():
        large = net(picture)
    assert large.shape == (1, 3, scale * 40, scale * 48)
    margin = net.form.margin
    inside = slice(margin, -margin) if 2 * margin < 40 else slice(15, -15)
    for color, plane in zip(picture[0], large[0], strict=True):
        reduced = Image.fromarray(plane.numpy()).resize((48, 40), Image.Resampling.BICUBIC)
        difference = torch.from_numpy(np.array(reduced)) - color
        assert difference[inside, inside].abs().max() < 1e-3


@pytest.mark.parametrize("scale", SCALES)
def test_it_sees_no_further_than_its_margin(scale: int) -> None:
    net = untrained(scale)
    margin, step = net.form.margin, net.form.step
    side = 2 * margin + 4 * step
    picture = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))
    other = picture.clone()
    other[..., :step, :] = 0  # the first row of blocks
    with torch.no_grad():
        change = (net(picture) - net(other)).abs().amax((0, 1, 3))
    assert change[(margin + step) * scale :].max() < 1e-6
    assert change[: margin * scale].max() > 1e-4


def test_the_forms_that_ship_are_small() -> None:
    for scale in SCALES:
        assert sum(weight.numel() for weight in EnlargeNet(EnlargerForm(scale)).parameters()) < 300_000


def test_the_critics_losses_are_least_squares() -> None:
    right, wrong = torch.ones(2, 1, 3, 3), torch.zeros(2, 1, 3, 3)
    assert critic_loss(right, wrong) == 0
    assert critic_loss(wrong, right) == pytest.approx(1)
    assert deception_loss(wrong) == pytest.approx(0.5)
    verdict = PatchCritic(4)(torch.rand(2, 3, 32, 24))
    assert verdict.shape == (2, 1, 8, 6)
