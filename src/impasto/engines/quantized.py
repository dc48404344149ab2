"""Read weights that are stored with 8 bits, in single precision."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from impasto.system.files import ASSETS

Array: TypeAlias = NDArray[np.float32]

VGG = ASSETS / "vgg19" / "vgg19-normalized-int8.safetensors"
_VGG_LAYERS = 9  # convolutions up to relu4_1


def read(path: Path) -> dict[str, Array]:
    """Read the tensors of a file. Multiply those with 8 bits by their channels' scales, NAME.scale."""
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
    """Return the weights of the encoders' graphs: the normalized VGG-19 up to relu4_1."""
    tensors = read(VGG)
    names = ["entry", *map(str, range(_VGG_LAYERS))]
    return {f"{name}.{part}": tensors[f"{name}.{part}"] for name in names for part in ("weight", "bias")}
