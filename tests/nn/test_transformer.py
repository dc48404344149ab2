"""The transformation network: what PyTorch's example computes, and what is told from a state dict."""

from __future__ import annotations

import pytest
import torch
from helpers import refused
from networks import example_state, reference
from torch import Tensor

from impasto.errors import StyleError
from impasto.nn.transformer import Architecture, TransformerNet, mac_per_pixel, recognize


@pytest.mark.parametrize(("width", "size"), [(32, (72, 100)), (16, (45, 66))])
def test_it_computes_what_the_example_computes(width: int, size: tuple[int, int]) -> None:
    state = example_state(width)
    photo = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    net = recognize(state, "candy.pth")
    assert net.architecture == Architecture(width, 5, 1, 255.0)
    with torch.no_grad():
        ours, theirs = net(photo) * 255, reference(state, photo * 255)
    assert ours.shape == theirs.shape
    assert float(theirs.std()) > 10
    assert float((ours - theirs).abs().max()) / 255 < 1e-5


def test_old_running_statistics_and_wrapped_names_are_tolerated() -> None:
    state = example_state(8)
    extra = {"in1.running_mean": torch.zeros(8), "res1.in1.running_var": torch.ones(32)}
    wrapped = {f"module.{name}": value for name, value in (state | extra).items()}
    photo = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(recognize(wrapped, "a")(photo), recognize(state, "b")(photo))


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"conv1.conv2d.weight": None}, "other-network", "conv1.conv2d.weight"),
        ({"in4.bias": None}, "other-network", "in4.bias"),
        ({"res2.in1.weight": torch.ones(7)}, "other-network", "res2.in1.weight is 7, not 1 x 32"),
        ({"conv2.conv2d.weight": torch.ones(16, 8, 5, 5)}, "other-network", "16 x 8 x 5 x 5, not 16 x 8 x 3 x 3"),
        ({"attention.weight": torch.ones(3)}, "other-network", "attention.weight"),
        ({"in1.weight": torch.full((8,), float("nan"))}, "damaged-file", "in1.weight"),
    ],
)
def test_another_architecture_is_named(change: dict[str, Tensor | None], code: str, word: str) -> None:
    state = {name: value for name, value in (example_state(8) | change).items() if value is not None}
    with refused(StyleError, code, "strange.pth", word):
        recognize(state, "strange.pth")


def test_several_styles_share_the_convolutions_and_mix() -> None:
    torch.manual_seed(0)
    net = TransformerNet(Architecture(8, 1, 3)).eval()
    for name, value in net.named_parameters():
        if ".in" in name or name.startswith("in"):
            value.data += torch.randn_like(value) * 0.3
    photo = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        first, second = (net(photo, torch.eye(3)[[index]]) for index in (0, 1))
        single = recognize(
            {name: value[1] if value.ndim == 2 else value for name, value in net.state_dict().items()},
            "one of three",
            span=1.0,
        )
        between = net(photo, torch.tensor([[0.5, 0.5, 0.0]]))
        torch.testing.assert_close(second, single(photo))
        torch.testing.assert_close(net(photo), first)
    assert float((first - second).abs().mean()) > 0.01
    assert float((between - first).abs().mean()) < float((second - first).abs().mean())


def test_costs_are_counted() -> None:
    """Against the multiply-adds of the convolutions as they run."""
    net = TransformerNet(Architecture(16, 2))
    counted = []
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda layer, _, out: counted.append(layer.weight[0].numel() * out.numel()))
    net(torch.rand(1, 3, 64, 64))
    assert sum(counted) / 64**2 == pytest.approx(mac_per_pixel(net.architecture))
