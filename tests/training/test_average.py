"""The running mean of a network's weights."""

from __future__ import annotations

import torch

from impasto.nn.transformer import Architecture, TransformerNet
from impasto.training.average import AverageWeights


def shifted(net: TransformerNet, by: float) -> None:
    with torch.no_grad():
        for value in net.parameters():
            value.add_(by)


def test_it_forgets_its_start_and_then_follows_slowly() -> None:
    net = TransformerNet(Architecture(4, 1, 1))
    average = AverageWeights(net, 0.9)
    name = next(iter(average.values))
    start = average.values[name].clone()
    shifted(net, 1.0)
    average.follow(0)
    torch.testing.assert_close(average.values[name], start + 0.9)  # 1 - 1 / 10
    average.follow(10_000)
    torch.testing.assert_close(average.values[name], start + 0.91)
    last = AverageWeights(net, 0.0)
    shifted(net, 1.0)
    last.follow(5)
    torch.testing.assert_close(last.values[name], net.state_dict()[name])


def test_in_place_the_network_has_its_own_weights_back_afterwards() -> None:
    net = TransformerNet(Architecture(4, 1, 1))
    average = AverageWeights(net, 0.9)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    shifted(net, 1.0)
    own = {name: value.clone() for name, value in net.state_dict().items()}
    with average.in_place() as there:
        assert all(torch.equal(value, before[name]) for name, value in there.state_dict().items())
        assert not torch.is_grad_enabled()
    assert all(torch.equal(value, own[name]) for name, value in net.state_dict().items())
    assert all(torch.equal(value, before[name]) for name, value in average.network().state_dict().items())
