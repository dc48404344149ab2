"""Turn files of tensors into networks that run.

They are of PyTorch's `fast_neural_style` example, of pytorch-CycleGAN-and-pix2pix, or were trained here.
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
from impasto.nn.transformer import FIRST, TransformerNet, rebased, recognise
from impasto.pixels.arrays import Pixels
from impasto.styles.store import trial_photo


class Converted(NamedTuple):
    """A checkpoint in the forms in which a style keeps its network.

    Attributes:
        model: an .onnx file.
        weights: a .safetensors file.
        styles: how many it has.
    """

    model: bytes
    weights: bytes
    styles: int


def convert(path: Path, name: str, licence: str = "", told: Told = NOTHING) -> Converted:
    """Read a checkpoint and write its network in both forms.

    Generators of CycleGAN and pix2pix see and give values of -1..1, whatever `told` says.

    Args:
        path: .pth, .pt, .model or .safetensors. Nothing is unpickled but tensors.
        name: what its style is called, if it has one and does not say.
        licence: of its weights, if it does not say.
        told: which values it was trained with, where they are not 0..255 as in PyTorch's example; unless said, what it
            makes of a photo shows it.
    Raises:
        PictureError: the file is missing, damaged, or holds more than tensors.
        StyleError: it holds another architecture; the message names the first difference.
    """
    licensed = {"licence": licence} if licence else {}
    net, styles, card = _read(path, name, told)
    card = card | licensed
    if isinstance(net, TransformerNet):
        return Converted(to_onnx(net, styles, card), to_weights(net, styles, card), len(styles))
    return Converted(generators.to_onnx(net, styles[0], card), generators.to_weights(net, styles[0], card), 1)


def _read(path: Path, name: str, told: Told) -> tuple[Generator | TransformerNet, list[str], dict[str, Any]]:
    """A generator or a style network, the names of its styles and its card."""
    if path.suffix.lower() == ".safetensors" and METADATA.encode() in _head(path):
        generator = generators.from_weights(path)
        if generator is not None:
            made, style, card = generator
            return made, [style], card
        net, facts = from_weights(path)
        return net, list(facts.styles), facts.card or {}
    tensors = read_tensors(path, FIRST)
    if generators.is_generator(tensors) and not any(key.endswith(FIRST) for key in tensors):
        card = {"made with": "pytorch-CycleGAN-and-pix2pix, or a like program", "file": path.name}
        return generators.recognise(tensors, str(path)), [name], card
    net = recognise(tensors, str(path))
    styles = [name] if net.architecture.styles == 1 else [f"style-{i + 1}" for i in range(net.architecture.styles)]
    card = {"made with": "PyTorch's fast_neural_style example, or a like program", "file": path.name}
    takes, gives = _ranges(net, told, path)
    return net if takes == gives == BYTES else rebased(net, takes, gives), styles, card


def _ranges(net: TransformerNet, told: Told, path: Path) -> tuple[Values, Values]:
    """The values that a network of PyTorch's example was trained with, 0..255 unless that cannot be."""

    @torch.no_grad()
    def run(numbers: Pixels) -> Pixels:
        out = net(to_tensor(numbers) / BYTES.high[0]) * BYTES.high[0]
        return np.ascontiguousarray(out[0].permute(1, 2, 0).numpy())

    takes = replace(told.takes or BYTES, bgr=told.bgr or bool(told.takes and told.takes.bgr))
    if told.gives is not None:
        return takes, replace(told.gives, bgr=told.gives.bgr or takes.bgr)
    found = find_ranges(run, trial_photo(), takes)
    if found is None:
        raise StyleError(f"{path} makes values of a photo that are no numbers", code="not-a-network")
    gives = found[1]
    if gives == takes:
        return found
    takes = gives if told.takes is None else takes  # it normalizes what it sees, so any range does
    warnings.warn(
        f"{path} is taken as a network that sees values of {takes} and gives {gives}, by what it makes of a photo; "
        "impasto styles import --range and --output-range say otherwise",
        stacklevel=2,
    )
    return takes, gives


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100_000)
    except OSError:
        return b""
