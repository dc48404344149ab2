"""Every loss: by hand, against finite differences, over parts of a picture and over sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from impasto.nn import losses
from impasto.nn.losses import ContentLoss, GramLoss, HistogramLoss, MomentsLoss, StyleLoss, WassersteinLoss

STYLE_LOSSES = [GramLoss, MomentsLoss, WassersteinLoss, HistogramLoss]


def features(seed: int, channels: int = 4, height: int = 6, width: int = 7) -> Tensor:
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("kind", [GramLoss, MomentsLoss, WassersteinLoss])
@pytest.mark.parametrize("guided", [False, True])
def test_gradients_against_finite_differences(kind: type[StyleLoss], guided: bool) -> None:
    weights = features(5, 1) if guided else None
    loss = kind(kind.statistic(features(1)), weights)
    assert torch.autograd.gradcheck(loss, (features(2).requires_grad_(),))


def test_gradients_of_content_and_variation() -> None:
    assert torch.autograd.gradcheck(ContentLoss(features(1)), (features(2).requires_grad_(),))
    picture = features(3, 3).requires_grad_()
    assert torch.autograd.gradcheck(losses.total_variation, (picture,))


@pytest.mark.parametrize("guided", [False, True])
def test_the_histogram_s_gradient_is_that_of_a_fixed_target(guided: bool) -> None:
    """The matched features count as constants (Risser et al. 2017): the gradient is 2 (x - matched), weighted."""
    weights = features(5, 1) if guided else None
    target = losses.quantiles(features(1))
    x = features(2).requires_grad_()
    loss = losses.histogram_loss(x, target, weights)
    (gradient,) = torch.autograd.grad(loss, x)
    step = 1e-7
    moved = losses.histogram_loss(x.detach() - step * gradient, target, weights)
    assert float((loss.detach() - moved) / step) == pytest.approx(float(gradient.square().sum()), rel=0.05)


@pytest.mark.parametrize("kind", STYLE_LOSSES)
def test_a_mask_of_ones_changes_nothing(kind: type[StyleLoss]) -> None:
    target, x = kind.statistic(features(1)), features(2)
    ones = torch.ones(1, 1, 6, 7).double()
    torch.testing.assert_close(kind.statistic(x, ones), kind.statistic(x))
    torch.testing.assert_close(kind(target, ones)(x), kind(target)(x))


@pytest.mark.parametrize("kind", STYLE_LOSSES)
def test_a_hard_mask_is_a_crop(kind: type[StyleLoss]) -> None:
    x, mask = features(2), torch.zeros(1, 1, 6, 7).double()
    mask[:, :, :, :3] = 1
    target = kind.statistic(features(1))
    crop = x[:, :, :, :3].contiguous()
    torch.testing.assert_close(kind.statistic(x, mask), kind.statistic(crop), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(kind(target, mask)(x), kind(target)(crop), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", STYLE_LOSSES)
def test_zero_at_the_style_and_the_same_for_every_size_and_scale(kind: type[StyleLoss]) -> None:
    style, x = features(1, 4, 40, 40), features(2, 4, 40, 40).square()
    loss = kind(kind.statistic(style))
    assert float(loss(style)) == pytest.approx(0, abs=1e-4)
    expected = float(loss(x))
    assert expected > 0.01
    tiled = torch.cat([torch.cat([x, x], 2)] * 2, 3)
    assert float(loss(tiled)) == pytest.approx(expected, rel=0.01)
    assert float(kind(kind.statistic(style * 7))(x * 7)) == pytest.approx(expected, rel=0.01)


def test_wasserstein_distance_of_diagonal_gaussians() -> None:
    """|m - n|^2 + sum (s - t)^2, known in closed form."""
    mean, other = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 2.5]])
    deviation, wanted = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 3.0])
    covariances = [torch.diag(d.square())[None] for d in (deviation, wanted)]
    distance = losses.wasserstein_loss((mean, covariances[0]), (other, covariances[1]))
    expected = float((mean - other).square().sum() + (deviation - wanted).square().sum()) / 2
    assert float(distance) == pytest.approx(expected, rel=1e-3)


def test_quantiles_of_a_ramp_and_histogram_matching() -> None:
    ramp = torch.arange(100.0).flip(0).reshape(1, 1, 10, 10)
    torch.testing.assert_close(losses.quantiles(ramp, count=4)[0, 0], torch.tensor([12.0, 37.0, 62.0, 87.0]))
    # Values 0..99 wanted as 0..198: each is as far from its place as it is large.
    loss = losses.histogram_loss(ramp, losses.quantiles(ramp * 2, count=100))
    assert float(loss) == pytest.approx(float(ramp.square().mean()), rel=1e-3)
    single = torch.full((1, 2, 1, 1), 0.5)
    assert float(losses.histogram_loss(single, losses.quantiles(single))) == 0


def test_half_precision_keeps_the_statistics() -> None:
    """bfloat16 features: the statistic is summed in float32, and the gradient is theirs."""
    x = torch.rand(1, 8, 64, 64, generator=torch.Generator().manual_seed(0)) * 30
    exact, half = losses.gram(x), losses.gram(x.bfloat16())
    assert half.dtype == torch.float32
    assert float((half - exact).norm() / exact.norm()) < 2e-3
    y = x.bfloat16().requires_grad_()
    GramLoss(exact * 1.5)(y).backward()
    z = x.clone().requires_grad_()
    GramLoss(exact * 1.5)(z).backward()
    assert y.grad is not None
    assert z.grad is not None
    assert float((y.grad.float() - z.grad).norm() / z.grad.norm()) < 0.02


def test_color_loss_compares_sets_of_colors() -> None:
    torch.manual_seed(0)
    colors = torch.rand(2, 3, 500)
    directions = losses.random_directions(colors.device, 4000)
    torch.testing.assert_close(directions.square().sum(1), torch.ones(4000))
    shuffled = colors[..., torch.randperm(500)]
    torch.testing.assert_close(losses.color_loss(colors, shuffled, directions), torch.zeros(2))
    moved = colors + torch.tensor((0.3, 0, 0))[:, None]
    assert losses.color_loss(colors, moved, directions).tolist() == pytest.approx([0.3**2 / 3] * 2, rel=0.1)
    one = losses.color_loss(colors, colors[:1], directions)
    assert one[0] == 0 < one[1]
    assert losses.random_colors(colors.reshape(2, 3, 20, 25), 64).shape == (2, 3, 64)


def test_blocks_are_edges_on_the_grid() -> None:
    cells = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    found = {}
    for side in (8, 7):
        picture = cells.repeat_interleave(side, 2).repeat_interleave(side, 3)[..., :80, :80]
        found[side] = float(losses.blocks(picture, 8))
    smooth = torch.nn.functional.interpolate(cells, size=(80, 80), mode="bicubic")
    assert found[8] == pytest.approx(7)  # all edges at one of eight places: (8 - 1)^2 / 8 + 7 / 8
    assert max(found[7], float(losses.blocks(smooth, 8))) < 0.5
