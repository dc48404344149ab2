"""A pool of made pictures, from which a critic learns, so that it does not forget (Shrivastava et al. 2017)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

SIZE = 50  # pictures, as in Zhu et al. 2017


class ImagePool:
    """Pictures that were made before. Each new one takes the place of an old one, which is judged, or is judged itself.

    Args:
        size: pictures; 0 keeps none.
    """

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self.pictures: list[Tensor] = []

    def exchange(self, made: Tensor, rng: np.random.Generator) -> Tensor:
        """Put pictures in; take as many out.

        Args:
            made: N x C x H x W, without gradients.
            rng: half of the pictures, as it falls, are exchanged for old ones once the pool is full.
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
