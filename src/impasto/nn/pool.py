"""A pool of made pictures, which keeps a critic from forgetting earlier ones (Shrivastava et al. 2017)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

SIZE = 50  # pictures, as in Zhu et al. 2017


class ImagePool:
    """Pictures that were made earlier. The critic judges either a new picture, or an old one that it replaces here.

    Args:
        size: number of pictures; 0 stores none.
    """

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self.pictures: list[Tensor] = []

    def exchange(self, made: Tensor, rng: np.random.Generator) -> Tensor:
        """Add pictures, and return the same number of new or old pictures.

        Args:
            made: N x C x H x W, without gradients.
            rng: decides randomly. Once the pool is full, half of the pictures are exchanged for old ones.
        """
        found = []
        for picture in torch.split(made, 1):
            if len(self.pictures) < self.size:
                self.pictures.append(picture.clone())
            elif self.size and rng.random() < 0.5:
                index = int(rng.integers(self.size))
                self.pictures[index], picture = picture.clone(), self.pictures[index]
            found.append(picture)
        return torch.cat(found)
