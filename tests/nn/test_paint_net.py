"""The larger painter in PyTorch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from impasto.nn.paint_net import MARGIN, MULTIPLE, PaintNet, Rise, normalized, statistics  # noqa: E402


def test_rising_is_nearest_upsampling_with_a_convolution_after_it() -> None:
    torch.manual_seed(0)
    rise, features = Rise(5, 7), torch.randn(2, 5, 6, 8)
    wanted = functional.conv2d(functional.interpolate(features, scale_factor=2), rise.weight, rise.bias, padding=1)
    assert torch.allclose(rise(features), wanted, atol=1e-5)


def test_normalized_features_have_the_mean_and_deviation_that_are_asked_for() -> None:
    features = 7 + 3 * torch.randn(2, 4, 30, 40)
    scale, shift = torch.full((2, 4), 0.5), torch.full((2, 4), -2.0)
    found = normalized(features, scale, shift)
    assert torch.allclose(found.mean((2, 3)), shift, atol=1e-3)
    assert torch.allclose(found.std((2, 3)), 1 + scale, atol=1e-2)


def test_statistics_are_the_roots_of_means_and_deviations() -> None:
    features = torch.rand(1, 3, 50, 60)
    found = statistics(features)
    assert torch.allclose(found[:, :3].square(), features.mean((2, 3)), atol=1e-4)
    assert torch.allclose(found[:, 3:].square(), features.std((2, 3)), atol=1e-3)


def test_the_style_and_the_noise_change_the_picture() -> None:
    torch.manual_seed(0)
    net, photo = PaintNet().eval(), torch.rand(1, 3, 40, 48)
    rows, columns = ((side + 2 * MARGIN) // MULTIPLE for side in (40, 48))
    noise = torch.randn(1, 1, rows, columns), torch.randn(1, 1, 2 * rows, 2 * columns)
    with torch.no_grad():
        styles = [net.modulations(torch.randn(1, 256)) for _ in range(2)]
        pictures = [net(photo, style, noise) for style in styles]
        still = net(photo, styles[0], (torch.zeros_like(noise[0]), torch.zeros_like(noise[1])))
    assert pictures[0].shape == photo.shape
    assert (pictures[0] - pictures[1]).abs().mean() > 1e-3
    assert (pictures[0] - still).abs().mean() > 1e-4
