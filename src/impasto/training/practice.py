"""The photographs for learning a painting: random crops, and held-back ones to measure the progress."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.nn.tensors import to_tensor
from impasto.picture import Picture
from impasto.pixels.arrays import Pixels
from impasto.system.files import ASSETS
from impasto.training.data import find_photos, read

KEPT = 512  # decoded photographs that stay in memory


class Practice:
    """Square crops of the built-in photographs, or of those in a folder.

    Args:
        folder: see `impasto.training.data.find_photos`; None for the built-in photographs.
        side: of a crop in pixels.
        held_back: crops that measure the progress. Their photographs, at most a third of all, are never drawn.
        seed: chooses the held-back photographs.
        rng: draws crops.
    Raises:
        PictureError: the folder contains no photographs.
    """

    def __init__(
        self, folder: str | Path | None, *, side: int, held_back: int, seed: int, rng: np.random.Generator
    ) -> None:
        self.side, self.count, self.rng = side, held_back, rng
        self._known: dict[int, Pixels] = {}
        self._waiting: list[int] = []
        self._read, count = _reader(folder)
        order = [int(index) for index in np.random.default_rng(seed).permutation(count)]
        held = min(held_back, count // 3)
        self._held, self._others = order[:held] or order, order[held:]

    def batch(self, count: int) -> Tensor:
        """Return random crops, randomly scaled, mirrored and brightened, N x 3 x `side` x `side`, 0..1."""
        return torch.cat([self._crop() for _ in range(count)])

    def held_back(self) -> Tensor:
        """Return the centers of the held-back photographs, N x 3 x `side` x `side`, 0..1, repeated if too few."""
        return torch.cat([self._middle(index) for index in (self._held * self.count)[: self.count]])

    def _crop(self) -> Tensor:
        if not self._waiting:
            self._waiting = [int(index) for index in self.rng.permutation(self._others)]
        photo = self._photo(self._waiting.pop())
        wanted = int(self.side * math.exp(self.rng.uniform(math.log(0.8), math.log(1.6))))
        side = min(*photo.shape[:2], wanted)
        top, left = (int(self.rng.integers(length - side + 1)) for length in photo.shape[:2])
        crop = _resized(photo[top : top + side, left : left + side], self.side, self.side)
        crop = crop.pow(math.exp(self.rng.uniform(-0.3, 0.3)))
        return crop.flip(3) if self.rng.random() < 0.5 else crop

    def _middle(self, index: int) -> Tensor:
        photo = self._photo(index)
        scale = self.side / min(photo.shape[:2])
        height, width = (max(self.side, round(length * scale)) for length in photo.shape[:2])
        top, left = (height - self.side) // 2, (width - self.side) // 2
        return _resized(photo, height, width)[..., top : top + self.side, left : left + self.side]

    def _photo(self, index: int) -> Pixels:
        """Return a photograph at about the size of a crop."""
        if index not in self._known:
            picture = Picture.open(self._read(index), shorter=round(self.side * 1.5))
            if len(self._known) >= KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[index] = picture.pixels
        return self._known[index]


def _reader(folder: str | Path | None) -> tuple[Callable[[int], bytes], int]:
    """Return a function that reads the file of a photograph by its index, and the number of photographs."""
    if folder is None:
        with zipfile.ZipFile(ASSETS / "photos" / "photos.zip") as bundle:
            files = [bundle.read(name) for name in bundle.namelist()]
        return files.__getitem__, len(files)
    items = find_photos(folder).items
    return lambda index: read(items[index]), len(items)


def _resized(photo: Pixels, height: int, width: int) -> Tensor:
    return F.interpolate(to_tensor(photo), (height, width), mode="bicubic", antialias=True).clamp(0, 1)
