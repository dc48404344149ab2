"""The loss network: three kinds of weights, and what the packing costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import ROOT, refused
from networks import POSITIONS, torchvision_like
from safetensors.torch import save_file

from impasto.errors import PictureError, StyleError, UsageError
from impasto.nn import vgg
from impasto.nn.vgg import BLOCKS, VGG, layer_names, load_vgg, read_tensors, shipped_vgg
from impasto.picture import Picture

REFERENCE = ROOT / "tests" / "goldens" / "vgg19-features.npz"


def reference(tensors: dict[str, torch.Tensor], x: torch.Tensor, depth: int) -> dict[str, torch.Tensor]:
    """Torchvision's forward pass, written out."""
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (x - mean[:, None, None]) / deviation[:, None, None]
    out, positions = {}, iter(POSITIONS[depth])
    for block, count in enumerate(BLOCKS[depth], 1):
        if block > 1:
            x = F.max_pool2d(x, 2, 2)
        for i in range(1, count + 1):
            position = next(positions)
            x = F.relu(
                F.conv2d(x, tensors[f"features.{position}.weight"], tensors[f"features.{position}.bias"], padding=1)
            )
            out[f"relu{block}_{i}"] = x
    return out


@pytest.mark.parametrize("depth", [16, 19])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_torchvision_s_format(tmp_path: Path, depth: int, suffix: str) -> None:
    tensors = torchvision_like(depth)
    extra = {"classifier.0.weight": torch.zeros(2, 2)}
    path = tmp_path / f"vgg{suffix}"
    save_file(tensors | extra, path) if suffix == ".safetensors" else torch.save(tensors | extra, path)
    net = load_vgg(path)
    x = torch.rand(2, 3, 37, 50, generator=torch.Generator().manual_seed(1))
    expected = reference(tensors, x, depth)
    features = net(x, layer_names(depth))
    assert list(features) == layer_names(depth)
    for layer, value in features.items():
        assert (value - expected[layer]).norm() <= 1e-4 * expected[layer].norm(), layer


def test_packing_costs_at_most_five_per_cent() -> None:
    """Relative error of every layer's features against full precision; half of it as a bound up to relu3_4."""
    photo = Picture.open(ROOT / "src" / "impasto" / "assets" / "samples" / "colosseum.jpg").pixels
    top, left = (photo.shape[0] - 32) // 2, (photo.shape[1] - 32) // 2
    x = torch.from_numpy(photo[top : top + 32, left : left + 32].transpose(2, 0, 1)[None].copy())
    exact = {name: torch.from_numpy(value.astype(np.float32)) for name, value in np.load(REFERENCE).items()}
    assert list(exact) == layer_names(19)[:13]
    near = shipped_vgg()(x, list(exact))
    for layer, value in near.items():
        error = float((value - exact[layer]).norm() / exact[layer].norm())
        assert error < (0.05 if layer[4] in "45" else 0.025), (layer, error)


def test_the_shipped_network_is_normalized() -> None:
    """Gatys: weights scaled so that a filter's mean activation, over pictures and positions, is about one."""
    photo = Picture.open(ROOT / "src" / "impasto" / "assets" / "samples" / "colosseum.jpg").pixels
    features = shipped_vgg()(torch.from_numpy(photo.transpose(2, 0, 1)[None].copy()), ["relu1_1", "relu3_1", "relu4_1"])
    for layer, value in features.items():
        assert 0.2 < float(value.mean()) < 3, layer


def test_pooling_padding_and_stopping_early() -> None:
    x = torch.rand(1, 3, 33, 47)
    maximum, average = shipped_vgg("max"), shipped_vgg("average")
    assert torch.equal(maximum(x, ["relu1_2"])["relu1_2"], average(x, ["relu1_2"])["relu1_2"])
    assert not torch.equal(maximum(x, ["relu2_1"])["relu2_1"], average(x, ["relu2_1"])["relu2_1"])
    assert maximum(x, ["relu2_1"])["relu2_1"].shape == (1, 128, 17, 24)  # sizes round up
    plain = VGG(19, layers=2)
    assert plain.names == ["relu1_1", "relu1_2"]
    flat = torch.full((1, 3, 16, 16), 0.5)
    for padding, even in (("zeros", False), ("reflect", True), ("replicate", True)):
        features = shipped_vgg(padding=padding)(flat, ["relu1_2"])["relu1_2"]  # type: ignore[arg-type]
        assert bool(torch.allclose(features.amax((2, 3)), features.amin((2, 3)), atol=1e-4)) == even


