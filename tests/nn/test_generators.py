"""The generators of CycleGAN, CUT and pix2pix: sizes, noise, no checkerboard."""

from __future__ import annotations

import pytest
import torch

from impasto.nn.generators import GeneratorForm, build

FORMS = [
    GeneratorForm("resnet", 6, 8),
    GeneratorForm("resnet", 9, 8, affine=True, transposed=True),
    GeneratorForm("unet", 5, 8),
    GeneratorForm("unet", 6, 8, affine=True, transposed=True),
]


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_becomes_a_picture_of_its_size(form: GeneratorForm) -> None:
    torch.manual_seed(0)
    net = build(form)
    made = net(torch.rand(2, 3, 64, 128))
    assert made.shape == (2, 3, 64, 128)
    assert 0 <= float(made.detach().min()) < float(made.detach().max()) <= 1
    made.sum().backward()
    assert all(value.grad is not None for value in net.parameters())


@pytest.mark.parametrize(
    ("form", "count"),
    [
        (GeneratorForm("resnet", 9, transposed=True), 11_378_179),  # as published
        (GeneratorForm("resnet", 6, transposed=True), 7_837_699),
        (GeneratorForm("unet", 8, affine=True, transposed=True), 54_413_955 + 2_432),  # 2,432 biases more
    ],
)
def test_the_published_forms_have_their_published_sizes(form: GeneratorForm, count: int) -> None:
    with torch.device("meta"):
        net = build(form)
    assert sum(value.numel() for value in net.parameters()) == pytest.approx(count, rel=1e-3)


@pytest.mark.parametrize("kind", ["resnet", "unet"])
def test_resized_convolutions_leave_no_checkerboard(kind: str) -> None:
    """On a plain picture, far from its borders, neighboring pixels are alike; transposed convolutions differ."""

    def unevenness(transposed: bool) -> float:
        torch.manual_seed(1)
        net = build(GeneratorForm(kind, 6, 8, transposed=transposed)).eval()  # type: ignore[arg-type]
        for value in net.parameters():
            if value.ndim > 1:
                value.data.mul_(4)
        layer = net.up2 if kind == "resnet" else net.up[0]
        width = layer.conv.weight.shape[0 if transposed else 1]
        plain = layer(torch.ones(1, width, 16, 16))[..., 8:-8, 8:-8].detach()
        return float(plain.std((2, 3)).mean() / plain.abs().mean().clamp_min(1e-6))

    assert unevenness(transposed=False) < 1e-5
    assert unevenness(transposed=True) > 0.05


def test_only_a_u_net_in_training_has_noise() -> None:
    torch.manual_seed(0)
    net = build(GeneratorForm("unet", 8, 4))
    for value in net.parameters():
        if value.ndim > 1:
            value.data.mul_(5)
    picture = torch.rand(1, 3, 256, 256)
    assert not torch.equal(net(picture), net(picture))
    net.eval()
    assert torch.equal(net(picture), net(picture))
