"""Crops of two folders at once: a photo and a painting, or an input and its target."""

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
"""Pixels of the shorter side at which photos are painted and paintings are looked at: about 0.27 megapixels."""

_SHAPE = 0.05  # by which the ratios of an input's and its target's sides may differ


class StrokeCrops(Crops):
    """Crops in which strokes have the size at which they are painted.

    Args:
        photos: what to crop from.
        size: of the crops in pixels.
        seed: another seed, another order and other crops.
        brush: how large strokes are, over those of a picture seen at `SEEN`.
        spread: least and most of what the crops' scale is multiplied by.
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
    """A crop of a photo and one of a painting, which have nothing to do with each other, 6 x size x size."""

    def __init__(self, photos: Crops, paintings: Crops) -> None:
        self.photos, self.paintings = photos, paintings

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        """By position; and how many damaged pictures were passed over."""
        (photo, first), (painting, second) = self.photos[position], self.paintings[position]
        return torch.cat([photo, painting]), first + second


class Pairs(Dataset[tuple[Tensor, int]]):
    """The same part of an input and of its target, 6 x size x size, flipped alike.

    Args:
        inputs: what to crop from, and how.
        targets: in the order of the inputs; None, if an input's right half is its target.
    """

    def __init__(self, inputs: Crops, targets: Photos | None) -> None:
        self.inputs = inputs
        self.targets = {} if targets is None else dict(zip(inputs.photos.items, targets.items, strict=True))

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        """By position; and how many damaged pairs were passed over."""
        trouble = "pairs in a row cannot be read, or have different shapes"
        pair, tries = self.inputs.readable(position, self.read, trouble)
        return torch.cat([self.inputs.crop(picture, self.inputs.chance(position)) for picture in pair]), tries

    def some(self, most: int, side: int) -> list[Tensor]:
        """Some pairs, evenly spread, as squares, 6 x side x side each; damaged ones are left out.

        Raises:
            PictureError: none of them can be read.
        """
        pairs = read_some(self.inputs.photos, most, self.read)
        return [torch.cat([to_tensor(resize(part.samples, side, side))[0] for part in pair]) for pair in pairs]

    def read(self, item: Item) -> tuple[Picture, Picture]:
        """An input and its target, of one size.

        Raises:
            PictureError: one of them cannot be read, or they have different shapes.
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
    """Inputs and targets of the same names, in one order; and how many have no other.

    Raises:
        UsageError: none has, or two have one name.
    """
    both = [{item.name: item for item in photos.items} for photos in (inputs, targets)]
    for photos, known in zip((inputs, targets), both, strict=True):
        if len(known) < len(photos.items):
            twice = next(item for item in photos.items if known[item.name] is not item)
            raise UsageError(
                f"two pictures are called {twice.name}", "a pair is known by its two files' name", code="name-taken"
            )
    names = [name for name in both[0] if name in both[1]]
    if not names:
        examples = ", ".join(next(iter(known)) for known in both)
        raise UsageError(
            f"no input and target have the same name: {examples}", "a/1.png and b/1.jpg are a pair", code="mismatch"
        )
    found = [
        replace(photos, items=tuple(known[name] for name in names))
        for photos, known in zip((inputs, targets), both, strict=True)
    ]
    return found[0], found[1], len(both[0].keys() ^ both[1].keys())
