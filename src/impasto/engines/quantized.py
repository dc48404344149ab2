"""Weights that are kept in 8 bits, read into single precision."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from impasto.system.files import ASSETS

Array: TypeAlias = NDArray[np.float32]

VGG = ASSETS / "vgg19" / "vgg19-normalised-int8.safetensors"
_VGG_LAYERS = 9  # convolutions up to relu4_1


def read(path: Path) -> dict[str, Array]:
    """The tensors of a file; those in 8 bits are multiplied by their channels' scales, NAME.scale."""
    stored = load_file(path)
    found = {}
    for name, value in stored.items():
        layer, _, part = name.rpartition(".")
        if part == "scale":
            continue
        found[name] = value.astype(np.float32)
        if value.dtype == np.int8:
            found[name] *= stored[f"{layer}.scale"].reshape(-1, *[1] * (value.ndim - 1))
    return found


def vgg() -> dict[str, Array]:
    """What the encoders' graphs compute with: the normalized VGG-19 up to relu4_1."""
    tensors = read(VGG)
    names = ["entry", *map(str, range(_VGG_LAYERS))]
    return {f"{name}.{part}": tensors[f"{name}.{part}"] for name in names for part in ("weight", "bias")}
