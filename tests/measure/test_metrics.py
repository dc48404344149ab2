"""Every metric on a case whose answer is known, or against another implementation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from helpers import refused, scene
from skimage.metrics import structural_similarity

from impasto.errors import UsageError
from impasto.measure import metrics
from impasto.measure.warping import optical_flow, reliable, warp, warping_error
from impasto.nn import losses

ONE = scene(240, 200, seed=1).astype(np.float32) / 255
OTHER = (ONE + np.random.default_rng(0).normal(0, 0.08, ONE.shape)).clip(0, 1).astype(np.float32)


def features(seed: int, size: int = 9, channels: int = 5) -> torch.Tensor:
    return torch.rand(1, channels, size, size + 2, generator=torch.Generator().manual_seed(seed))


def test_gram_by_hand() -> None:
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # 2 channels, 2 positions
    expected = torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 2
    torch.testing.assert_close(losses.gram(x), expected)
    assert losses.gram(x.half()).dtype == torch.float32
    assert float(losses.gram_loss(expected, torch.zeros(1, 2, 2))) == pytest.approx(float(expected.square().mean()))
    tiled = torch.cat([x, x, x], dim=3)
    torch.testing.assert_close(losses.gram(tiled), expected)  # the size cancels out


def test_moments_by_hand() -> None:
    x = torch.tensor([[[[1.0, 3.0]], [[2.0, 2.0]]]])
    mean, deviation = losses.moments(x)
    torch.testing.assert_close(mean, torch.tensor([[2.0, 2.0]]))
    torch.testing.assert_close(deviation, torch.tensor([[1.0, 1e-4]]))
    assert float(losses.moments_loss(losses.moments(x), losses.moments(x + 1))) == pytest.approx(1.0)
    assert float(losses.moments_loss(losses.moments(x), losses.moments(x))) == 0


def test_content_and_total_variation_by_hand() -> None:
    photo = torch.full((1, 2, 3, 3), 2.0)
    assert float(losses.content_loss(photo * 1.5, photo)) == pytest.approx(0.25)
    assert float(losses.content_loss(photo, photo)) == 0
    ramp = torch.arange(4.0).repeat(5, 1)[None, None]
    assert float(losses.total_variation(ramp)) == 1
    assert float(losses.total_variation(ramp.mT)) == 1
    assert float(losses.total_variation(torch.ones(1, 3, 1, 1))) == 0
    assert metrics.variation(np.repeat(ramp[0, 0].numpy()[:, :, None], 3, axis=2)) == 1


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, target: losses.gram_loss(losses.gram(x), losses.gram(target)),
        lambda x, target: losses.moments_loss(losses.moments(x), losses.moments(target)),
        losses.content_loss,
    ],
)
def test_gradients_against_finite_differences(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
    target = features(1, 3, 2).double()
    x = features(2, 3, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, target), (x,))


def test_style_is_one_for_the_photo_and_zero_for_the_style() -> None:
    layers = ["a", "b"]
    pictures = [{"a": features(i), "b": features(i + 9)} for i in range(3)]
    photo, style, result = (metrics.statistics(picture, layers) for picture in pictures)
    for function in (metrics.style_losses, metrics.moments_losses):
        assert function(photo, style, photo) == pytest.approx({"a": 1, "b": 1})
        assert function(style, style, photo) == {"a": 0, "b": 0}
        assert function(result, style, photo)["a"] > 0
    assert metrics.content_losses(pictures[0], pictures[0], ["a"]) == {"a": 0}
    assert metrics.content_losses({"a": torch.zeros(1, 5, 9, 11)}, pictures[0], ["a"])["a"] == pytest.approx(1)


def test_ssim_agrees_with_scikit_image() -> None:
    grays = [metrics.luminance(picture).astype(np.float64) for picture in (ONE, OTHER)]
    expected = structural_similarity(
        *grays, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1
    )
    assert metrics.ssim(ONE, OTHER) == pytest.approx(expected, abs=1e-6)
    assert metrics.ssim(ONE, ONE) == pytest.approx(1)
    assert metrics.ssim(ONE[:5, :7], ONE[:5, :7]) == pytest.approx(1)


def test_ms_ssim() -> None:
    assert metrics.ms_ssim(ONE, ONE) == pytest.approx(1)
    near, far = metrics.ms_ssim(ONE, OTHER), metrics.ms_ssim(ONE, ONE[::-1, ::-1].copy())
    assert near is not None
    assert far is not None
    assert far < near < 1
    assert near > metrics.ssim(ONE, OTHER)  # fine noise matters less on the coarser scales
    assert metrics.ms_ssim(ONE[:175], OTHER[:175]) is None
    # A constant pair: luminance alone counts, on the last scale alone.
    light, dark = np.full((176, 176, 3), 0.6, np.float32), np.full((176, 176, 3), 0.5, np.float32)
    expected = ((2 * 0.3 + 1e-4) / (0.36 + 0.25 + 1e-4)) ** 0.1333
    assert metrics.ms_ssim(light, dark) == pytest.approx(expected, rel=1e-4)


def test_lpips_against_the_formula_written_out() -> None:
    one, other = {"a": features(1), "b": features(2, 4)}, {"a": features(3), "b": features(4, 4)}
    heads = {"a": torch.rand(1, 5, 1, 1), "b": torch.rand(1, 5, 1, 1)}
    expected = 0.0
    for layer, head in heads.items():
        a, b = one[layer][0].numpy(), other[layer][0].numpy()
        a, b = a / np.linalg.norm(a, axis=0), b / np.linalg.norm(b, axis=0)
        expected += float(((a - b) ** 2 * head[0].numpy()).sum(0).mean())
    assert metrics.lpips(one, other, heads) == pytest.approx(expected, rel=1e-5)
    assert metrics.lpips(one, one, heads) == 0


def test_color_distance_of_a_shift_and_of_shuffled_pixels() -> None:
    inner = ONE * 0.5 + 0.2
    shift = np.float32([0.1, 0, 0])
    # The mean of |x| over directions spread evenly on a sphere is one half.
    assert metrics.color_distance(inner, inner + shift) == pytest.approx(0.05, rel=0.05)
    assert metrics.color_distance(inner, inner[::-1].copy()) < 1e-3
    assert metrics.color_distance(inner, np.tile(inner, (2, 1, 1))) < 2e-3


def test_frechet_distance_of_gaussians() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(0, 1, (60_000, 3))
    assert metrics.frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert metrics.frechet_distance(one, one + np.array([2, 0, 0])) == pytest.approx(4, rel=1e-3)
    # |m|^2 + sum (s1 - s2)^2 for axis-parallel Gaussians
    wide = rng.normal(0, 1, (60_000, 3)) * [3, 1, 1] + [0, 1, 0]
    assert metrics.frechet_distance(one, wide) == pytest.approx(1 + 4, rel=0.03)


def test_confusion_counts_the_nearest_style() -> None:
    styles = [np.array([0.0, 0]), np.array([1.0, 0])]
    results = [np.array([0.1, 0]), np.array([0.9, 0]), np.array([0.2, 0.1])]
    np.testing.assert_array_equal(metrics.confusion(results, [0, 0, 1], styles), [[1, 1], [1, 0]])


def test_fingerprints_do_not_depend_on_a_layer_s_scale() -> None:
    layers = {"a": features(1), "b": features(2)}
    scaled = {"a": layers["a"] * 7, "b": layers["b"]}
    one, other = (metrics.fingerprint(metrics.statistics(picture, ["a", "b"])) for picture in (layers, scaled))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_bootstrap_covers_the_median() -> None:
    values = list(np.random.default_rng(1).normal(5, 1, 200))
    median, low, high = metrics.bootstrap(values)
    assert median == np.median(values)
    assert low < median < high
    assert 0.1 < high - low < 0.6
    assert metrics.bootstrap([3.0]) == (3, 3, 3)


def moving(count: int = 4, step: int = 3) -> list[np.ndarray]:
    """A textured picture that slides to the left."""
    rng = np.random.default_rng(0)
    wide = np.kron(rng.random((16, 40, 3)), np.ones((6, 6, 1)))
    blurred = sum(np.roll(wide, (dy, dx), (0, 1)) for dy in range(-2, 3) for dx in range(-2, 3)) / 25
    return [np.ascontiguousarray(blurred[:, t * step : t * step + 160], np.float32) for t in range(count)]


def test_flow_finds_a_known_motion() -> None:
    one, other, *_ = moving()
    flow = optical_flow(one, other)[20:-20, 20:-20]
    assert np.abs(flow - [-3, 0]).mean() < 0.3
    assert np.abs(warp(other, optical_flow(one, other)) - one)[20:-20, 20:-20].mean() < 0.02


def test_warping_error_of_steady_and_of_flickering_frames() -> None:
    source = moving()
    floor = warping_error(source, source)
    assert floor < 1e-3
    flicker = [frame + (0.1 if t % 2 else 0) for t, frame in enumerate(source)]
    assert warping_error(flicker, source) == pytest.approx(0.01, abs=2e-3)  # 0.1 squared
    assert warping_error(flicker, source, long_term=True) == pytest.approx(
        0.01 * 2 / 3, abs=2e-3
    )  # two of three differ
    with refused(UsageError, "mismatch"):
        warping_error(source[:1], source[:1])
    with refused(UsageError, "mismatch"):
        warping_error(source, source[:-1])


def test_what_leaves_the_frame_or_is_covered_is_not_trusted() -> None:
    one, other, *_ = moving(step=8)
    trusted = reliable(optical_flow(one, other), optical_flow(other, one))
    assert trusted[20:-20, 40:-20].mean() > 0.8
    assert trusted[:, :4].mean() < 0.2  # slides out to the left
