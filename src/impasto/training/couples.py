"""Crop from two folders at once: a photo and a painting, or an input and its target."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from impasto.errors import PictureError, UsageError
from impasto.nn.tensors import to_tensor
from impasto.picture import Picture
from impasto.pixels.arrays import resize
from impasto.training.data import Crops, Item, Photos, read, read_some

SEEN = 427
"""Shorter side in pixels at which photos are painted and paintings are viewed: about 0.27 megapixels."""

_SHAPE = 0.05  # largest difference between the aspect ratios of an input and its target


class StrokeCrops(Crops):
    """Crops in which strokes have the size that they have in painted pictures.

    Args:
        photos: pictures to crop from.
        size: side of the crops in pixels.
        seed: determines the order and the crops.
        brush: stroke size, relative to a picture whose shorter side is `SEEN`.
        spread: lowest and highest random factor on the scale of the crops.
    """

    def __init__(
        self, photos: Photos, size: int, seed: int, brush: float = 1.0, spread: tuple[float, float] = (0.8, 1.25)
    ) -> None:
        super().__init__(photos, size, seed)
        self.usual, self.spread = size / (SEEN * brush), spread
        self.shorter = math.ceil(max(size, SEEN * brush / spread[0]))

    def share(self, rng: np.random.Generator) -> float:
        low, high = np.log(self.spread)
        return min(1.0, self.usual * math.exp(rng.uniform(low, high)))


class Couples(Dataset[tuple[Tensor, int]]):
    """Pairs of a photo's crop and an unrelated painting's crop, 6 x size x size."""

    def __init__(self, photos: Crops, paintings: Crops) -> None:
        self.photos, self.paintings = photos, paintings

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        """Return the pair at a position, and the number of damaged pictures that were skipped."""
        (photo, first), (painting, second) = self.photos[position], self.paintings[position]
        return torch.cat([photo, painting]), first + second


class Pairs(Dataset[tuple[Tensor, int]]):
    """Pairs of the same region of an input and of its target, 6 x size x size, flipped alike.

    Args:
        inputs: the crops of the inputs.
        targets: in the order of the inputs; None if the right half of each input is its target.
    """

    def __init__(self, inputs: Crops, targets: Photos | None) -> None:
        self.inputs = inputs
        self.targets = {} if targets is None else dict(zip(inputs.photos.items, targets.items, strict=True))

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        """Return the pair at a position, and the number of damaged pairs that were skipped."""
        trouble = "pairs in a row cannot be read or have different shapes"
        pair, tries = self.inputs.readable(position, self.read, trouble)
        return torch.cat([self.inputs.crop(picture, self.inputs.chance(position)) for picture in pair]), tries

    def some(self, most: int, side: int) -> list[Tensor]:
        """Return at most `most` pairs, evenly spaced, as squares, 6 x side x side each. Skip damaged pairs.

        Raises:
            PictureError: none of them can be read.
        """
        pairs = read_some(self.inputs.photos, most, self.read)
        return [torch.cat([to_tensor(resize(part.samples, side, side))[0] for part in pair]) for pair in pairs]

    def read(self, item: Item) -> tuple[Picture, Picture]:
        """Return an input and its target, resized to the same size.

        Raises:
            PictureError: one of them cannot be read, or their shapes differ.
        """
        if item not in self.targets:
            both = Picture.open(read(item))
            half = both.width // 2
            return Picture(both.samples[:, :half]), Picture(both.samples[:, -half:])
        first, second = (Picture.open(read(part), shorter=self.inputs.shorter) for part in (item, self.targets[item]))
        if abs(first.width * second.height / (first.height * second.width) - 1) > _SHAPE:
            raise PictureError(f"{item.path} and its target have different shapes", code="mismatch")
        return first, second.resized(first.width, first.height)


def matched(inputs: Photos, targets: Photos) -> tuple[Photos, Photos, int]:
    """Match inputs and targets by name. Return both in the same order, and the number of pictures without a partner.

    Raises:
        UsageError: no input has a target, or two pictures have the same name.
    """
    both = [{item.name: item for item in photos.items} for photos in (inputs, targets)]
    for photos, known in zip((inputs, targets), both, strict=True):
        if len(known) < len(photos.items):
            twice = next(item for item in photos.items if known[item.name] is not item)
            raise UsageError(
                f"two pictures are named {twice.name}", "pairs are matched by file name: rename one", code="name-taken"
            )
    names = [name for name in both[0] if name in both[1]]
    if not names:
        examples = ", ".join(next(iter(known)) for known in both)
        raise UsageError(
            f"no input and target have the same name: {examples}",
            "name the files of a pair alike: a/1.png and b/1.jpg",
            code="mismatch",
        )
    found = [
        replace(photos, items=tuple(known[name] for name in names))
        for photos, known in zip((inputs, targets), both, strict=True)
    ]
    return found[0], found[1], len(both[0].keys() ^ both[1].keys())
