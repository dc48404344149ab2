"""Generators as files: of our own, and the checkpoints of pytorch-CycleGAN-and-pix2pix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from helpers import Outcome, refused, scene
from torch import Tensor, nn

from impasto.engines.network import Network
from impasto.errors import StyleError
from impasto.exchange import generators
from impasto.exchange.import_network import import_network
from impasto.nn.generators import GeneratorForm, build
from impasto.picture import Picture
from impasto.styles.gallery import Gallery
from impasto.styles.store import trial_photo

Run = Callable[..., Outcome]


def norm_of(channels: int, batch: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if batch else nn.InstanceNorm2d(channels)


class _Residual(nn.Module):
    """A block as that program saves it: its layers are numbered, dropout among them."""

    def __init__(self, width: int, batch: bool, dropout: bool) -> None:
        super().__init__()
        halves = [
            [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3, bias=not batch), norm_of(width, batch)] for _ in range(2)
        ]
        between = [nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])]
        self.conv_block = nn.Sequential(*halves[0], *between, *halves[1])

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.conv_block(x)
        return x + added


class TheirResNet(nn.Module):
    def __init__(self, width: int, blocks: int, *, batch: bool = False, dropout: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7, bias=not batch)]
        layers += [norm_of(width, batch), nn.ReLU()]
        for i in (1, 2):
            layers += [nn.Conv2d(i * width, 2 * i * width, 3, 2, 1, bias=not batch)]
            layers += [norm_of(2 * i * width, batch), nn.ReLU()]
        layers += [_Residual(4 * width, batch, dropout) for _ in range(blocks)]
        for i in (4, 2):
            layers += [nn.ConvTranspose2d(i * width, i * width // 2, 3, 2, 1, 1, bias=not batch)]
            layers += [norm_of(i * width // 2, batch), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made


class _Level(nn.Module):
    """One level of a U-Net as that program nests them."""

    def __init__(self, outer: int, inner: int, inside: nn.Module | None, *, batch: bool, first: bool = False) -> None:
        super().__init__()
        self.first = first
        down = nn.Conv2d(3 if first else outer, inner, 4, 2, 1, bias=not batch or first)
        ins = inner if inside is None else 2 * inner
        up = nn.ConvTranspose2d(ins, 3 if first else outer, 4, 2, 1, bias=not batch or first)
        if first:
            layers: list[nn.Module] = [down, inside or nn.Identity(), nn.ReLU(), up, nn.Tanh()]
        elif inside is None:
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, norm_of(outer, batch)]
        else:
            layers = [nn.LeakyReLU(0.2), down, norm_of(inner, batch), inside, nn.ReLU(), up, norm_of(outer, batch)]
            layers += [nn.Dropout(0.5)] if inner == outer else []
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made if self.first else torch.cat([nn.functional.leaky_relu(x, 0.2), made], 1)


class TheirUNet(nn.Module):
    def __init__(self, width: int, depth: int, *, batch: bool) -> None:
        super().__init__()
        widths = [min(2**i, 8) * width for i in range(depth)]
        level: nn.Module | None = None
        for outer, inner in zip(reversed(widths[:-1]), reversed(widths[1:]), strict=True):
            level = _Level(outer, inner, level, batch=batch)
        self.model = _Level(3, width, level, batch=batch, first=True)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made


def lively(net: nn.Module) -> nn.Module:
    """With weights that make something of a photo, and normalizing as in that program's test: by the picture."""
    generator = torch.Generator().manual_seed(3)
    for value in net.parameters():
        value.data = torch.randn(value.shape, generator=generator) * (0.1 if value.ndim > 1 else 0.3)
    net.train()
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.eval()
    return net


THEIRS = {
    "resnet_6blocks": lambda: TheirResNet(8, 6),
    "resnet_9blocks": lambda: TheirResNet(4, 9, dropout=True),
    "resnet with batch norm": lambda: TheirResNet(8, 6, batch=True),
    "unet_128": lambda: TheirUNet(4, 7, batch=True),
    "unet_256": lambda: TheirUNet(4, 8, batch=False),
}


@pytest.mark.parametrize("kind", THEIRS)
def test_their_checkpoints_paint_as_they_do_there(kind: str, tmp_path: Path) -> None:
    net = lively(THEIRS[kind]())
    torch.save(net.state_dict(), tmp_path / "latest_net_G.pth")
    import_network(tmp_path / "latest_net_G.pth", "theirs")
    style = Gallery().style("theirs")
    photo = (scene(256, 256) / 255).astype(np.float32)
    with torch.no_grad():
        expected = net(torch.from_numpy(photo.transpose(2, 0, 1))[None] * 2 - 1)[0].permute(1, 2, 0) * 0.5 + 0.5
    assert float(expected.std()) > 0.02
    np.testing.assert_allclose(style.engine.paint(photo, style.vector), expected.numpy(), atol=2e-4)
    odd = (scene(150, 91) / 255).astype(np.float32)
    assert style.engine.paint(odd, style.vector).shape == odd.shape


