"""Pictures as tensors and back; files of tensors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from impasto.errors import PictureError
from impasto.pixels.arrays import Pixels


def to_tensor(pixels: NDArray[np.float32]) -> Tensor:
    """H x W x 3, or a mask's H x W, to 1 x 3 x H x W or 1 x 1 x H x W."""
    planes = pixels.transpose(2, 0, 1)[None] if pixels.ndim == 3 else pixels[None, None]
    return torch.from_numpy(np.ascontiguousarray(planes, np.float32))


def to_pixels(picture: Tensor) -> Pixels:
    """1 x 3 x H x W to H x W x 3, held to 0..1."""
    return np.ascontiguousarray(picture[0].detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy(), np.float32)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or .pth file; nothing that could run code is unpickled.

    Raises:
        PictureError: the file is missing, damaged, or holds more than tensors.
    """
    if not path.is_file():
        raise PictureError(f"there is no file {path}", code="no-such-file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, json.JSONDecodeError) as error:
        raise PictureError(
            f"{path} cannot be read as weights", str(error).splitlines()[0][:100], code="not-a-network"
        ) from error
    except Exception as error:  # unpickling refuses in several ways
        raise PictureError(f"{path} holds more than tensors and is refused", code="unsafe-file") from error
    for key in ("state_dict", "model", "average"):  # as some programs wrap them
        if isinstance(tensors, dict) and isinstance(tensors.get(key), dict):
            tensors = tensors[key]
    if not isinstance(tensors, dict) or not all(isinstance(value, Tensor) for value in tensors.values()):
        raise PictureError(f"{path} holds more than tensors and is refused", code="unsafe-file")
    return tensors
