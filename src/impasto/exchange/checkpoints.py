"""Convert checkpoint files into networks that run.

The files come from PyTorch's `fast_neural_style` example, from pytorch-CycleGAN-and-pix2pix, or from Impasto.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from impasto.engines.network import METADATA, NOTHING, Told
from impasto.engines.ranges import BYTES, Values, find_ranges
from impasto.errors import StyleError
from impasto.exchange import generators
from impasto.exchange.export import from_weights, to_onnx, to_weights
from impasto.nn.generators import Generator
from impasto.nn.tensors import read_tensors, to_tensor
from impasto.nn.transformer import FIRST, TransformerNet, rebased, recognize
from impasto.pixels.arrays import Pixels
from impasto.styles.store import trial_photo


class Converted(NamedTuple):
    """A checkpoint, converted to the two files that a style keeps of its network.

    Attributes:
        model: content of the .onnx file.
        weights: content of the .safetensors file.
        styles: number of the network's styles.
    """

    model: bytes
    weights: bytes
    styles: int


def convert(path: Path, name: str, license: str = "", told: Told = NOTHING) -> Converted:
    """Read a checkpoint and convert its network to both files.

    Generators of CycleGAN and pix2pix always take and return values in -1..1, whatever `told` says.

    Args:
        path: .pth, .pt, .model or .safetensors. Only tensors are unpickled.
        name: name of the style, if there is only one and the file does not name it.
        license: license of the weights, if the file does not name it.
        told: range of the values that the network was trained with. Without it, a trial on a photo tells 0..255, as in
            PyTorch's example, from other ranges.
    Raises:
        PictureError: the file is missing, damaged, or contains more than tensors.
        StyleError: the network has another architecture. The message names the first difference.
    """
    licensed = {"license": license} if license else {}
    net, styles, card = _read(path, name, told)
    card = card | licensed
    if isinstance(net, TransformerNet):
        return Converted(to_onnx(net, styles, card), to_weights(net, styles, card), len(styles))
    return Converted(generators.to_onnx(net, styles[0], card), generators.to_weights(net, styles[0], card), 1)


def _read(path: Path, name: str, told: Told) -> tuple[Generator | TransformerNet, list[str], dict[str, Any]]:
    """Return a generator or a style network, the names of its styles, and its card."""
    if path.suffix.lower() == ".safetensors" and METADATA.encode() in _head(path):
        generator = generators.from_weights(path)
        if generator is not None:
            made, style, card = generator
            return made, [style], card
        net, facts = from_weights(path)
        return net, list(facts.styles), facts.card or {}
    tensors = read_tensors(path, FIRST)
    if generators.is_generator(tensors) and not any(key.endswith(FIRST) for key in tensors):
        card = {"made with": "pytorch-CycleGAN-and-pix2pix, or a similar program", "file": path.name}
        return generators.recognize(tensors, str(path)), [name], card
    net = recognize(tensors, str(path))
    styles = [name] if net.architecture.styles == 1 else [f"style-{i + 1}" for i in range(net.architecture.styles)]
    card = {"made with": "PyTorch's fast_neural_style example, or a similar program", "file": path.name}
    takes, gives = _ranges(net, told, path)
    return net if takes == gives == BYTES else rebased(net, takes, gives), styles, card


def _ranges(net: TransformerNet, told: Told, path: Path) -> tuple[Values, Values]:
    """Return the ranges of a network of PyTorch's example. They are 0..255 unless a trial disagrees."""

    @torch.no_grad()
    def run(numbers: Pixels) -> Pixels:
        out = net(to_tensor(numbers) / BYTES.high[0]) * BYTES.high[0]
        return np.ascontiguousarray(out[0].permute(1, 2, 0).numpy())

    takes = replace(told.takes or BYTES, bgr=told.bgr or bool(told.takes and told.takes.bgr))
    if told.gives is not None:
        return takes, replace(told.gives, bgr=told.gives.bgr or takes.bgr)
    found = find_ranges(run, trial_photo(), takes)
    if found is None:
        raise StyleError(
            f"{path} returns values for a photo that are not numbers", "choose another checkpoint", code="not-a-network"
        )
    gives = found[1]
    if gives == takes:
        return found
    takes = gives if told.takes is None else takes  # the network normalizes its input, so any input range works
    warnings.warn(
        f"a trial on a photo suggests that {path} takes values of {takes} and returns {gives}; "
        "to correct this: impasto styles import --range and --output-range",
        stacklevel=2,
    )
    return takes, gives


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100_000)
    except OSError:
        return b""
