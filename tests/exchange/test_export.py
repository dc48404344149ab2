"""Networks of one or of several styles in the formats of other programs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from helpers import scene
from networks import example_state, trained

from impasto.engines.base import StyleVector
from impasto.exchange.export import from_weights, to_onnx, to_program, to_weights
from impasto.nn.transformer import Architecture, recognize
from impasto.styles.store import load_network

SIZES = [(88, 120), (64, 64), (37, 61), (130, 34), (201, 99)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("styles", [1, 3])
def test_onnx_gives_what_pytorch_gives(tmp_path: Path, size: tuple[int, int], styles: int) -> None:
    net = trained(styles)
    path = tmp_path / "net.onnx"
    path.write_bytes(to_onnx(net, [f"s{i}" for i in range(styles)], {}))
    height, width = size
    photo = scene(width, height, 3).astype(np.float32) / 255
    weights = np.full(styles, 1 / styles, np.float32)
    ours = load_network(path).paint(photo, StyleVector(weights))
    padded = np.pad(photo, [(0, -height % 4), (0, -width % 4), (0, 0)], mode="symmetric")
    with torch.no_grad():
        planes = torch.from_numpy(padded.transpose(2, 0, 1)[None].copy())
        theirs = net(planes, torch.from_numpy(weights[None]))[0].permute(1, 2, 0).numpy().clip(0, 1)
    assert ours.shape == photo.shape
    assert np.abs(ours - theirs[:height, :width]).max() < 1e-3
    assert ours.std() > 0.02


def test_torch_export_keeps_the_sizes_open() -> None:
    net = trained(2)
    data = to_program(net, ["a", "b"], {"license": "CC0"})
    files = {"card.json": ""}
    program = torch.export.load(io.BytesIO(data), extra_files=files).module()
    assert json.loads(files["card.json"])["card"] == {"license": "CC0"}
    shares = torch.tensor([[0.3, 0.7]])
    for height, width in ((64, 96), (32, 40), (128, 36)):
        photo = torch.rand(1, 3, height, width)
        with torch.no_grad():
            torch.testing.assert_close(program(photo, shares), net(photo, shares), atol=1e-5, rtol=1e-5)


def test_the_card_travels_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "two.onnx").write_bytes(to_onnx(trained(2), ["a", "b"], {"license": "CC0"}))
    two = load_network(tmp_path / "two.onnx")
    assert two.facts.styles == ("a", "b")
    assert two.facts.card == {"license": "CC0"}
    path = tmp_path / "two.safetensors"
    path.write_bytes(to_weights(trained(2), ["a", "b"], {"license": "CC0"}))
    net, facts = from_weights(path)
    assert facts == two.facts
    assert net.architecture == Architecture(8, 2, 2, 1.0)


def test_recognized_and_exported_networks_agree() -> None:
    """A checkpoint of the example, exported, says that its values go to 255."""
    net = recognize(example_state(8), "x")
    facts = json.loads(
        {p.key: p.value for p in onnx.load_from_string(to_onnx(net, ["x"], {})).metadata_props}["impasto"]
    )
    assert (facts["low"], facts["high"]) == (0.0, 255.0)
