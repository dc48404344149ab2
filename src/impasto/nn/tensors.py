"""Pictures as tensors and back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.color import Pixels


def to_tensor(pixels: NDArray[np.float32]) -> Tensor:
    """H x W x 3, or a mask's H x W, to 1 x 3 x H x W or 1 x 1 x H x W."""
    planes = pixels.transpose(2, 0, 1)[None] if pixels.ndim == 3 else pixels[None, None]
    return torch.from_numpy(np.ascontiguousarray(planes, np.float32))


def to_pixels(picture: Tensor) -> Pixels:
    """1 x 3 x H x W to H x W x 3, held to 0..1."""
    return np.ascontiguousarray(picture[0].detach().float().clamp(0, 1).permute(1, 2, 0).cpu().numpy(), np.float32)
