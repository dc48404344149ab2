"""Convolutions in tiles are convolutions."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.nn import winograd
from impasto.nn.transformer import Architecture, TransformerNet
from impasto.nn.vgg import shipped_vgg


def near(found: Tensor, wanted: Tensor) -> bool:
    return found.shape == wanted.shape and float((found - wanted).detach().abs().max()) < 3e-5 * float(
        wanted.detach().abs().max()
    )


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("shape", "outputs", "padding"),
    [
        ((1, 64, 6, 6), 64, 0),  # one tile
        ((3, 64, 7, 30), 128, 0),  # sides that are no whole tiles
        ((2, 128, 90, 70), 64, 1),  # parts of a picture at a time
        ((5, 64, 9, 8), 64, 2),  # several pictures at a time, and some left
    ],
)
def test_it_is_the_convolution(shape: tuple[int, ...], outputs: int, padding: int, layout: torch.memory_format) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator).contiguous(memory_format=layout)
    weight = torch.randn((outputs, shape[1], 3, 3), generator=generator)
    bias = torch.randn(outputs, generator=generator)
    found = winograd.convolve(x, winograd.transformed(weight), bias, padding)
    assert near(found, F.conv2d(x, weight, bias, padding=padding))
    assert found.is_contiguous(memory_format=torch.channels_last)
    rectified = winograd.convolve(x, winograd.transformed(weight), bias, padding, relu=True)
    assert near(rectified, F.conv2d(x, weight, bias, padding=padding).relu())


@pytest.mark.parametrize("shape", [(2, 64, 18, 18), (3, 128, 15, 41)])
def test_its_gradients_are_the_convolutions(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(size, generator=generator).requires_grad_() for size in (shape, (96, shape[1], 3, 3), (96,))]
    plain = F.conv2d(*inputs)
    towards = torch.randn(plain.shape, generator=generator)
    wanted = torch.autograd.grad(plain, inputs, towards)
    found = torch.autograd.grad(winograd.Convolution.apply(*inputs), inputs, towards)
    for ours, theirs in zip(found, wanted, strict=True):
        assert near(ours, theirs)


def test_the_loss_network_is_the_same_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    net = shipped_vgg("average", "replicate").to(memory_format=torch.channels_last)
    layers = ["relu1_2", "relu3_2", "relu4_1"]

    def features_and_gradient() -> tuple[dict[str, Tensor], Tensor]:
        picture = torch.rand((1, 3, 54, 67), generator=torch.Generator().manual_seed(0)).requires_grad_()
        found = net(picture, layers)
        torch.stack([value.square().mean() for value in found.values()]).sum().backward()
        assert picture.grad is not None
        return found, picture.grad

    fast, fast_gradient = features_and_gradient()
    # Private: that filters are transformed once is a matter of time, which tests do not measure.
    used = len(net._transformed)
    monkeypatch.setattr(winograd, "pays", lambda *_: False)
    plain, plain_gradient = features_and_gradient()
    assert used > 0
    assert all(near(fast[layer], plain[layer]) for layer in layers)
    assert float((fast_gradient - plain_gradient).abs().max()) < 1e-3 * float(plain_gradient.abs().max())


def test_weights_that_changed_are_transformed_anew() -> None:
    net = shipped_vgg()
    picture = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = net(picture, ["relu3_2"])["relu3_2"]
        net.load_state_dict({name: value * 2 for name, value in net.state_dict().items()})
        after = net(picture, ["relu3_2"])["relu3_2"]
        other = shipped_vgg()
        other.load_state_dict(net.state_dict())
        assert near(after, other(picture, ["relu3_2"])["relu3_2"])
    # Private, as above.
    assert net._transformed
    assert not near(after, before)


def test_a_network_in_training_paints_what_it_paints_afterwards() -> None:
    torch.manual_seed(0)
    net = TransformerNet(Architecture(32, 2))
    pictures = torch.rand(2, 3, 64, 80)
    trained = net.train()(pictures)
    painted = net.eval()(pictures)
    assert "ConvolutionBackward" in graph_of(trained)
    assert "ConvolutionBackward" not in graph_of(painted)
    assert near(trained, painted)


def graph_of(result: Tensor) -> set[str]:
    """The names of all steps that led to a result."""
    seen, steps = set(), [result.grad_fn]
    while steps:
        step = steps.pop()
        if step is not None and step not in seen:
            seen.add(step)
            steps += [before for before, _ in step.next_functions]
    return {type(step).__name__ for step in seen}


@pytest.mark.parametrize(
    ("x", "weight", "pays"),
    [
        (torch.zeros(1, 256, 32, 32), torch.zeros(128, 256, 3, 3), True),
        (torch.zeros(1, 128, 32, 32), torch.zeros(128, 128, 3, 3, requires_grad=True), True),
        (torch.zeros(1, 128, 32, 32), torch.zeros(128, 128, 3, 3), False),  # few channels, and nothing to learn
        (torch.zeros(1, 256, 8, 8), torch.zeros(256, 256, 3, 3), False),  # few tiles
        (torch.zeros(1, 3, 64, 64), torch.zeros(128, 3, 3, 3), False),  # few channels
        (torch.zeros(1, 256, 64, 64), torch.zeros(256, 256, 1, 1), False),
        (torch.zeros(1, 256, 64, 64, dtype=torch.bfloat16), torch.zeros(256, 256, 3, 3, dtype=torch.bfloat16), False),
    ],
)
def test_it_is_used_where_it_pays(x: Tensor, weight: Tensor, pays: bool) -> None:
    assert winograd.pays(x, weight) is pays
