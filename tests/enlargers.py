"""Enlargers that nobody has trained."""

from __future__ import annotations

from pathlib import Path

import torch

from impasto.enlarging import store
from impasto.exchange.enlarger import to_onnx, to_weights
from impasto.nn.enlarge_net import EnlargeNet, EnlargerForm


def untrained(scale: int, seed: int = 0) -> EnlargeNet:
    """A network that draws something, although it has learned nothing."""
    torch.manual_seed(seed)
    net = EnlargeNet(EnlargerForm(scale, 8, 1))
    with torch.no_grad():
        net.tail.weight.mul_(5)
    return net.eval()


def keep_untrained(name: str = "mine", scale: int = 2) -> Path:
    """The user has trained one."""
    net = untrained(scale)
    return store.keep(name, to_onnx(net, {}), to_weights(net, {}))
