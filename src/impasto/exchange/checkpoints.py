"""Turn files of tensors into networks that run: PyTorch's `fast_neural_style` example, or what was trained here."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from impasto.engines.network import METADATA
from impasto.exchange.export import from_weights, to_onnx, to_weights
from impasto.nn.tensors import read_tensors
from impasto.nn.transformer import TransformerNet, recognise


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


def convert(path: Path, name: str, licence: str = "") -> Converted:
    """Read a checkpoint and write its network in both forms.

    Args:
        path: .pth, .pt, .model or .safetensors. Nothing is unpickled but tensors.
        name: what its style is called, if it has one and does not say.
        licence: of its weights, if it does not say.
    Raises:
        PictureError: the file is missing, damaged, or holds more than tensors.
        StyleError: it holds another architecture; the message names the first difference.
    """
    net, styles, card = _read(path, name)
    card = card | ({"licence": licence} if licence else {})
    return Converted(to_onnx(net, styles, card), to_weights(net, styles, card), len(styles))


def _read(path: Path, name: str) -> tuple[TransformerNet, list[str], dict[str, Any]]:
    """The network, the names of its styles and its card."""
    if path.suffix.lower() == ".safetensors" and METADATA.encode() in _head(path):
        net, facts = from_weights(path)
        return net, list(facts.styles), facts.card or {}
    net = recognise(read_tensors(path), str(path))
    styles = [name] if net.architecture.styles == 1 else [f"style-{i + 1}" for i in range(net.architecture.styles)]
    return net, styles, {"made with": "PyTorch's fast_neural_style example, or a like program", "file": path.name}


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100_000)
    except OSError:
        return b""