def test_names_of_wrappers_and_trainers_do_not_matter(tmp_path: Path) -> None:
    net = lively(TheirResNet(4, 6))
    plain = generators.recognize(net.state_dict(), "x")
    wrapped = {f"netG_A.module.{name}": value for name, value in net.state_dict().items()}
    assert generators.is_generator(wrapped)
    again = generators.recognize(wrapped, "x")
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in plain.state_dict().items())


def test_two_networks_in_one_file_are_refused() -> None:
    state = lively(TheirResNet(4, 6)).state_dict()
    both = {f"{net}.{name}": value for net in ("netG_A", "netG_B") for name, value in state.items()}
    with refused(StyleError, "other-network", "netG_A, netG_B"):
        generators.recognize(both, "file.pth")


def test_running_statistics_of_old_checkpoints_are_left_out() -> None:
    state = lively(TheirResNet(4, 6)).state_dict()
    old = state | {"model.2.running_mean": torch.ones(4), "model.2.num_batches_tracked": torch.tensor(3)}
    assert generators.recognize(old, "x").form == generators.recognize(state, "x").form


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state | {"model.7.filt": torch.ones(1)}, "blurs"),
        (lambda state: state | {"model.1.weight": torch.ones(4, 1, 7, 7)}, "1 channels"),
        (lambda state: state | {"model.12.conv_block.5.weight": torch.ones(8, 8, 3, 3)}, "8 x 8 x 3 x 3"),
        (lambda state: dict(list(state.items())[:4]), "convolutions"),
    ],
)
def test_other_networks_are_refused_by_what_differs(
    change: Callable[[dict[str, Tensor]], dict[str, Tensor]], words: str
) -> None:
    with refused(StyleError, "other-network", words):
        generators.recognize(change(lively(TheirResNet(4, 6)).state_dict()), "file.pth")


def test_a_damaged_checkpoint_is_named() -> None:
    state = lively(TheirResNet(4, 6)).state_dict()
    state["model.1.weight"][0, 0, 0, 0] = float("nan")
    with refused(StyleError, "damaged-file", "enter.weight"):
        generators.recognize(state, "file.pth")


@pytest.mark.parametrize("form", [GeneratorForm("resnet", 6, 4), GeneratorForm("unet", 7, 4)])
def test_our_files_come_back_as_they_were(form: GeneratorForm, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = build(form).eval()
    (tmp_path / "w.safetensors").write_bytes(generators.to_weights(net, "mine", {"steps": 7}))
    found = generators.from_weights(tmp_path / "w.safetensors")
    assert found is not None
    assert (found[1], found[2], found[0].form) == ("mine", {"steps": 7}, form)
    assert all(torch.equal(value, found[0].state_dict()[name]) for name, value in net.state_dict().items())
    (tmp_path / "n.onnx").write_bytes(generators.to_onnx(net, "mine", {"steps": 7}))
    network = Network(tmp_path / "n.onnx", trial_photo)
    assert network.size.multiple == form.multiple
    assert network.facts.card is not None
    assert network.facts.card["steps"] == 7


def test_it_takes_the_statistics_that_tiles_need_but_not_for_other_programs() -> None:
    net = build(GeneratorForm("resnet", 6, 4))
    for statistics, inputs in ((True, ["picture", "given", "trust"]), (False, ["picture"])):
        model = onnx.load_from_string(generators.to_onnx(net, "mine", {}, statistics=statistics))
        assert [entry.name for entry in model.graph.input] == inputs


def test_an_imported_generator_is_a_style_like_any_other(run: Run, photo: Path, tmp_path: Path) -> None:
    torch.save(lively(TheirUNet(4, 7, batch=True)).state_dict(), tmp_path / "net_G.pth")
    assert run("styles", "import", tmp_path / "net_G.pth", "--name", "theirs", "--license", "MIT").code == 0
    out = tmp_path / "out.png"
    done = run("stylize", photo, "-s", "theirs:0.5", "-s", "starry-night:0.5", "--strength", 80, "-o", out)
    assert done.code == 0, done.err
    assert Picture.open(out).width == 96
    for name in ("my.onnx", "my.safetensors"):
        option = f"--{name.partition('.')[2]}"
        done = run("train", "export", "theirs", option, tmp_path / name)
        assert done.code == 0, done.err
        assert (tmp_path / name).stat().st_size > 1000