def test_circular_padding_is_pytorch_s_and_so_is_its_gradient() -> None:
    x = torch.rand(1, 2, 3, 4, dtype=torch.double, requires_grad=True)
    padded = F.pad(x, (1, 1, 1, 1), mode="circular")
    # Private: what it does to a picture is seen through a whole network only by its borders.
    assert torch.equal(vgg._padded(x, "circular"), padded)
    assert torch.autograd.gradcheck(lambda x: vgg._padded(x, "circular"), (x,))


def test_forgetting_features_changes_no_gradient() -> None:
    """`see` and `recompute` save memory only; sizes of features are as foretold, for even and odd pictures."""
    net, layers = shipped_vgg("average"), ["relu1_1", "relu3_1", "relu4_1"]
    x = torch.rand(1, 3, 35, 50, generator=torch.Generator().manual_seed(0))
    gradients = []
    for recompute in (False, True):
        net.recompute = recompute
        y = x.clone().requires_grad_()
        found = net(y, layers, lambda layer, features: features.square().mean() * len(layer))
        assert {value.ndim for value in found.values()} == {0}
        torch.stack(list(found.values())).sum().backward()
        gradients.append(y.grad)
    torch.testing.assert_close(gradients[0], gradients[1])
    for layer, features in net(x, layers).items():
        assert net.feature_size(layer, 35, 50) == tuple(features.shape[-2:])


def test_multiply_adds() -> None:
    assert shipped_vgg().mac_per_pixel(["relu1_2"]) == 9 * (3 * 64 + 64 * 64)
    assert shipped_vgg().mac_per_pixel(["relu2_1"]) == 9 * (3 * 64 + 64 * 64 + 64 * 128 / 4)


def test_gradients_reach_the_picture_and_not_the_weights() -> None:
    x = torch.rand(1, 3, 24, 24, requires_grad=True)
    net = shipped_vgg()
    net(x, ["relu3_1"])["relu3_1"].square().mean().backward()
    assert x.grad is not None
    assert float(x.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in net.parameters())


def test_unknown_layers_and_small_pictures() -> None:
    net = shipped_vgg()
    with refused(UsageError, "unknown-choice", "relu9_9", "VGG-19", "relu1_1, relu1_2"):
        net(torch.rand(1, 3, 8, 8), ["relu9_9"])
    assert net.smallest_side(["relu1_1", "relu4_1"]) == 16
    with refused(UsageError, "too-small", "40 x 15", "relu4_1", "16 pixels a side"):
        net(torch.rand(1, 3, 15, 40), ["relu1_1", "relu4_1"])


def test_files_that_hold_no_network(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with refused(StyleError, "other-network", "other.safetensors"):
        load_vgg(tmp_path / "other.safetensors")
    wrong = torchvision_like(16)
    wrong["features.0.weight"] = torch.zeros(4, 3, 3, 3)
    save_file(wrong, tmp_path / "wrong.safetensors")
    with refused(StyleError, "other-network", "VGG-16"):
        load_vgg(tmp_path / "wrong.safetensors")
    with refused(PictureError, "no-such-file", "missing.pth"):
        load_vgg(tmp_path / "missing.pth")
    for name, code in (("text.pth", "not-a-network"), ("text.safetensors", "not-a-network")):
        (tmp_path / name).write_text("no weights")
        with refused(PictureError, code, name):
            load_vgg(tmp_path / name)


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("ran"),))  # type: ignore[return-value]


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"features.0.weight": Malicious()}, "evil.pth")
    with refused(PictureError, "unsafe-file", "evil.pth"):
        read_tensors(Path("evil.pth"))
    assert not Path("ran").exists()
    torch.save({"a": 3}, "number.pth")
    with refused(PictureError, "unsafe-file", "number.pth"):
        read_tensors(Path("number.pth"))
