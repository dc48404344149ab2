"""Enlargers' files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from enlargers import untrained
from helpers import refused, scene

from impasto.enlarging.network import EnlargerNetwork
from impasto.errors import StyleError
from impasto.exchange.enlarger import from_weights, to_onnx, to_weights
from impasto.nn.enlarge_net import SCALES, EnlargeNet

PICTURE = scene(45, 34)


def enlarged(net: EnlargeNet) -> np.ndarray:
    """What the network makes of the picture, in PyTorch."""
    margin, step, scale = net.form.margin, net.form.step, net.form.scale
    height, width = PICTURE.shape[:2]
    pads = [(margin, margin + -side % step) for side in (height, width)]
    padded = np.pad(PICTURE, [*pads, (0, 0)], mode="symmetric")
    with torch.no_grad():
        large = net(torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255)
    edge = margin * scale
    return large[0, :, edge : edge + height * scale, edge : edge + width * scale].permute(1, 2, 0).clamp(0, 1).numpy()


@pytest.mark.parametrize("scale", SCALES)
def test_onnx_runtime_gives_what_pytorch_gives(tmp_path: Path, scale: int) -> None:
    net = untrained(scale)
    path = tmp_path / "net.onnx"
    path.write_bytes(to_onnx(net, {"license": "mine"}))
    network = EnlargerNetwork(path)
    assert network.facts.card == {"license": "mine"}
    wanted = enlarged(net)
    for as_bytes in (False, True):
        out = np.zeros(wanted.shape, np.uint8 if as_bytes else np.float32)
        network.enlarge(PICTURE, out.__setitem__, 1 << 30, as_bytes=as_bytes)
        difference = np.abs(out / (255 if as_bytes else 1) - wanted).max()
        assert difference < (0.51 / 255 if as_bytes else 1e-5)


@pytest.mark.parametrize("scale", SCALES)
def test_other_programs_get_a_whole_picture(scale: int) -> None:
    net = untrained(scale)
    session = onnxruntime.InferenceSession(to_onnx(net, {}, whole=True), providers=["CPUExecutionProvider"])
    picture = (PICTURE[:, :44] / 255).transpose(2, 0, 1)[None].astype(np.float32)
    (large,) = session.run(["enlarged"], {"picture": picture})
    assert large.shape == (1, 3, 34 * scale, 44 * scale)
    inside = slice(4 * scale, -4 * scale)  # borders are repeated there, and mirrored here
    wanted = enlarged(net)[:, : 44 * scale].transpose(2, 0, 1)
    far = (net.form.margin + 1) * scale
    if 2 * far < min(large.shape[2:]):
        inside = slice(far, -far)
        np.testing.assert_allclose(large[0, :, inside, inside], wanted[:, inside, inside], atol=1e-5)
    assert np.abs(large[0] - wanted).mean() < 0.02


def test_weights_come_back(tmp_path: Path) -> None:
    net = untrained(4)
    path = tmp_path / "net.safetensors"
    path.write_bytes(to_weights(net, {"steps": 3}))
    other, card = from_weights(path)
    assert (other.form, card) == (net.form, {"steps": 3})
    for name, value in net.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    path.write_bytes(b"something else")
    with refused(StyleError, "not-a-network", "net.safetensors"):
        from_weights(path)
